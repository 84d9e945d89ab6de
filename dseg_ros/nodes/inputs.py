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

"""
What the nodes subscribe to: every topic once per process, every message decoded at most once.

Callbacks keep the message and wake whoever works; all work is done in the workers' threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
import time
from typing import Any, Generic, TypeVar

from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.messages import camera_from_message, cloud_from_message, stamp_ns
from dseg_ros.nodes.rates import Rate
from dseg_ros.types import Camera, Cloud, Dropped, Image
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data, QoSProfile
import sensor_msgs.msg

T = TypeVar('T')


@dataclass(frozen=True, eq=False)
class Kind(Generic[T]):
    """A type of message and how it is decoded."""

    message: type[Any]
    decode: Callable[[Any], T]


POINTS: Kind[tuple[Cloud, Dropped]] = Kind(sensor_msgs.msg.PointCloud2, cloud_from_message)
RAW_IMAGE: Kind[Image] = Kind(sensor_msgs.msg.Image, image_from_message)
COMPRESSED_IMAGE: Kind[Image] = Kind(sensor_msgs.msg.CompressedImage, image_from_message)
CAMERA: Kind[Camera] = Kind(sensor_msgs.msg.CameraInfo, camera_from_message)


def image_kind(topic: str) -> Kind[Image]:
    """Tell the type of an image topic by its name, as image_transport names them."""
    return COMPRESSED_IMAGE if topic.endswith('/compressed') else RAW_IMAGE


class Shared(Generic[T]):
    """A received message; whoever needs it first decodes it, for all others too."""

    def __init__(self, message: Any, decode: Callable[[Any], T], received_s: float) -> None:
        """
        Hold a message.

        :param message: as received.
        :param decode: message -> value; may raise ValueError.
        :param received_s: when it came, by the monotonic clock [s].
        """
        self.message = message
        self.received_s = received_s
        self._decode = decode
        self._lock = Lock()
        self._value: T | None = None
        self._error: Exception | None = None

    @property
    def stamp_ns(self) -> int:
        """Stamp of the header [ns]."""
        return stamp_ns(self.message.header)

    def value(self) -> T:
        """
        Decode, the first time.

        :raises ValueError: for a message that cannot be used, to everyone who asks.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._value is None:
                try:
                    self._value = self._decode(self.message)
                except Exception as error:
                    self._error = error
                    raise
            return self._value


class Feed(Generic[T]):
    """One subscribed topic, for everyone in the process who reads it."""

    def __init__(self, node: Node, topic: str, kind: Kind[T]) -> None:
        """
        Subscribe.

        :param node: who owns the subscription.
        :param topic: resolved name.
        :param kind: type of its messages.
        """
        self.topic = topic
        self.kind = kind
        self.rate = Rate()
        self.incompatible_qos = ''
        self._node = node
        self._listeners: dict[object, Callable[[Shared[T]], None]] = {}
        self._subscription = node.create_subscription(
            kind.message, topic, self._receive, SENSOR, event_callbacks=(
                SubscriptionEventCallbacks(incompatible_qos=self._on_incompatible_qos)))

    def listen(self, who: object, listener: Callable[[Shared[T]], None]) -> None:
        """Hand every message to `listener`, in the executor's thread; it must not work there."""
        self._listeners = {**self._listeners, who: listener}

    def leave(self, who: object) -> bool:
        """Stop listening; say whether nobody is left."""
        self._listeners = {w: f for w, f in self._listeners.items() if w is not who}
        return not self._listeners

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def publishers(self) -> list[str]:
        """List the message types that are published on the topic."""
        return [info.topic_type for info in self._node.get_publishers_info_by_topic(self.topic)]

    def _receive(self, message: Any) -> None:
        now_s = time.monotonic()
        self.rate.add(stamp_ns(message.header), now_s)
        shared = Shared(message, self.kind.decode, now_s)
        for listener in self._listeners.values():
            listener(shared)

    def _on_incompatible_qos(self, event: Any) -> None:
        self.incompatible_qos = str(event.last_policy_kind)
        self._node.get_logger().warning(
            f'{self.topic}: a publisher offers a quality of service that does not fit best '
            f'effort, volatile (policy {event.last_policy_kind}); nothing comes from it')


SENSOR: QoSProfile = qos_profile_sensor_data


class Hub:
    """The subscriptions of a process."""

    def __init__(self, node: Node) -> None:
        """
        Start without any.

        :param node: who owns the subscriptions.
        """
        self.node = node
        self._feeds: dict[str, Feed[Any]] = {}
        self._lock = Lock()

    def subscribe(self, node: Node, name: str, kind: Kind[T],
                  listener: Callable[[Shared[T]], None], who: object) -> Feed[T]:
        """
        Listen to a topic, subscribing where nobody does yet.

        :param node: whose namespace and remappings make the name a topic.
        :param name: the topic as configured.
        :param kind: type of its messages.
        :param listener: called with every message in the executor's thread.
        :param who: key to unsubscribe by.
        :raises ValueError: if the topic is already read as another type.
        """
        topic = node.resolve_topic_name(name)
        with self._lock:
            feed = self._feeds.get(topic)
            if feed is None:
                feed = self._feeds[topic] = Feed(self.node, topic, kind)
            elif feed.kind is not kind:
                raise ValueError(f'{topic}: read as {feed.kind.message.__name__} and as '
                                 f'{kind.message.__name__}')
            feed.listen(who, listener)
            return feed

    def unsubscribe(self, feed: Feed[Any], who: object) -> None:
        """Stop listening; the last to leave closes the subscription."""
        with self._lock:
            if feed.leave(who) and self._feeds.pop(feed.topic, None) is feed:
                feed.close()
