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

"""From starting a process to its first result, everything compiled before."""

from __future__ import annotations

from collections.abc import Iterator
import time

from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.ros.processes import environment, node, Process, program
from dseg_ros.bench.rows import Limit, Row, Spec, WALL
from dseg_ros.bench.setting import POINTS, Setting
import numpy as np

SPECS = (Spec('start', 'the proposals node, to its first objects',
              'a node that answers with nothing', (Limit('ours_ms', most=1000.0),), WALL),)
CLOUD, OBJECTS = '/bench/points', '/proposals/objects'
HZ = 30.0


def command(ours: bool) -> list[str]:
    """Name the process of a node."""
    if ours:
        return node('dseg_ros.nodes.proposals_node', {
            'autostart': 'true', 'inputs.points': CLOUD, 'motion.fixed': "''"})
    return program('plain_nodes', {'kind': 'objects', 'points': CLOUD, 'objects': OBJECTS})


def start_ms(setting: Setting, ours: bool) -> float:
    """Start a node while clouds are published and its results awaited; returns how long [ms]."""
    shared = environment()
    hears = program('listener', {'enough': 1, 'topics': {
        OBJECTS: 'vision_msgs/msg/Detection3DArray'}})
    sends = program('sensors', {'seconds': 0, 'settle_s': 0.0, 'cloud': {
        'topic': CLOUD, 'hz': HZ, 'points': POINTS}})
    with (Process(hears, shared, setting.scratch / 'listener.log') as listener,
          Process(sends, shared, setting.scratch / 'sensors.log') as sensors):
        listener.await_ready()
        sensors.await_ready()
        begin = time.monotonic_ns()
        with Process(command(ours), shared, setting.scratch / 'node.log'):
            heard = listener.result()[OBJECTS]
    return float(heard[0][3] - begin) / 1e6


def run(setting: Setting) -> Iterator[Row]:
    """Start both in turns, once before so that all is compiled and in the file cache."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(1 + setting.pick(3, 1)):
        for ours, values in taken.items():
            took = start_ms(setting, ours)
            if number:
                values.append(took)
    yield Row(SPECS[0], float(np.median(taken[True])), float(np.median(taken[False])),
              {'n': len(taken[True]), 'points': POINTS})


BENCHMARK = Benchmark('process start to first result, caches warm', SPECS, run, 35)
