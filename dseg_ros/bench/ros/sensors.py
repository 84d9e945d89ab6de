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

"""A camera and a LiDAR: publish large messages at their rates, stamped when they are sent."""

from __future__ import annotations

from array import array
from collections.abc import Callable
import heapq
from threading import Event
import time
from typing import Any

from dseg_ros.bench.projection import street
from dseg_ros.bench.ros.program import main_of, ready
from dseg_ros.nodes.publish import cloud_message, header
import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import Image

DEPTH = 10
"""Reliable, as most drivers publish."""


def image(height: int, width: int) -> Image:
    """Make an image of noise."""
    data = np.random.default_rng(0).integers(0, 256, height * width * 3, np.uint8)
    return Image(header=header(0, 'camera'), height=height, width=width, encoding='rgb8',
                 step=width * 3, data=array('B', data.tobytes()))


def cloud(count: int) -> Any:
    """Make a cloud of a road with obstacles."""
    points = np.zeros(count, [(name, 'f4') for name in ('x', 'y', 'z', 'intensity')])
    points['x'], points['y'], points['z'] = street(count)
    return cloud_message(points, header(0, 'lidar'), array('B', points.tobytes()))


def work(node: Node, options: dict[str, Any], stop: Event) -> dict[str, int]:
    """
    Wait for subscribers, then publish.

    :param options: image {topic, hz, height, width} and cloud {topic, hz, points}, each or both;
        seconds (0 = until told to stop); settle_s between discovery and the first message.
    :returns: messages by topic.
    """
    made: dict[str, Callable[[Any], Any]] = {
        'image': lambda o: image(o['height'], o['width']), 'cloud': lambda o: cloud(o['points'])}
    streams = [(options[kind], make(options[kind])) for kind, make in made.items()
               if kind in options]
    publishers = [node.create_publisher(type(m), o['topic'], DEPTH) for o, m in streams]
    ready()
    while not all(p.get_subscription_count() for p in publishers) and not stop.wait(0.005):
        pass
    stop.wait(options.get('settle_s', 1.0))
    sent = {o['topic']: 0 for o, _ in streams}
    begin = time.monotonic()
    due = [(0.0, i) for i in range(len(streams))]
    while due and not stop.wait(max(0.0, begin + due[0][0] - time.monotonic())):
        at, i = heapq.heappop(due)
        (stream, message), publisher = streams[i], publishers[i]
        message.header.stamp = header(time.monotonic_ns(), '').stamp
        publisher.publish(message)
        sent[stream['topic']] += 1
        if not options['seconds'] or at + 1 / stream['hz'] < options['seconds'] - 1e-6:
            heapq.heappush(due, (at + 1 / stream['hz'], i))
    for publisher in publishers:
        publisher.wait_for_all_acked(Duration(seconds=1.0))
    stop.wait(0.5)
    return sent


if __name__ == '__main__':
    main_of(work)
