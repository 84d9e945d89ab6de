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

"""Results into the middleware."""

from __future__ import annotations

from collections.abc import Iterator

from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.ros.processes import environment, Process, program
from dseg_ros.bench.rows import Row, Spec
from dseg_ros.bench.setting import POINTS, Setting
from dseg_ros.bench.timer import compare, Timing

TYPES = {'mask': 'sensor_msgs/msg/Image', 'overlay': 'sensor_msgs/msg/Image',
         'cloud': 'sensor_msgs/msg/PointCloud2'}
BRIDGES = {'mask': 'cv_bridge', 'overlay': 'cv_bridge, overlay', 'cloud': 'sensor_msgs_py'}
OURS = {'mask': 'a mask', 'overlay': 'an overlay (three channels)', 'cloud': 'a labelled cloud'}
ASSIGNED = {'mask': 'numpy array assigned', 'overlay': 'numpy array assigned, overlay',
            'cloud': ''}
SPECS = (
    *(Spec(f'publish {name}', OURS[name], BRIDGES[name]) for name in TYPES),
    *(Spec(f'publish {name} / array', OURS[name], ASSIGNED[name]) for name in TYPES
      if ASSIGNED[name]),
)


def run(setting: Setting) -> Iterator[Row]:
    """Publish from one process to another."""
    shared, (height, width) = environment(), setting.size
    topics = {name: f'/bench/{name}' for name in TYPES}
    outputs = {name: {'topic': topics[name], 'ours': OURS[name], 'bridge': BRIDGES[name],
                      'assigned': ASSIGNED[name]} for name in TYPES}
    hears = program('listener', {'topics': {topics[n]: TYPES[n] for n in TYPES},
                                 'sensors': list(topics.values())})
    sends = program('publishers', {'rounds': setting.pick(40, 5), 'height': height,
                                   'width': width, 'points': POINTS, 'outputs': outputs})
    with Process(hears, shared, setting.scratch / 'listener.log'), Process(
            sends, shared, setting.scratch / 'publishers.log') as sender:
        found = sender.result()
    timings = {name: Timing(tuple(cpu), tuple(wall)) for name, (cpu, wall) in found.items()}
    for spec in SPECS:
        yield compare(spec, timings, {}, height=height, width=width)


BENCHMARK = Benchmark('publishing masks, overlays and clouds, arrays to DDS', SPECS, run, 20)
