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

"""Publish results as we do and as others do, in turns."""

from __future__ import annotations

from threading import Event
from typing import Any

from cv_bridge import CvBridge
from dseg_ros.bench.ros.program import main_of, ready
from dseg_ros.bench.timer import Candidate, interleaved
from dseg_ros.nodes.clouds import CLUSTERS
from dseg_ros.nodes.publish import (CloudPublisher, header, ImagePublisher, point_fields, RESULT)
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image, PointCloud2
from sensor_msgs_py.point_cloud2 import create_cloud

ABOUT = header(1, 'sensor')


def images(node: Node, options: dict[str, Any], shape: tuple[int, ...],
           encoding: str) -> dict[str, Candidate]:
    """Publish an image: ours, by cv_bridge, and as an array that is assigned."""
    publisher = node.create_publisher(Image, options['topic'], RESULT)
    ours, bridge = ImagePublisher(publisher), CvBridge()
    pixels = np.random.default_rng(0).integers(0, 15, shape, np.uint8)

    def assigned(_: int) -> None:
        message = Image(height=shape[0], width=shape[1], encoding=encoding,
                        step=pixels.nbytes // shape[0])
        message.data = pixels.reshape(-1)
        publisher.publish(message)

    def bridged(_: int) -> None:
        message = bridge.cv2_to_imgmsg(pixels, encoding)
        message.header = ABOUT
        publisher.publish(message)

    return {options['ours']: lambda _: ours.publish(pixels, encoding, ABOUT),
            options['bridge']: bridged, options['assigned']: assigned}


def clouds(node: Node, options: dict[str, Any], points: int) -> dict[str, Candidate]:
    """Publish a cloud: ours, and by sensor_msgs_py."""
    publisher = node.create_publisher(PointCloud2, options['topic'], RESULT)
    ours, values = CloudPublisher(publisher), np.zeros(points, CLUSTERS)
    # sensor_msgs_py insists that array and fields name the same type, which packed rgb has not
    same = values.view([(n, 'f4' if n == 'rgb' else values.dtype[n])
                        for n in values.dtype.names or ()])
    fields = point_fields(same.dtype)
    return {options['ours']: lambda _: ours.publish(values, ABOUT),
            options['bridge']: lambda _: publisher.publish(create_cloud(ABOUT, fields, same))}


def work(node: Node, options: dict[str, Any], stop: Event) -> dict[str, Any]:
    """
    Time all candidates of all outputs in turns, with a subscriber in another process.

    :param options: rounds, height, width, points; outputs: mask, overlay, cloud, each
        {topic, ours, bridge, assigned}.
    :returns: by candidate its CPU and wall times [ms].
    """
    size, outputs = (options['height'], options['width']), options['outputs']
    candidates = {
        **images(node, outputs['mask'], size, 'mono8'),
        **images(node, outputs['overlay'], (*size, 3), 'rgb8'),
        **clouds(node, outputs['cloud'], options['points'])}
    ready()
    while not all(node.count_subscribers(o['topic']) for o in outputs.values()) and (
            not stop.wait(0.01)):
        pass
    stop.wait(1.0)
    timings = interleaved(candidates, options['rounds'], most_s=4.0)
    return {name: [t.cpu_ms, t.wall_ms] for name, t in timings.items()}


if __name__ == '__main__':
    main_of(work)
