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

"""Proof that a data set is whole, or where it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dseg_ros.dataset.codec import check_member, decode, read_record
from dseg_ros.dataset.manifest import Manifest, read_manifest, ShardRecord
from dseg_ros.dataset.open_shard import digest_of
from dseg_ros.dataset.sample import DatasetError, Sample, source_of
from dseg_ros.dataset.shard import (Entry, OPEN_SUFFIX, pack, read_entry, scan, split_members,
                                    SUFFIX)
import numpy as np

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Problem:
    """
    Something that is wrong.

    :param shard: the file's name.
    :param key: the sample, empty if it is none's.
    :param text: what is wrong with it.
    """

    shard: str
    key: str
    text: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f'{self.shard}: {self.text}'


def verify(path: Path, progress: Progress | None = None) -> list[Problem]:
    """
    Read every byte of a data set and decode every sample.

    :param path: the data set's folder.
    :param progress: called with (shards done, shards).
    :returns: all problems; empty for a sound data set.
    :raises DatasetError: if there is no manifest or it is damaged.
    """
    manifest = read_manifest(path)
    keys: Counter[str] = Counter()
    problems = list(_strangers(path, manifest))
    parts = sorted(path.glob(f'shard-*{OPEN_SUFFIX}'))
    shards = [(path / record.name, record) for record in manifest.shards]
    everything = [*shards, *((part, None) for part in parts)]
    for number, (shard, record) in enumerate(everything):
        if progress:
            progress(number, len(everything))
        problems += _check_shard(shard, record, keys)
    if progress:
        progress(len(everything), len(everything))
    return problems + list(_check_counts(manifest, keys))


def _strangers(path: Path, manifest: Manifest) -> Iterator[Problem]:
    known = {record.name for record in manifest.shards}
    for shard in sorted(path.glob(f'shard-*{SUFFIX}')):
        if shard.name not in known:
            yield Problem(shard.name, '', 'not in the manifest; open the data set for writing '
                          'to take it in')


def _check_shard(path: Path, record: ShardRecord | None, keys: Counter[str]
                 ) -> Iterator[Problem]:
    """Check one shard; a record of None means that it is still open."""
    if not path.is_file():
        lost = f' with {record.samples} samples' if record else ''
        yield Problem(path.name, '', f'missing{lost}')
        return
    content = scan(path)
    for entry in content.entries:
        if entry.complete or record:
            keys[entry.key] += entry.complete
            yield from _check_sample(path, entry)
    if record is None:
        return
    for start, stop in content.damage:
        yield Problem(path.name, '', f'bytes {start}..{stop} belong to no sample')
    if (size := path.stat().st_size) != record.size:
        yield Problem(path.name, '', f'{size} bytes, the manifest says {record.size}')
    elif (found := digest_of(path).hexdigest()) != record.sha256:
        yield Problem(path.name, '', f'sha256 {found[:12]}..., the manifest says '
                      f'{record.sha256[:12]}...')
    if (samples := sum(e.complete for e in content.entries)) != record.samples:
        yield Problem(path.name, '', f'{samples} samples, the manifest says {record.samples}')


def _check_sample(path: Path, entry: Entry) -> Iterator[Problem]:
    data = read_entry(path, entry)
    members = split_members(data, entry)
    try:
        about = read_record(entry.key, members)
    except DatasetError as error:
        yield Problem(path.name, entry.key, str(error))
        return
    damaged = False
    for suffix in about['members']:
        try:
            check_member(entry.key, suffix, members, about)
        except DatasetError as error:
            damaged = True
            yield Problem(path.name, entry.key, str(error))
    if damaged:
        return
    if pack(entry.key, members).data != data:
        yield Problem(path.name, entry.key, f'{entry.key}: damaged between its files')
    try:
        sample = decode(entry.key, members, verified=True)
        _check_content(sample, about['points'], about['proposals'])
        sample.frame()
    except DatasetError as error:
        yield Problem(path.name, entry.key, f'{entry.key}: {error}')


def _check_content(sample: Sample, points: int, proposals: int) -> None:
    """Raise DatasetError where the parts of a sample contradict each other."""
    if (len(sample.cloud), len(sample.proposals)) != (points, proposals):
        raise DatasetError(f'{len(sample.cloud)} points and {len(sample.proposals)} proposals, '
                           f'recorded were {points} and {proposals}')
    present = np.bincount(np.maximum(sample.proposals.point_ids, 0), minlength=proposals + 1)
    if len(present) != proposals + 1:
        raise DatasetError(f'point with proposal {len(present) - 1} of {proposals}')
    for name in ('centroid_m', 'box_centre_m', 'box_size_m', 'box_yaw_rad', 'range_m'):
        if len(getattr(sample.proposals, name)) != proposals:
            raise DatasetError(f'{name} has {len(getattr(sample.proposals, name))} rows for '
                               f'{proposals} proposals')


def _check_counts(manifest: Manifest, keys: Counter[str]) -> Iterator[Problem]:
    for key, times in keys.items():
        if times > 1:
            yield Problem('manifest.json', key, f'{key}: recorded {times} times')
    found = Counter(source_of(key) for key in keys)
    for source in manifest.sources:
        if source.complete and found[source.name] != source.samples:
            yield Problem('manifest.json', '', f'{found[source.name]} samples of '
                          f'{source.name!r}, the manifest says {source.samples}')
    known = {source.name for source in manifest.sources}
    for name in sorted(set(found) - known):
        yield Problem('manifest.json', '', f'samples of {name!r}, a drive that is not in it')
