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

"""Shared inputs: one subscription and one decoding per message, however many read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import time
from typing import Any

from dseg_ros.config.nodes import InputsConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.nodes.diagnostics import ERROR, input_health, OK, WARN
from dseg_ros.nodes.handover import Backlog, Latest
from dseg_ros.nodes.inputs import CAMERA, Hub, Kind, POINTS, RAW_IMAGE, Shared
from dseg_ros.nodes.rates import Rate
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

MS = 1_000_000


@pytest.fixture
def spun(ros: None) -> Iterator[Callable[[str], Node]]:
    """Make nodes and spin them until something holds."""
    executor = SingleThreadedExecutor()
    nodes: list[Node] = []

    def make(name: str) -> Node:
        nodes.append(Node(name))
        executor.add_node(nodes[-1])
        nodes[-1].until = lambda holds: _until(executor, holds)
        return nodes[-1]

    yield make
    for node in nodes:
        executor.remove_node(node)
        node.destroy_node()


def _until(executor: SingleThreadedExecutor, holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 10.0
    while not holds():
        assert time.monotonic() < end_s, 'it never came'
        executor.spin_once(0.05)


def test_one_subscription_one_decoding(spun: Callable[[str], Any]) -> None:
    """Two readers of a topic share the subscription and the decoded value, or its error."""
    node, sender = spun('reader'), spun('sender')
    calls = []
    kind: Kind[int] = Kind(Image, lambda message: calls.append(message) or len(calls))
    hub, got = Hub(node), []
    feeds = [hub.subscribe(node, 'image', kind, got.append, who) for who in ('a', 'b')]
    assert feeds[0] is feeds[1]
    assert node.count_subscribers('image') == 1
    publisher = sender.create_publisher(Image, 'image', 10)
    node.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(Image())
    node.until(lambda: len(got) == 2)
    assert got[0] is got[1] and [m.value() for m in got] == [1, 1] and len(calls) == 1
    hub.unsubscribe(feeds[0], 'a')
    publisher.publish(Image())
    node.until(lambda: len(got) == 3)
    hub.unsubscribe(feeds[1], 'b')
    node.until(lambda: publisher.get_subscription_count() == 0)


def test_a_topic_has_one_type(spun: Callable[[str], Any]) -> None:
    """The same topic as two types is an error that names both."""
    node = spun('reader')
    hub = Hub(node)
    hub.subscribe(node, 'image', RAW_IMAGE, print, 'a')
    with pytest.raises(ValueError, match='/image: read as Image and as CameraInfo'):
        hub.subscribe(node, 'image', CAMERA, print, 'b')


def test_a_message_that_cannot_be_decoded_fails_for_all() -> None:
    """Whoever asks for the value of a bad message gets the same error, decoded once."""
    shared = Shared(Image(encoding='rgb8'), RAW_IMAGE.decode, 0.0)
    for _ in range(2):
        with pytest.raises(ValueError, match='0x0'):
            shared.value()


def test_latest_keeps_the_newest() -> None:
    """What is not taken in time is replaced, and counted."""
    woken = []
    slot: Latest[int] = Latest(lambda: woken.append(1))
    for number in range(3):
        slot.put(number)
    assert slot.take() == 2
    assert slot.take() is None
    assert (slot.replaced, len(woken)) == (2, 3)


def test_backlog_keeps_the_order() -> None:
    """Everything is kept up to a limit, beyond which the oldest gives way."""
    queue: Backlog[int] = Backlog(lambda: None, limit=3)
    for number in range(5):
        queue.put(number)
    assert queue.take() == [2, 3, 4] and queue.take() == []
    assert queue.replaced == 2


def test_rates_tell_losses_from_a_slow_sensor() -> None:
    """The sensor's rate is seen through losses; a jump of the clock starts anew."""
    rate = Rate()
    for number in range(30):
        if number % 3 == 0 or number in (1, 4, 7, 10, 13):
            rate.add(number * 100 * MS, 0.0)
    received, sent = rate.hertz()
    assert sent == pytest.approx(10.0) and received == pytest.approx(5.2, abs=0.3)
    rate.add(0, 0.0)
    assert rate.hertz() == (0.0, 0.0)


def test_a_stamp_that_leaps_is_no_loss() -> None:
    """A driver whose first stamps are zero, before its clock is set, has lost nothing."""
    rate = Rate()
    for number in range(10):
        rate.add(0 if number < 3 else 1_700_000_000_000 * MS + number * 100 * MS, 0.0)
    assert rate.hertz() == pytest.approx((10.0, 10.0))


@pytest.mark.parametrize('name', ['a topic!', '', '/', '/2nd/points', 'a//b', 'a/', '/a/{lidar}'])
def test_an_impossible_topic_is_named(name: str) -> None:
    """What ROS says about a name that it cannot resolve does not hold the name; our error does."""
    with pytest.raises(ConfigError, match=f'points: {name!r}'):
        InputsConfig(points=name)
    with pytest.raises(ConfigError, match=f'image: {name!r}'):
        InputsConfig(image=name)


@pytest.mark.parametrize('name', ['points', '/lidar/points', '~/points', '~/a_1/{camera}/b'])
def test_possible_topics(name: str) -> None:
    """Relative, absolute and private names are topics."""
    assert InputsConfig(image=name, cameras=('front',)).image == name


def test_health_of_an_input(spun: Callable[[str], Any]) -> None:
    """A missing topic, a wrong type and lost messages are told apart, by name."""
    node = spun('reader')
    feed = Hub(node).subscribe(node, 'lonely', POINTS, lambda message: None, 'a')
    health = input_health(feed)
    assert health.level == WARN and '/lonely: nothing received; nobody publishes it' in (
        health.message)
    for number in (0, 1, 2, 3, 8, 12, 16):
        feed.rate.add(number * 100 * MS, time.monotonic())
    assert 'of 10.0 Hz arrive' in input_health(feed).message
    for number in range(17, 90):
        feed.rate.add(number * 100 * MS, time.monotonic())
    assert input_health(feed).level == OK
    elsewhere = Context()  # in one process rmw itself refuses a second type
    rclpy.init(context=elsewhere)
    try:
        sender = Node('sender', context=elsewhere)
        sender.create_publisher(CameraInfo, 'lonely', 10)
        node.until(lambda: bool(feed.publishers()))
        health = input_health(feed)
        assert health.level == ERROR and 'CameraInfo, not sensor_msgs/msg/PointCloud2' in (
            health.message)
    finally:
        rclpy.shutdown(context=elsewhere)


def test_sensor_subscriptions_take_best_effort(spun: Callable[[str], Any]) -> None:
    """A driver that publishes best effort is heard."""
    from rclpy.qos import ReliabilityPolicy
    node, got = spun('reader'), []
    Hub(node).subscribe(node, 'points', POINTS, got.append, 'a')
    publisher = spun('sender').create_publisher(
        PointCloud2, 'points', QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    node.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(PointCloud2())
    node.until(lambda: len(got) == 1)
