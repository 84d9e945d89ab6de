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

"""PointCloud2 to arrays."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace as Message

from dseg_ros.bags.pointcloud2 import cloud_from_message
from dseg_ros.bench.anchors.clouds import structured, tuple_list
from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.rows import Limit, Row, Spec
from dseg_ros.bench.setting import POINTS, Setting
from dseg_ros.bench.timer import compare, interleaved
import numpy as np

TUPLES, NUMPY, NUMPY_HOLES = ('a tuple per point', 'NumPy: views, mask, copies',
                              'NumPy, one in twenty NaN')
QUADS, RINGS, HOLES = ('x y z intensity', 'x y z intensity ring time',
                       'x y z intensity, one in twenty NaN')
SPECS = (
    Spec('decoding', QUADS, TUPLES, (Limit('ours_ms', most=0.1),)),
    Spec('decoding / NumPy', QUADS, NUMPY),
    Spec('decoding with rings', RINGS, TUPLES),
    Spec('decoding with NaN', HOLES, NUMPY_HOLES),
)
XYZI = {'x': (0, 7), 'y': (4, 7), 'z': (8, 7), 'intensity': (12, 7)}
"""Offset and datatype by field."""


def message(points: int, rings: bool = False, holes: bool = False) -> Message:
    """
    Make a PointCloud2 of random points; any object with its fields is one to our code.

    :param points: how many.
    :param rings: with ring and time.
    :param holes: every twentieth point is NaN.
    """
    step = 32 if rings else 16
    layout = {**XYZI, **({'ring': (16, 4), 'time': (20, 7)} if rings else {})}
    data = np.random.default_rng(0).random((points, step // 4), np.float32) * 0.09
    if holes:
        data[::20, :3] = np.nan
    fields = [Message(name=n, offset=o, datatype=d, count=1) for n, (o, d) in layout.items()]
    return Message(header=Message(stamp=Message(sec=1, nanosec=0), frame_id='lidar'),
                   width=points, height=1, point_step=step, row_step=data.nbytes,
                   is_bigendian=False, fields=fields, data=data.reshape(-1).view(np.uint8))


def run(setting: Setting) -> Iterator[Row]:
    """Decode clouds of 125 k points."""
    quads, rings, holes = (message(POINTS), message(POINTS, rings=True),
                           message(POINTS, holes=True))
    timings = interleaved({
        QUADS: lambda _: cloud_from_message(quads), TUPLES: lambda _: tuple_list(quads),
        NUMPY: lambda _: structured(quads), RINGS: lambda _: cloud_from_message(rings),
        HOLES: lambda _: cloud_from_message(holes),
        NUMPY_HOLES: lambda _: structured(holes)}, setting.pick(100, 10), most_s=3.0)
    for spec in SPECS:
        yield compare(spec, timings, {}, points=POINTS)


BENCHMARK = Benchmark(f'PointCloud2 of {POINTS // 1000} k points to arrays', SPECS, run, 6)
