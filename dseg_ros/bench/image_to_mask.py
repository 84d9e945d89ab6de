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

"""Image in, mask out, with a network that takes no time."""

from __future__ import annotations

from collections.abc import Iterator
import sys
from typing import Any

from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.ros.processes import environment, node, Process, program
from dseg_ros.bench.rows import BenchError, Limit, Row, Spec, WALL
from dseg_ros.bench.setting import Setting
import numpy as np

OURS, PLAIN = 'the segmentation node', 'a node of a callback and cv_bridge'
SPECS = (
    Spec('image to mask', f'{OURS}: decode, publish', PLAIN, (Limit('ours_ms', most=3.0),), WALL),
    Spec('image to mask, trip', f'{OURS}: image published to mask heard', PLAIN, clock=WALL),
)
IMAGE, MASK, TOOK = '/bench/image', '/segmentation/mask', '/segmentation/processing_time_ms'
HZ = 20.0


def command(ours: bool) -> list[str]:
    """Name the process of a node."""
    if ours:
        return node('dseg_ros.bench.ros.null_segmentation', {
            'autostart': 'true', 'inputs.image': IMAGE, 'motion.fixed': "''"})
    return program('plain_nodes', {'kind': 'segmentation', 'image': IMAGE, 'mask': MASK,
                                   'took': TOOK})


def turn(setting: Setting, ours: bool) -> dict[str, list[Any]]:
    """Send images to a node for some seconds; returns what was heard of it."""
    shared, (height, width) = environment(), setting.size
    hears = program('listener', {'topics': {MASK: 'sensor_msgs/msg/Image',
                                            TOOK: 'std_msgs/msg/Float64'}})
    sends = program('sensors', {'seconds': setting.pick(4.0, 1.0), 'image': {
        'topic': IMAGE, 'hz': HZ, 'height': height, 'width': width}})
    with (Process(hears, shared, setting.scratch / 'listener.log') as listener,
          Process(command(ours), shared, setting.scratch / 'segmentation.log'),
          Process(sends, shared, setting.scratch / 'sensors.log') as sensors):
        sensors.await_ready()
        sensors.result()
        heard: dict[str, list[Any]] = listener.result(stop=True)
    if not heard[MASK] or not heard[TOOK]:
        raise BenchError(f'{OURS if ours else PLAIN} answered no image ({sys.executable})')
    return heard


def run(setting: Setting) -> Iterator[Row]:
    """Ask both nodes in turns."""
    took: dict[bool, list[float]] = {True: [], False: []}
    trip: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(setting.pick(2, 1)):
        for ours in (True, False):
            heard = turn(setting, ours)
            took[ours] += heard[TOOK]
            trip[ours] += [(now - stamp) / 1e6 for stamp, _, _, now in heard[MASK]]
    height, width = setting.size
    for spec, ms in zip(SPECS, (took, trip)):
        yield Row(spec, float(np.median(ms[True])), float(np.median(ms[False])), {
            'n': len(ms[True]), 'p99_ms': float(np.percentile(ms[True], 99)),
            'anchor_p99_ms': float(np.percentile(ms[False], 99)), 'height': height,
            'width': width})


BENCHMARK = Benchmark('a raw image to its mask, without the network', SPECS, run, 45)
