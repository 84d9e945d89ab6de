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

"""The reading end of a data set; the writing end is here by name, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dseg_ros.dataset.codec import decode
from dseg_ros.dataset.manifest import Manifest, read_manifest
from dseg_ros.dataset.sample import DatasetError, RecordedView, Sample, source_of
from dseg_ros.dataset.shard import Entry, OPEN_SUFFIX, read_entry, scan, split_members
from dseg_ros.dataset.verify import Problem, verify
from dseg_ros.dataset.writer import DatasetWriter

__all__ = ['Dataset', 'DatasetError', 'DatasetWriter', 'Encoded', 'Problem', 'RecordedView',
           'Sample', 'verify']


@dataclass(frozen=True, eq=False)
class Encoded:
    """
    A sample that is not decoded yet.

    :param key: the sample's name.
    :param path: the shard that it was read from.
    :param members: contents of its files by suffix.
    """

    key: str
    path: Path
    members: Mapping[str, bytes]

    def decoded(self) -> Sample:
        """
        Decode it; samples of a process share their calibrations.

        :raises DatasetError: if it is damaged.
        """
        try:
            return decode(self.key, self.members)
        except DatasetError as error:
            raise DatasetError(f'{self.path}: {error}') from None


class Dataset:
    """
    Read samples: in order, or by key. Holds places in memory, never samples.

    A data set that is being written, or whose writer was killed, shows its whole samples. Files
    are opened per access: one object serves threads and, pickled, other processes.
    """

    def __init__(self, path: Path) -> None:
        """
        Find all samples.

        :param path: the data set's folder.
        :raises DatasetError: if it is no data set, its manifest is damaged or a shard is gone.
        """
        self.path = path
        self.manifest: Manifest = read_manifest(path)
        self._places: dict[str, tuple[Path, Entry]] = {}
        shards = [path / record.name for record in self.manifest.shards]
        for shard in shards + sorted(path.glob(f'shard-*{OPEN_SUFFIX}')):
            if not shard.exists():
                raise DatasetError(f'{shard}: missing')
            self._places |= {e.key: (shard, e) for e in scan(shard).entries if e.complete}

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._places)

    def __iter__(self) -> Iterator[Sample]:
        """Read all samples in the order in which they were recorded."""
        return (self[key] for key in self._places)

    def __contains__(self, key: object) -> bool:
        """Tell whether a sample is there."""
        return key in self._places

    def __getitem__(self, key: str) -> Sample:
        """
        Read one sample.

        :raises KeyError: if there is none of this name.
        :raises DatasetError: if it is damaged.
        """
        return self.encoded(key).decoded()

    def encoded(self, key: str) -> Encoded:
        """
        Read one sample as it lies in its shard; a cheap way to hand it to another process.

        :raises KeyError: if there is none of this name.
        :raises DatasetError: if the shard cannot be read.
        """
        path, entry = self._places[key]
        return Encoded(key, path, split_members(read_entry(path, entry), entry))

    def keys(self, source: str | None = None) -> list[str]:
        """
        List the samples.

        :param source: one drive's only.
        """
        return [key for key in self._places if source is None or source_of(key) == source]

    @property
    def sources(self) -> list[str]:
        """Names of the drives that gave samples, in order."""
        return list(dict.fromkeys(source_of(key) for key in self._places))

    def samples(self, source: str) -> Iterator[Sample]:
        """Read one drive's samples."""
        return (self[key] for key in self.keys(source))
