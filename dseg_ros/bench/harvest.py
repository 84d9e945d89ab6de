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

"""From a recording to samples: reading, matching and decoding; making samples; all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
import shutil

from dseg_ros.bags.discovery import find_topics
from dseg_ros.bags.frames import frames
from dseg_ros.bags.reader import open_bag
from dseg_ros.bags.shot import Paired
from dseg_ros.bench.anchors.images import simplejpeg
from dseg_ros.bench.anchors.readers import rosbags_reader
from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.rows import BenchError, CPU, Limit, Row, Spec, WALL
from dseg_ros.bench.setting import Setting
from dseg_ros.bench.timer import prepare, timed, Timing
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.dataset.harvest import harvest, sensor_of
from dseg_ros.dataset.making import Job, Maker
from dseg_ros.dataset.store import Dataset
from dseg_ros.lidar.sensor import Sensor
import numpy as np
from numpy.typing import NDArray

DECODED, MADE, RAW, WHOLE = (
    'pairs read, matched and decoded, a core', 'pairs made samples of, before writing, a core',
    'messages of a bag, per GB', 'pairs harvested by a worker per core, their start included')
JPEG, ROSBAGS, ONE = 'simplejpeg on the same images', 'rosbags, bare', 'the same by one worker'
ENOUGH = Limit('pairs_per_s', least=220.0)
SPECS = (
    Spec('harvest', DECODED, JPEG, (ENOUGH, Limit(
        'ratio', least=0.9, text='<= 10 % outside decoding'))),
    Spec('harvest, samples', MADE, JPEG, (ENOUGH,)),
    Spec('harvest, cores', WHOLE, ONE, clock=WALL),
    Spec('bag reading', RAW, ROSBAGS),
)


class Recording:
    """A recording, read again and again."""

    def __init__(self, path: Path) -> None:
        """Read it once, to know its images."""
        self.path = path
        self.jpegs: list[NDArray[np.uint8]] = []
        self.read(lambda paired: self.jpegs.extend(
            np.asarray(shot.message.data, np.uint8) for shot in paired.shots))

    def read(self, work: Callable[[Paired], object]) -> tuple[float, float]:
        """
        Go through it.

        :returns: CPU and wall time per pair [s], without opening it and without its first frame,
            for which types of messages are compiled: a drive has thousands.
        """
        with open_bag(self.path) as bag:
            config = HarvestConfig()
            stream = iter(frames(bag, find_topics(bag, config.topics), config.sync,
                                 config.motion))
            first = next(stream, None)
            if first is None:
                raise BenchError(f'{self.path}: no pairs')
            work(first)
            cpu_s, wall_s = timed(lambda _: [work(paired) for paired in stream])
        pairs = len(self.jpegs) - len(first.shots)
        if pairs <= 0:
            raise BenchError(f'{self.path}: one frame; wanted are two or more')
        return cpu_s / pairs, wall_s / pairs

    def decode(self, decode: Callable[[NDArray[np.uint8]], object]) -> tuple[float, float]:
        """Decode its images with nothing around it; per pair [s]."""
        cpu_s, wall_s = timed(lambda _: [decode(file) for file in self.jpegs])
        return cpu_s / len(self.jpegs), wall_s / len(self.jpegs)


def make_samples() -> Callable[[Paired], object]:
    """Do what a worker of the harvest does, which is told once what LiDAR made the drive."""
    config = HarvestConfig()
    maker, sensors = Maker(config.proposals, config.store), list[Sensor | None]()

    def make(paired: Paired) -> None:
        if not sensors:
            sensors.append(sensor_of(paired, config.proposals))
        maker(Job('key', 'drive', paired.cloud, paired.shots, sensors[0]))

    return make


def decoded(paired: Paired) -> None:
    """Decode the images of a frame."""
    for shot in paired.shots:
        shot.decoded()


def run(setting: Setting) -> Iterator[Row]:
    """Go through the recording in turns; then harvest it whole, by one worker and by many."""
    recording, make = Recording(setting.recording), make_samples()
    ways, missing = prepare({
        DECODED: lambda: partial(recording.read, decoded),
        MADE: lambda: partial(recording.read, make),
        JPEG: lambda: partial(recording.decode, simplejpeg())})
    timings = _in_turns(ways, setting.pick(4, 2))
    for spec in SPECS[:2]:
        ours, anchor = timings[spec.ours], timings.get(spec.anchor)
        ours_ms = ours.median_ms(CPU)
        yield Row(spec, ours_ms, None if anchor is None else anchor.median_ms(CPU), {
            'n': len(recording.jpegs), 'pairs_per_s': 1e3 / ours_ms,
            'ours_wall_ms': ours.median_ms(WALL)}, missing.get(spec.anchor, ''))
    yield _on_all_cores(setting)
    yield _reading(setting, recording)


def _in_turns(ways: Mapping[str, Callable[[], tuple[float, float]]],
              rounds: int) -> dict[str, Timing]:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            seconds = way()
            if number:  # the first turn compiles
                taken[name].append(seconds)
    return {name: Timing.of(rounds_of) for name, rounds_of in taken.items()}


def harvested(config: HarvestConfig) -> tuple[float, float, int]:
    """
    Harvest into a data set that is then thrown away.

    :returns: CPU time of this process, wall time [s], and samples that it came to.
    :raises BenchError: if not every recording gave some: the time would be that of fewer.
    """
    cpu_s, wall_s = timed(lambda _: harvest(config))
    data = Dataset(Path(config.out))
    if len(data.sources) != len(config.bags):
        raise BenchError(f'{len(config.bags)} recordings were harvested as '
                         f'{len(data.sources)}')
    samples = len(data)
    shutil.rmtree(config.out)
    return cpu_s, wall_s, samples


def _on_all_cores(setting: Setting) -> Row:
    """Harvest the simulated drive several times over: processes need a while to start."""
    spec, cores = SPECS[2], setting.cores
    if cores < 2:
        return spec.absent('one core is all there is')
    bags = tuple(map(str, setting.copies(setting.pick(8, 2))))
    per_pair: dict[int, list[float]] = {1: [], cores: []}
    samples = 0
    for _ in range(setting.pick(2, 1)):
        for workers, taken in per_pair.items():
            _, wall_s, samples = harvested(HarvestConfig(
                bags=bags, out=str(setting.scratch / f'set_{workers}'), workers=workers))
            taken.append(1e3 * wall_s / samples)  # one camera: a sample is a pair
    ours_ms, one_ms = (float(np.median(per_pair[n])) for n in (cores, 1))
    return Row(spec, ours_ms, one_ms, {'cores': cores, 'pairs_per_s': 1e3 / ours_ms,
                                       'n': samples})


def _reading(setting: Setting, recording: Recording) -> Row:
    spec, path = SPECS[3], recording.path

    def ours() -> int:
        with open_bag(path) as bag:
            return sum(len(record.cdr) for record in bag.raw())

    try:
        size = rosbags_reader(path)
    except Exception as error:  # noqa: B902  (one file, ROS 1, ...: it has many errors)
        return spec.absent(f'the bare reader takes a rosbag2 folder: {error}')
    ways = {RAW: lambda: timed(lambda _: ours()), ROSBAGS: lambda: timed(
        lambda _: rosbags_reader(path))}
    ms = {name: t.median_ms(CPU) * 1e9 / size for name, t in
          _in_turns(ways, setting.pick(4, 2)).items()}
    return Row(spec, ms[RAW], ms[ROSBAGS], {'bytes': size})


BENCHMARK = Benchmark('image + cloud pairs of the recording', SPECS, run, 60)
