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

"""The whole vehicle side: a recording through drive.launch.py over real DDS, ever faster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import shutil

from dseg_ros.bags.reader import open_bag
from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.ros.processes import environment, node, Process, program
from dseg_ros.bench.rows import BenchError, Limit, Row, Spec, WALL
from dseg_ros.bench.setting import Setting
from dseg_ros.sim.messages import COMPRESSED, POINTS
import numpy as np

PERIOD = 'the time between two images'
NONE_LOST = (Limit('lost', most=0, text='none lost'),)
SPECS = (
    Spec('drive, 1x', 'image published to mask heard', PERIOD, NONE_LOST, WALL),
    Spec('drive, 2x', 'image published to mask heard', PERIOD, (), WALL),
    Spec('drive, fastest', 'the same at the highest lossless rate', PERIOD, (), WALL),
)
DELAY_S = 3.0
"""Before a player's first message: on two cores its first ones would meet processes that are busy
with finding each other."""

RATE_HZ, FASTER, HIGHEST = 10.0, 1.4, 12.0
"""Of the simulated drive; a step of the search; where it ends."""
MASK, OBJECTS = '/segmentation/mask', '/proposals/objects'
TYPES = {COMPRESSED: 'sensor_msgs/msg/CompressedImage', POINTS: 'sensor_msgs/msg/PointCloud2',
         MASK: 'sensor_msgs/msg/Image', OBJECTS: 'vision_msgs/msg/Detection3DArray'}
ANSWERS = {COMPRESSED: MASK, POINTS: OBJECTS}


@dataclass(frozen=True)
class Played:
    """
    What came of playing the drive once.

    :param rate: how fast, relative to the recording.
    :param lost: images and clouds without an answer.
    :param took_ms: by input topic, from its publishing to hearing the answer [ms].
    """

    rate: float
    lost: int
    took_ms: dict[str, list[float]]

    def row(self, spec: Spec) -> Row:
        """Make a row of it."""
        masks, objects = self.took_ms[COMPRESSED], self.took_ms[POINTS]
        if not masks:
            return spec.absent(f'no image was answered at {self.rate:g} x')
        return Row(spec, float(np.median(masks)), 1e3 / (RATE_HZ * self.rate), {
            'n': len(masks), 'rate': self.rate, 'lost': self.lost,
            'p99_ms': float(np.percentile(masks, 99)),
            'objects_ms': float(np.median(objects)) if objects else None})


def play(bag: Path, rate: float, shared: dict[str, str], setting: Setting) -> Played:
    """Play the drive to the running nodes, without waiting for answers."""
    hears = program('listener', {'topics': TYPES})
    plays = node('dseg_ros.nodes.bag_player_node', {
        'bag': bag, 'rate': float(rate), 'subscribers': 2, 'wait_for_subscribers_s': 60.0,
        'delay_s': DELAY_S})
    with Process(hears, shared, setting.scratch / 'listener.log') as listener:
        listener.await_ready()
        with Process(plays, shared, setting.scratch / 'player.log') as player:
            player.finish()
        heard = listener.result(stop=True)
    with open_bag(bag) as recording:
        sent = {topic: recording.topics[topic].count for topic in ANSWERS}
    took, lost = {}, 0
    for topic, answer in ANSWERS.items():
        published = {stamp: at for stamp, at, _, _ in heard[topic]}
        answered = {stamp: at for stamp, _, at, _ in heard[answer]}
        lost += sent[topic] - len(answered)
        took[topic] = [(at - published[s]) / 1e6 for s, at in answered.items() if s in published]
    return Played(rate, lost, took)


def run(setting: Setting) -> Iterator[Row]:
    """Start the nodes once, then play the drive at rising rates until something is lost."""
    shared, bag = environment(), setting.drive
    if shutil.which('ros2') is None:
        raise BenchError('ros2 is not on PATH')
    launches = ['ros2', 'launch', 'dseg_ros', 'drive.launch.py', 'params_file:=config/sim.yaml',
                'use_sim_time:=true']
    with Process(launches, shared, setting.scratch / 'launch.log'):
        played = [play(bag, rate, shared, setting) for rate in (1.0, 2.0)]
        yield from (one.row(spec) for one, spec in zip(played, SPECS))
        while not played[-1].lost and played[-1].rate < setting.pick(HIGHEST, 2.0):
            played.append(play(bag, played[-1].rate * FASTER, shared, setting))
    lossless = [one for one in played if not one.lost]
    yield lossless[-1].row(SPECS[2]) if lossless else SPECS[2].absent('already 1x lost some')


BENCHMARK = Benchmark('a simulated drive through all nodes, real processes', SPECS, run, 90)
