# Copyright 2026 The dseg_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Subscriptions that exist only while their messages are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from dseg_ros.nodes.diagnostics import input_health
from dseg_ros.nodes.handover import Latest
from dseg_ros.nodes.inputs import CAMERA, Feed, Kind, Shared
from dseg_ros.nodes.pairing import Pairing
from dseg_ros.nodes.shell import Shell
from dseg_ros.types import Camera


@dataclass(frozen=True, eq=False)
class Topic:
    """Something to listen to: what it is to us, its name, its type, who is told."""

    label: str
    name: str
    kind: Kind[Any]
    listener: Callable[[Shared[Any]], None]


class OnDemand:
    """Listens to topics while they are needed; watched by the diagnostics meanwhile."""

    def __init__(self, node: Shell[Any], topics: list[Topic]) -> None:
        """
        Start without listening.

        :param node: who listens.
        :param topics: what to.
        """
        self._node = node
        self._topics = topics
        self._feeds: list[Feed[Any]] = []

    def follow(self, needed: bool) -> None:
        """Begin or end to listen, if that has changed."""
        if needed and not self._feeds:
            for topic in self._topics:
                feed = self._node.listen(topic.name, topic.kind, topic.listener)
                self._feeds.append(feed)
                self._node.diagnostics.add(topic.label, partial(input_health, feed))
        elif not needed and self._feeds:
            for topic, feed in zip(self._topics, self._feeds):
                self._node.diagnostics.remove(topic.label)
                self._node.unlisten(feed)
            self._feeds = []


class Calibrations:
    """The newest calibration of each camera."""

    def __init__(self, node: Shell[Any], cameras: tuple[str, ...]) -> None:
        """
        Start without any.

        :param node: who wants them.
        :param cameras: their names.
        """
        self._node = node
        self._slots: dict[str, Latest[Shared[Camera]]] = {
            name: Latest(lambda: None) for name in cameras}

    def topics(self) -> list[Topic]:
        """List what to listen to."""
        inputs = self._node.config.inputs
        return [Topic(f'camera_info {name}', inputs.camera_info_topic(name), CAMERA, slot.put)
                for name, slot in self._slots.items()]

    def hand_to(self, pairing: Pairing) -> None:
        """Pass on what is new."""
        for name, slot in self._slots.items():
            message = slot.take()
            if message is None:
                continue
            try:
                pairing.push_calibration(name, message.message)
            except ValueError as error:
                self._node.troubles.add(f'camera_info {name}', error)
