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

"""The shard that is being written."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from dseg_ros.dataset.codec import check_member, read_record
from dseg_ros.dataset.manifest import ShardRecord, sync_folder
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.dataset.shard import (END, Entry, Packed, read_entry, scan, shard_name,
                                    split_members)


class OpenShard:
    """
    Append samples to `shard-NNNNNN.tar.part`; `finish` closes and renames it.

    If the file exists it is continued behind its last whole sample.
    """

    def __init__(self, folder: Path, number: int) -> None:
        """
        Create the file or recover it.

        :param folder: the data set.
        :param number: the shard's number.
        :raises DatasetError: if it cannot be opened.
        """
        self.path = folder / shard_name(number, closed=False)
        self._final = folder / shard_name(number)
        self.keys = [e.key for e in _recover(self.path)]
        try:
            self._file = self.path.open('ab', buffering=0)
        except OSError as error:
            raise DatasetError(f'{self.path}: {error.strerror}') from error
        self.size = self.path.stat().st_size
        self._digest = digest_of(self.path)

    def append(self, packed: Packed) -> None:
        """
        Append one sample, or nothing.

        :raises DatasetError: if the disk does not take it; what was there before stays whole.
        """
        self._write(packed.data, packed.key)
        self.size += len(packed.data)
        self.keys.append(packed.key)

    def flush(self) -> None:
        """Return when everything appended is on the disk for good."""
        os.fsync(self._file.fileno())

    def finish(self) -> ShardRecord:
        """Close the tar file and give it its name."""
        self._write(END, 'its end')
        self.close()
        self.path.rename(self._final)
        sync_folder(self._final.parent)
        return ShardRecord(self._final.name, len(self.keys), self.size + len(END),
                           self._digest.hexdigest())

    def _write(self, data: bytes, name: str) -> None:
        """Write all of it, or cut the file back to where it was."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest):]
        except OSError as error:
            os.ftruncate(self._file.fileno(), self.size)
            raise DatasetError(f'{self.path}: {name} not written: {error.strerror}') from error
        self._digest.update(data)

    def close(self) -> None:
        """Make everything durable and leave the file to be continued."""
        if not self._file.closed:
            self.flush()
            self._file.close()


def record_of(path: Path) -> ShardRecord:
    """Describe a closed shard by reading it."""
    samples = sum(e.complete for e in scan(path).entries)
    return ShardRecord(path.name, samples, path.stat().st_size, digest_of(path).hexdigest())


def digest_of(path: Path) -> hashlib._Hash:
    """Hash a file (SHA-256); the hash can be continued."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest


def _recover(path: Path) -> list[Entry]:
    """Cut a file behind its last whole sample; return its samples."""
    if not path.exists():
        return []
    entries = scan(path).entries
    while entries and not _whole(path, entries[-1]):
        entries.pop()
    os.truncate(path, entries[-1].stop if entries else 0)
    return [e for e in entries if e.complete]


def _whole(path: Path, entry: Entry) -> bool:
    if not entry.complete or entry.stop > path.stat().st_size:
        return False
    members = split_members(read_entry(path, entry), entry)
    try:
        about = read_record(entry.key, members)
        for suffix in about['members']:
            check_member(entry.key, suffix, members, about)
    except DatasetError:
        return False
    return True
