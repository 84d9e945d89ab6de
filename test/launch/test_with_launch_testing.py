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

"""The launch file under launch_testing: one image and one cloud in, mask and objects out."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import time
from typing import Any
import unittest

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
import launch_testing.actions
import launch_testing.asserts
import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image, PointCloud2
from vision_msgs.msg import Detection3DArray

REPOSITORY = Path(__file__).resolve().parents[2]
DOMAIN = str(1 + (os.getpid() + 50) % 100)


@pytest.mark.launch_test
def generate_test_description() -> LaunchDescription:
    """Start the nodes with the generic configuration."""
    os.environ['ROS_DOMAIN_ID'] = DOMAIN
    source = PythonLaunchDescriptionSource(str(REPOSITORY / 'launch/drive.launch.py'))
    return LaunchDescription([
        IncludeLaunchDescription(source, launch_arguments={
            'params_file': str(REPOSITORY / 'config/generic.yaml')}.items()),
        launch_testing.actions.ReadyToTest()])


class TestWhileRunning(unittest.TestCase):
    """What the running nodes do."""

    def setUp(self) -> None:
        """Make a user of the nodes."""
        os.environ['ROS_DOMAIN_ID'] = DOMAIN
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = Node('user', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def tearDown(self) -> None:
        """End it."""
        rclpy.shutdown(context=self.context)

    def test_image_gets_mask(self) -> None:
        """An image is answered with a mask of its size."""
        pixels = np.full((60, 80, 3), 90, np.uint8)
        image = Image(height=60, width=80, step=240, encoding='bgr8', data=pixels.tobytes())
        mask = self.answer(image, 'image', Image, 'segmentation/mask')
        self.assertEqual((mask.height, mask.width, mask.encoding), (60, 80, 'mono8'))

    def test_cloud_gets_objects(self) -> None:
        """An empty cloud is answered with no objects."""
        objects = self.answer(PointCloud2(), 'points', Detection3DArray, 'proposals/objects')
        self.assertEqual(len(objects.detections), 0)

    def answer(self, message: Any, topic: str, kind: type[Any], result: str) -> Any:
        """Publish until the answer comes."""
        answers: list[Any] = []
        self.node.create_subscription(kind, result, answers.append, 10)
        publisher = self.node.create_publisher(type(message), topic, 10)
        self.until(lambda: publisher.get_subscription_count() > 0)
        self.until(lambda: publisher.publish(message) or answers)
        return answers[0]

    def until(self, holds: Callable[[], Any]) -> None:
        """Spin until something holds."""
        end_s = time.monotonic() + 40.0
        while not holds():
            self.assertLess(time.monotonic(), end_s, 'it never came')
            self.executor.spin_once(0.1)


@launch_testing.post_shutdown_test()
class TestAfterShutdown(unittest.TestCase):
    """How the processes ended."""

    def test_exit_codes(self, proc_info: Any) -> None:
        """All processes ended cleanly."""
        launch_testing.asserts.assertExitCodes(proc_info)
