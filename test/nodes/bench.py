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

"""Nodes in a process of their own making, a sensor that feeds them, and what they answer."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path
import time
from typing import Any

from dseg_ros.nodes.publish import cloud_message, header
from dseg_ros.nodes.segmentation_node import SegmentationNode
from dseg_ros.nodes.shell import Shell, Surroundings
from geometry_msgs.msg import TransformStamped
import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import LabelInfo

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
SIZE = (90, 160)
MODEL = next((Path(__file__).resolve().parents[2] / 'resource/models').glob('*.onnx'), None)


class Bench:
    """Nodes of one process, a sensor that feeds them, and what they answer."""

    def __init__(self, kinds: list[Callable[..., Shell[Any]]], arguments: list[str]) -> None:
        """Make the nodes with parameters, configure and activate them."""
        self.context = Context()
        rclpy.init(context=self.context, args=['--ros-args', *(
            a for argument in arguments for a in ('-p', argument))])
        default, rclpy.utilities.g_default_context = (
            rclpy.utilities.g_default_context, self.context)
        try:
            self.user = Node('user', context=self.context)
            shared = Surroundings(self.user)
            self.nodes = [kind(shared) for kind in kinds]
        finally:
            rclpy.utilities.g_default_context = default
        self.executor = SingleThreadedExecutor(context=self.context)
        for node in (self.user, *self.nodes):
            self.executor.add_node(node)
        self.results: dict[str, list[Any]] = {}
        self.senders: dict[str, Any] = {}

    def start(self) -> None:
        """Configure and activate."""
        for node in self.nodes:
            assert node.trigger_configure() == SUCCESS and node.trigger_activate() == SUCCESS

    def hear(self, kind: type[Any], topic: str, latched: bool = False) -> None:
        """Collect a result."""
        durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        self.results[topic] = []
        self.user.create_subscription(kind, topic, self.results[topic].append,
                                      QoSProfile(depth=10, durability=durability))

    def send(self, topic: str, message: Any) -> None:
        """Publish, when someone listens."""
        if topic not in self.senders:
            latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            self.senders[topic] = self.user.create_publisher(
                type(message), topic, latched if 'static' in topic else 10)
        self.until(lambda: self.senders[topic].get_subscription_count() > 0)
        self.senders[topic].publish(message)

    def until(self, holds: Callable[[], Any]) -> None:
        """Spin until something holds."""
        end_s = time.monotonic() + 20.0
        while not holds():
            assert time.monotonic() < end_s, 'it never came'
            self.executor.spin_once(0.02)

    def close(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.end()
        self.context.try_shutdown()


def cloud(stamp: int, count: int = 3000, frame: str = 'lidar', nan: bool = False) -> PointCloud2:
    """Make a cloud: a box of points on a road."""
    points = np.zeros(count, [('x', 'f4'), ('y', 'f4'), ('z', 'f4')])
    generator = np.random.default_rng(1)
    points['x'], points['y'] = generator.uniform(3, 20, (2, count))
    points['z'] = np.nan if nan else -1.7
    points[:count // 3] = [(8.0 + (i % 20) * 0.05, (i // 20) * 0.02, -1.4 + (i % 7) * 0.2)
                           for i in range(count // 3)]
    if nan:
        points['x'] = np.nan

    return cloud_message(points, header(stamp, frame), array('B', points.tobytes()))


def image(stamp: int, encoding: str = 'rgb8', size: tuple[int, int] = SIZE) -> Image:
    """Make a grey image."""
    data = array('B', bytes([100]) * (size[0] * size[1] * 3))
    return Image(header=header(stamp, 'camera'), height=size[0], width=size[1],
                 step=size[1] * 3, encoding=encoding, data=data)


def camera_info(stamp: int, size: tuple[int, int] = SIZE) -> CameraInfo:
    """Make a calibration."""
    return CameraInfo(header=header(stamp, 'camera'), height=size[0], width=size[1],
                      distortion_model='plumb_bob', d=[0.0] * 5,
                      k=[100.0, 0.0, size[1] / 2, 0.0, 100.0, size[0] / 2, 0.0, 0.0, 1.0])


def extrinsics() -> TFMessage:
    """Make the camera look along the LiDAR's x axis."""
    link = TransformStamped(child_frame_id='camera')
    link.header.frame_id = 'lidar'
    turn = link.transform.rotation
    turn.x, turn.y, turn.z, turn.w = -0.5, 0.5, -0.5, 0.5
    return TFMessage(transforms=[link])


def segmentation(bench: Callable[..., Bench], *arguments: str) -> Bench:
    """Start a segmentation node with the shipped model."""
    if MODEL is None:
        pytest.skip('the package ships no model')
    drive = bench([SegmentationNode], f'engine.model:={MODEL}', *arguments)
    drive.hear(Image, 'segmentation/mask')
    drive.hear(PointCloud2, 'segmentation/points_semantic')
    drive.hear(LabelInfo, 'segmentation/label_info', latched=True)
    drive.start()
    return drive
