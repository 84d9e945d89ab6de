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
From bags to a data set.

This process reads and matches; others decode, find proposals and encode; a thread of this one
writes, in the order of the recordings. What a sample holds depends on its recording and the
recipe alone, not on who made it or in how many runs: a harvest that was killed ends in the same
bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Generator
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
import re
from typing import Any

from dseg_ros.bags.discovery import DriveTopics, find_topics
from dseg_ros.bags.frames import frames
from dseg_ros.bags.memory import keep_freed_memory
from dseg_ros.bags.reader import BagError, open_bag
from dseg_ros.bags.shot import Paired
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.config.schema import as_mapping, ConfigError
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.builder import REPEATED
from dseg_ros.dataset.fingerprint import fingerprint
from dseg_ros.dataset.making import Job, Made, Maker, plain
from dseg_ros.dataset.manifest import Source
from dseg_ros.dataset.sample import DatasetError, sample_key
from dseg_ros.dataset.selection import Selector
from dseg_ros.dataset.thinning import keep_rings
from dseg_ros.dataset.workers import start_workers, Workers
from dseg_ros.dataset.write_behind import WriteBehind
from dseg_ros.dataset.writer import DatasetWriter
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.lidar.sensor import Sensor
from dseg_ros.types import Dropped

Progress = Callable[[int, int], None]
PROBLEMS = 20
"""Problems of one recording that are written down in words; all are counted."""


@dataclass(frozen=True)
class Recording:
    """A bag that can be harvested, as far as can be told before reading it."""

    path: Path
    topics: DriveTopics
    clouds: int


@dataclass
class Account:
    """What one recording gave, beside its samples."""

    dropped: Dropped = field(default_factory=Dropped)
    problems: list[str] = field(default_factory=list)


def run(config: HarvestConfig) -> Path:
    """Harvest as a recipe."""
    return harvest(config)


def harvest(config: HarvestConfig, progress: Progress | None = None) -> Path:
    """
    Put the matched frames of recordings into a data set, or what is missing of them.

    :param config: the recordings, the folder and the recipe.
    :param progress: called with (clouds read, clouds there are).
    :returns: the data set's folder.
    :raises BagError: for a recording that cannot be opened or lacks a topic, before anything is
        written; damage further on ends that recording and is noted in the manifest.
    :raises DatasetError: if the data set cannot be written or nothing came of the recordings.
    """
    keep_freed_memory()
    recordings = _inspect(config)
    total = sum(r.clouds for r in recordings)
    report = _Report(progress, total)
    with DatasetWriter(Path(config.out), recipe(config), config.store) as writer:
        maker = partial(Maker, config.proposals, config.store)
        with start_workers(config, maker) as workers, WriteBehind(writer) as behind:
            for recording in recordings:
                _harvest_one(recording, config, writer, behind, workers, report)
        if not len(writer):
            raise DatasetError(f'{config.out}: no samples; dropped '
                               f'{dict(writer.manifest.dropped.counts)}, problems '
                               f'{[p for s in writer.manifest.sources for p in s.problems]}')
    return Path(config.out)


def recipe(config: HarvestConfig) -> dict[str, Any]:
    """Return what of a configuration decides about the content of samples."""
    values = as_mapping(config)
    for name in ('bags', 'out', *(f.name for f in fields(WorkersConfig))):
        del values[name]
    return values


def drive_name(path: Path) -> str:
    """Name a drive after its recording, in letters that a data set can store."""
    stem = path.resolve().name
    stem = stem.rsplit('.', 1)[0] if path.is_file() else stem
    return re.sub(r'[^A-Za-z0-9_-]+', '_', stem).strip('_-')[:50] or 'drive'


class _Report:
    """Sums up the progress of several recordings."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._before, self._done = progress, total, 0, 0

    def read(self, clouds: int) -> None:
        """Tell how many clouds of the current recording were read."""
        self._done = self._before + clouds
        if self._progress:
            self._progress(min(self._done, self._total), self._total)

    def finish(self, recording: Recording) -> None:
        """Count a recording as read, all of it."""
        self._before += recording.clouds
        self.read(0)


def _inspect(config: HarvestConfig) -> list[Recording]:
    """Open every recording once, so that what is wrong is said before hours of work."""
    if not config.bags or not config.out:
        raise ConfigError('bags and out: a harvest needs recordings and a folder')
    recordings = []
    for name in config.bags:
        with open_bag(Path(name)) as bag:
            try:
                topics = find_topics(bag, config.topics)
            except BagError as error:
                raise BagError(f'{name}: {error}') from None
            recordings.append(Recording(Path(name), topics, bag.topics[topics.points].count))
    return recordings


def _harvest_one(recording: Recording, config: HarvestConfig, writer: DatasetWriter,
                 behind: WriteBehind, workers: Workers[Job, Made], report: _Report) -> None:
    """Harvest one recording and settle its account."""
    source = writer.begin_source(recording.path.name, drive_name(recording.path),
                                 fingerprint(recording.path))
    if not source.complete:
        account = Account()
        try:
            with closing(_make(recording, config, source, writer, workers, account, report)
                         ) as finished:
                for made in finished:
                    _keep(made, behind, account)
        except BagError as error:
            account.problems.insert(0, str(error))
        for made in workers.rest():
            _keep(made, behind, account)
        behind.settle()
        writer.settle_source(source, account.dropped, tuple(account.problems))
    report.finish(recording)


def _make(recording: Recording, config: HarvestConfig, source: Source, there: Container[str],
          workers: Workers[Job, Made], account: Account, report: _Report
          ) -> Generator[Made]:
    """Have samples made of the frames that are not there yet; yields those that are finished."""
    select, seen = Selector(config.selection), set[str]()
    sensor: Sensor | None = None
    with open_bag(recording.path) as bag:
        stream = frames(bag, recording.topics, config.sync, config.motion)
        try:
            for paired in stream:
                report.read(stream.clouds)
                paired = replace(paired, cloud=keep_rings(paired.cloud, config.every_ring))
                if not seen:
                    sensor = sensor_of(paired, config.proposals)
                reason = select(paired.cloud.stamp_ns, paired.position_m)
                key = sample_key(source.name, paired.cloud.stamp_ns)
                if reason is None and key in seen:
                    reason = REPEATED
                seen.add(key)
                if reason is not None:
                    account.dropped += Dropped({reason: 1})
                elif key not in there:
                    shots = tuple(replace(s, message=plain(s.message)) for s in paired.shots)
                    yield from workers.submit(
                        Job(key, source.name, paired.cloud, shots, sensor))
        finally:
            account.dropped += stream.dropped
            account.problems = [*stream.problems, *account.problems][:PROBLEMS]


def _keep(made: Made, writer: WriteBehind, account: Account) -> None:
    """Write a sample, which tells itself what it left out, or note why there is none."""
    if made.packed is not None:
        writer.append(made.packed)
        return
    account.dropped += made.dropped
    account.problems += made.problems[:PROBLEMS - len(account.problems)]


def sensor_of(paired: Paired, config: ProposalsConfig) -> Sensor | None:
    """Derive the sensor of a drive from its first frame."""
    extractor = ProposalExtractor(config)
    try:
        extractor(paired.cloud)
    except ValueError:  # what is wrong with it will be said of its sample
        return None
    return extractor.sensor
