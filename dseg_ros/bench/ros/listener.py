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

"""Hear topics and note when; reads as best effort what sensors send, as our nodes do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event
import time
from typing import Any

from dseg_ros.bags.header import stamp_ns
from dseg_ros.bench.ros.program import main_of, ready
from dseg_ros.nodes.inputs import SENSOR
from dseg_ros.nodes.player_topics import message_class
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

LAST_S = 0.3
"""Listens on for so long when it is told to stop."""


def work(node: Node, options: dict[str, Any], stop: Event) -> dict[str, list[Any]]:
    """
    Listen until told to stop, or until enough was heard.

    :param options: topics {name: type}; sensors, those of them that are read as best effort;
        enough, messages of one topic after which it ends, 0 = never.
    :returns: by topic a list: of messages with a header [stamp, published, received, heard],
        the last by the monotonic clock, the two before by that of the machine [ns]; of others
        their value.
    """
    heard: dict[str, list[Any]] = {topic: [] for topic in options['topics']}
    enough = options.get('enough', 0)

    def into(notes: list[Any]) -> Callable[[Any, Mapping[str, int]], None]:
        def note(message: Any, info: Mapping[str, int]) -> None:
            now = time.monotonic_ns()
            notes.append(message.data if not hasattr(message, 'header') else [
                stamp_ns(message.header), info['source_timestamp'], info['received_timestamp'],
                now])
            if enough and len(notes) >= enough:
                stop.set()
        return note

    for topic, kind in options['topics'].items():
        qos = SENSOR if topic in options.get('sensors', ()) else QoSProfile(depth=50)
        node.create_subscription(message_class(kind), topic, into(heard[topic]), qos)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    ready()
    while not stop.is_set():
        executor.spin_once(0.05)
    end = time.monotonic() + (0.0 if enough else LAST_S)
    while time.monotonic() < end:
        executor.spin_once(0.05)
    return heard


if __name__ == '__main__':
    main_of(work)
