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

"""The bag player as a process of its own, heard over DDS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Any

import pytest
import tiny_bags

pytest.importorskip('rclpy')

from rclpy.executors import SingleThreadedExecutor  # noqa: E402, I100
from rclpy.node import Node  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image, PointCloud2  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402

FRAMES = 5
PROFILE = Path(__file__).resolve().parents[2] / 'config' / 'dds_profile.xml'
BEST_EFFORT = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def stamp(message: Any) -> int:
    """Read a header stamp [ns]."""
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


class Ear:
    """A node that writes down what it hears."""

    def __init__(self) -> None:
        """Hear everything that the tiny bag has."""
        self.node = Node('ear')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.heard: list[tuple[str, Any]] = []
        for kind, topic, qos in ((Image, '/cam/image_raw', BEST_EFFORT),
                                 (PointCloud2, '/lidar/points', BEST_EFFORT),
                                 (Clock, '/clock', 1000), (TFMessage, '/tf', 10),
                                 (TFMessage, '/tf_static', LATCHED)):
            self.node.create_subscription(
                kind, topic, lambda m, t=topic: self.heard.append((t, m)), qos)

    def of(self, topic: str) -> list[Any]:
        """Return what was heard on a topic."""
        return [m for t, m in self.heard if t == topic]

    def spin(self, process: subprocess.Popen[str], timeout_s: float = 30.0,
             until: Callable[[], bool] = lambda: False) -> str:
        """Listen until a player ends; return what it said."""
        end_s = time.monotonic() + timeout_s
        while process.poll() is None and not until():
            assert time.monotonic() < end_s, 'the player does not end'
            self.executor.spin_once(timeout_sec=0.02)
        for _ in range(5):
            self.executor.spin_once(timeout_sec=0.01)
        return '' if process.poll() is None else process.communicate()[0]


@pytest.fixture()
def ear(ros: None) -> Iterator[Ear]:
    """Give a listener."""
    ear = Ear()
    yield ear
    ear.executor.shutdown()
    ear.node.destroy_node()


@pytest.fixture()
def play() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Give a function that starts a player; it does not outlive the test."""
    started = []

    def start(bag: Path, **parameters: Any) -> subprocess.Popen[str]:
        options = [x for name, value in {'bag': bag, **parameters}.items()
                   for x in ('-p', f'{name}:={value}')]
        process = subprocess.Popen(
            [sys.executable, '-m', 'dseg_ros.nodes.bag_player_node', '--ros-args', *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, 'FASTRTPS_DEFAULT_PROFILES_FILE': str(PROFILE)})
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_a_bag_is_played_as_recorded(tmp_path: Path, ear: Ear, play: Any) -> None:
    """All messages in order, /tf_static first and whole, /clock before each message."""
    bag = tiny_bags.write_ros2(
        tmp_path / 'drive', tiny_bags.drive(tiny_bags.ROS2, FRAMES),
        profiles={'/lidar/points': tiny_bags.qos(False, 3), '/tf': tiny_bags.qos(True, 7)})
    process = play(bag, wait_for_subscribers_s=20.0)
    offered: dict[str, QoSProfile] = {}

    def look() -> bool:
        for topic in ('/lidar/points', '/tf', '/cam/image_raw'):
            for info in ear.node.get_publishers_info_by_topic(topic):
                offered[topic] = info.qos_profile
        return False

    said = ear.spin(process, until=look)
    assert process.returncode == 0, said
    starts = [tiny_bags.START_NS + i * tiny_bags.STEP_NS for i in range(FRAMES)]
    assert [stamp(m) for m in ear.of('/cam/image_raw')] == starts
    assert [stamp(m) for m in ear.of('/lidar/points')] == starts
    (static,) = ear.of('/tf_static')
    assert [t.child_frame_id for t in static.transforms] == ['lidar', 'camera_optical']
    topics = [t for t, _ in ear.heard]
    assert topics.index('/tf_static') < topics.index('/clock') <= topics.index('/tf')
    clock = [m.clock.sec * 10**9 + m.clock.nanosec for m in ear.of('/clock')]
    assert clock == sorted(clock) and clock[0] == starts[0]
    assert max(b - a for a, b in zip(clock, clock[1:])) <= 20_000_000
    assert offered['/lidar/points'].reliability == ReliabilityPolicy.BEST_EFFORT
    assert offered['/tf'].reliability == ReliabilityPolicy.RELIABLE
    assert '/cam/image_raw 5' in said


