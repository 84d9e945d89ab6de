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

"""Nodes as tutorials write them: all work in the callback, messages through cv_bridge."""

from __future__ import annotations

from threading import Event
import time
from typing import Any

from dseg_ros.bench.ros.program import main_of, ready
import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data as SENSOR  # noqa: N811
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Float64
from vision_msgs.msg import Detection3DArray


def segmentation(node: Node, options: dict[str, Any]) -> None:
    """Answer images with a mask."""
    from cv_bridge import CvBridge
    bridge = CvBridge()
    masks = node.create_publisher(Image, options['mask'], 10)
    took = node.create_publisher(Float64, options['took'], 10)

    def answer(message: Image) -> None:
        begin = time.monotonic()
        rgb = bridge.imgmsg_to_cv2(message, 'rgb8')
        mask = bridge.cv2_to_imgmsg(np.zeros(rgb.shape[:2], np.uint8), 'mono8')
        mask.header = message.header
        masks.publish(mask)
        took.publish(Float64(data=1e3 * (time.monotonic() - begin)))

    node.create_subscription(Image, options['image'], answer, SENSOR)


def objects(node: Node, options: dict[str, Any]) -> None:
    """Answer clouds with no objects."""
    publisher = node.create_publisher(Detection3DArray, options['objects'], 10)
    node.create_subscription(
        PointCloud2, options['points'],
        lambda message: publisher.publish(Detection3DArray(header=message.header)), SENSOR)


KINDS = {'segmentation': segmentation, 'objects': objects}


def work(node: Node, options: dict[str, Any], stop: Event) -> None:
    """
    Run one of the nodes until told to stop.

    :param options: kind, a key of KINDS, and its topics.
    """
    KINDS[options['kind']](node, options)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    ready()
    while not stop.is_set():
        executor.spin_once(0.05)


if __name__ == '__main__':
    main_of(work)
