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
How fast messages become arrays; figures are printed with -s.

The bounds are several times the figures of an idle machine, to fail on a lost fast path only.
"""

from __future__ import annotations

from collections.abc import Callable
import time
from types import SimpleNamespace as Message
from typing import Any

import cv2
from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.messages import cloud_from_message
import numpy as np
import pytest

POINTS = 125_000
HEADER = Message(stamp=Message(sec=1, nanosec=0), frame_id='x')


def median_ms(work: Callable[[], Any], repeats: int = 30) -> float:
    """Return the median time of some calls, after a few that do not count."""
    times = []
    for i in range(repeats + 3):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return float(np.median(times[3:])) * 1e3


def cloud(step: int, names: dict[str, tuple[int, int]]) -> Message:
    """Make a cloud message of random floats; fields by name with offset and datatype."""
    data = np.random.default_rng(0).random((POINTS, step // 4), np.float32)
    fields = [Message(name=n, offset=o, datatype=d, count=1) for n, (o, d) in names.items()]
    return Message(header=HEADER, width=POINTS, height=1, point_step=step, row_step=data.nbytes,
                   is_bigendian=False, fields=fields, data=data.reshape(-1).view(np.uint8))


XYZ = {'x': (0, 7), 'y': (4, 7), 'z': (8, 7)}


@pytest.mark.parametrize(('name', 'message', 'bound_ms'), [
    ('x y z intensity', cloud(16, {**XYZ, 'intensity': (12, 7)}), 0.5),
    ('with ring and time', cloud(32, {**XYZ, 'intensity': (16, 7), 'ring': (20, 4),
                                      'time': (24, 7)}), 2.0)])
def test_clouds(name: str, message: Message, bound_ms: float) -> None:
    """Decode a cloud of 125 k points."""
    took = median_ms(lambda: cloud_from_message(message))
    print(f'\ncloud of {POINTS} points, {name}: {took:.2f} ms')
    assert took < bound_ms


@pytest.mark.parametrize(('encoding', 'bound_ms'),
                         [('rgb8', 0.2), ('bgr8', 10.0), ('mono8', 10.0)])
def test_raw_images(encoding: str, bound_ms: float) -> None:
    """Decode a full-HD image in the encodings of most drivers."""
    channels = 1 if encoding == 'mono8' else 3
    message = Message(header=HEADER, height=1080, width=1920, encoding=encoding, is_bigendian=0,
                      step=1920 * channels, data=np.zeros(1080 * 1920 * channels, np.uint8))
    took = median_ms(lambda: image_from_message(message), 10)
    print(f'\n1920x1080 {encoding}: {took:.2f} ms')
    assert took < bound_ms


def test_jpeg_images() -> None:
    """Decode a full-HD JPEG."""
    small = np.random.default_rng(1).integers(0, 256, (54, 96, 3), dtype=np.uint8)
    data = cv2.imencode('.jpg', cv2.resize(small, (1920, 1080)))[1].reshape(-1)
    message = Message(header=HEADER, format='jpeg', data=data)
    took = median_ms(lambda: image_from_message(message), 10)
    print(f'\n1920x1080 jpeg, {len(data) // 1000} kB: {took:.2f} ms')
    assert took < 100.0