def test_lock_step_loses_nothing(tmp_path: Path, ear: Ear, play: Any) -> None:
    """A ROS 1 bag at full speed, a slow answerer that once does not hear and once fails."""
    bag = tiny_bags.write_ros1(tmp_path / 'drive.bag', tiny_bags.drive(tiny_bags.ROS1, FRAMES))
    answers = ear.node.create_publisher(Image, '/mask', 1)
    seen: list[int] = []

    def answer(image: Image) -> None:
        index = (stamp(image) - tiny_bags.START_NS) // tiny_bags.STEP_NS
        seen.append(index)
        if index == 3 or seen.count(index) == 1 and index == 1:
            return
        time.sleep(0.02)
        answers.publish(Image(header=image.header))

    ear.node.create_subscription(Image, '/cam/image_raw', answer, NEWEST)
    said = ear.spin(process := play(
        bag, rate=0.0, lock_step=True, lock_step_results="['/cam/image_raw -> /mask']",
        lock_step_timeout_s=1.5, lock_step_repeat_s=0.6))
    assert process.returncode == 0, said
    assert seen == [0, 1, 1, 2, 3, 3, 3, 4]
    lost = tiny_bags.START_NS + 3 * tiny_bags.STEP_NS
    assert f'no answer on /mask to /cam/image_raw of {lost} ns within 1.5 s' in said
    assert 'answered: /cam/image_raw 4; repeated: /cam/image_raw 3; ' in said
    assert 'without an answer: /cam/image_raw 1' in said


def test_six_cameras_in_lock_step(shared_data: Path, ear: Ear, play: Any) -> None:
    """A real ROS 1 bag as fast as it goes: each image and each cloud is heard once, none lost."""
    cameras = [f'/camera_{i:02}/image/compressed' for i in (1, 5, 6, 7, 8, 9)]
    heard: dict[str, list[int]] = {topic: [] for topic in (*cameras, '/points')}

    def listen(kind: type[Any], topic: str) -> str:
        result = f'/answer_{len(answers)}'
        answers[topic] = ear.node.create_publisher(Image, result, 1)

        def answer(message: Any) -> None:
            heard[topic].append(stamp(message))
            answers[topic].publish(Image(header=message.header))

        ear.node.create_subscription(kind, topic, answer, NEWEST)
        return f"'{topic} -> {result}'"

    answers: dict[str, Any] = {}
    lines = [listen(CompressedImage, c) for c in cameras] + [listen(PointCloud2, '/points')]
    process = play(shared_data / 'ddad_2_drive' / 'ddad_2_drive.bag', rate=0.0, lock_step=True,
                   lock_step_results=f'[{", ".join(lines)}]')
    said = ear.spin(process)
    assert process.returncode == 0, said
    assert 'without an answer: none' in said
    assert {topic: len(set(stamps)) for topic, stamps in heard.items()} == dict.fromkeys(heard, 3)


def test_a_bag_that_was_cut_off(tmp_path: Path, ear: Ear, play: Any) -> None:
    """It is played up to the cut; then the process fails and says where."""
    rows = tiny_bags.drive(tiny_bags.ROS1, 600)
    bag = tiny_bags.write_ros1(tmp_path / 'drive.bag', rows)
    bag.write_bytes(bag.read_bytes()[:-100_000])
    process = play(bag, rate=0.0, wait_for_subscribers_s=0.1)
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 1, said
    assert 'drive.bag is damaged after' in said and 'played ' in said


def test_a_loop_sets_the_clock_back(tmp_path: Path, ear: Ear, play: Any) -> None:
    """Again and again until it is stopped, then a clean end."""
    bag = tiny_bags.write_ros2(tmp_path / 'drive', tiny_bags.drive(tiny_bags.ROS2, 2))
    process = play(bag, loop=True, rate=4.0, topics="['/tf']")
    ear.spin(process, until=lambda: len(ear.of('/tf')) >= 5)
    process.send_signal(2)
    said = ear.spin(process)
    assert process.returncode == 0, said
    clock = [m.clock.sec * 10**9 + m.clock.nanosec for m in ear.of('/clock')]
    assert sum(b < a for a, b in zip(clock, clock[1:])) >= 2
    assert not ear.of('/cam/image_raw')


@pytest.mark.parametrize(('parameters', 'said'), [
    ({'bag': '/nope'}, '/nope: does not exist'),
    ({'topics': "['/nope']"}, "no topic ['/nope'], it has /cam/camera_info"),
    ({'start_s': 99.0, 'wait_for_subscribers_s': 0.0}, 'nothing to play from 99.0 s on'),
    ({'rate': -1.0}, 'rate'),
    ({'lock_step': True, 'lock_step_results': "['/tf -> /nobody']", 'lock_step_discovery_s': 0.3},
     'a subscriber on /tf, a publisher on /nobody did not appear within 0.3 s')])
def test_what_cannot_be_played(tmp_path: Path, play: Any, parameters: dict[str, Any],
                               said: str, ros: None) -> None:
    """The process ends with an error that names the value."""
    bag = tiny_bags.write_ros2(tmp_path / 'drive', tiny_bags.drive(tiny_bags.ROS2, 2))
    process = play(**{'bag': bag, **parameters})
    output = process.communicate(timeout=20)[0]
    assert process.returncode == 1, output
    assert said in output
