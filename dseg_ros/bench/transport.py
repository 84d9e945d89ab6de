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

"""Large messages from one process to another: the defaults of Fast DDS and what we ship."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.ros.processes import environment, Process, program
from dseg_ros.bench.rows import Limit, Row, Spec, WALL
from dseg_ros.bench.setting import POINTS, Setting
import numpy as np

SHIPPED, DEFAULT = 'with the shipped profile', 'Fast DDS as it comes'
LIMITS = (Limit('lost', most=0, text='none lost'), Limit('ours_ms', most=5.0),
          Limit('p99_ms', most=30.0, text='p99 <= 30 ms'))
SPECS = (Spec('transport, images', f'30 Hz full HD, {SHIPPED}', DEFAULT, LIMITS, WALL),
         Spec('transport, clouds', f'10 Hz clouds beside them, {SHIPPED}', DEFAULT, LIMITS,
              WALL))
TOPICS = ('/bench/image', '/bench/points')
Heard = dict[str, list[float]]


class Account:
    """What was sent and how long it took, over the turns of one way."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.sent = dict.fromkeys(TOPICS, 0)
        self.took_ms: Heard = {topic: [] for topic in TOPICS}

    def add(self, sent: Mapping[str, int], heard: Mapping[str, list[Any]]) -> None:
        """Add a turn."""
        for topic in TOPICS:
            self.sent[topic] += sent[topic]
            self.took_ms[topic] += [(now - stamp) / 1e6 for stamp, _, _, now in heard[topic]]

    def figures(self, topic: str, prefix: str = '') -> dict[str, Any]:
        """Sum up."""
        took = self.took_ms[topic]
        return {f'{prefix}sent': self.sent[topic], f'{prefix}lost': self.sent[topic] - len(took),
                f'{prefix}p99_ms': float(np.percentile(took, 99)) if took else None}

    def median_ms(self, topic: str) -> float | None:
        """Give the median of what arrived."""
        return float(np.median(self.took_ms[topic])) if self.took_ms[topic] else None


def turn(setting: Setting, shipped: bool, account: Account) -> None:
    """Send for some seconds."""
    shared = environment(shipped)
    hears = program('listener', {'sensors': TOPICS, 'topics': {
        TOPICS[0]: 'sensor_msgs/msg/Image', TOPICS[1]: 'sensor_msgs/msg/PointCloud2'}})
    sends = program('sensors', {
        'seconds': setting.pick(5.0, 1.0),
        'image': {'topic': TOPICS[0], 'hz': 30.0, 'height': 1080, 'width': 1920},
        'cloud': {'topic': TOPICS[1], 'hz': 10.0, 'points': POINTS}})
    with Process(hears, shared, setting.scratch / 'listener.log') as listener:
        with Process(sends, shared, setting.scratch / 'sensors.log') as sensors:
            sensors.await_ready()
            sent = sensors.result()
        account.add(sent, listener.result(stop=True))


def run(setting: Setting) -> Iterator[Row]:
    """Send in turns: ours, defaults, ours, defaults."""
    ways = {True: Account(), False: Account()}
    for _ in range(setting.pick(2, 1)):
        for shipped, account in ways.items():
            turn(setting, shipped, account)
    for spec, topic in zip(SPECS, TOPICS):
        yield Row(spec, ways[True].median_ms(topic), ways[False].median_ms(topic), {
            **ways[True].figures(topic), **ways[False].figures(topic, 'anchor_')},
            '' if ways[False].took_ms[topic] else 'nothing arrived with the defaults')


BENCHMARK = Benchmark('full-HD images and clouds across processes, published to heard', SPECS,
                      run, 45)
