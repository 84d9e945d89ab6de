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

"""What the bag player shares with the graph: publishers as recorded, answers in lock step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from dseg_ros.bags.header import MessageError
from dseg_ros.bags.player import header_stamp_ns
from dseg_ros.bags.reader import TopicInfo
from dseg_ros.config.schema import ConfigError
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Header

DEFAULT_DEPTH = 10
"""Messages that a publisher keeps where the bag does not say; what ROS drivers commonly take."""


def message_class(kind: str) -> type[Any]:
    """
    Import a message type.

    :param kind: as in 'sensor_msgs/msg/Image'.
    :raises ImportError: if its package is not installed or has no such message.
    """
    package, _, name = kind.replace('/msg/', '/').partition('/')
    try:
        return getattr(import_module(f'{package}.msg'), name)  # type: ignore[no-any-return]
    except AttributeError as error:
        raise ImportError(str(error)) from None


def offered(info: TopicInfo, lock_step: bool) -> QoSProfile:
    """
    Choose the quality of service to publish a topic with: as it was recorded.

    :param info: the topic; where several publishers were recorded, the least reliable one counts.
    :param lock_step: reliable whatever was recorded, which serves best-effort subscribers as well.
    """
    best_effort = any(q.reliability == 'best_effort' for q in info.qos) and not lock_step
    latched = any(q.durability == 'transient_local' for q in info.qos)
    keep_all = any(q.history == 'keep_all' for q in info.qos)
    depth = max([q.depth for q in info.qos] or [DEFAULT_DEPTH])
    return QoSProfile(
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        history=HistoryPolicy.KEEP_ALL if keep_all else HistoryPolicy.KEEP_LAST,
        depth=max(depth, 1))


class Answers:
    """
    Subscriptions to the results of lock step, made as their publishers appear.

    Nothing is decoded but the stamp.
    """

    def __init__(self, node: Node, results: Mapping[str, str],
                 heard: Callable[[str, int], None]) -> None:
        """
        Prepare; `discover` subscribes.

        :param node: who subscribes.
        :param results: resolved topics by the names that lock step knows them under.
        :param heard: takes such a name and a header stamp [ns]; called by the executor.
        """
        self._node = node
        self._missing = dict(results)
        self._heard = heard
        self._subscriptions: list[Any] = []

    def discover(self) -> list[str]:
        """
        Subscribe to what has appeared.

        :returns: names of the results without a publisher.
        :raises ConfigError: for a result whose type has no header.
        """
        kinds = dict(self._node.get_topic_names_and_types())
        for name, topic in list(self._missing.items()):
            publishers = self._node.get_publishers_info_by_topic(topic)
            if publishers and topic in kinds:
                self._subscribe(name, topic, kinds[topic][0], publishers)
                del self._missing[name]
        return sorted(self._missing)

    def _subscribe(self, name: str, topic: str, kind: str, publishers: list[Any]) -> None:
        """Subscribe as reliably as the publishers offer."""
        message = message_class(kind)
        first = next(iter(message.get_fields_and_field_types().values()), '')
        if first != 'std_msgs/Header' and message is not Header:
            raise ConfigError(f'lock_step_results: {topic} is {kind}, which begins with no header')
        reliable = all(p.qos_profile.reliability == ReliabilityPolicy.RELIABLE
                       for p in publishers)
        qos = QoSProfile(depth=DEFAULT_DEPTH, reliability=(
            ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT))

        def receive(cdr: bytes) -> None:
            try:
                self._heard(name, header_stamp_ns(cdr))
            except MessageError as error:
                self._node.get_logger().error(f'{topic}: {error}')

        self._subscriptions.append(
            self._node.create_subscription(message, topic, receive, qos, raw=True))
