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
Shards: plain tar files (USTAR), one sample's members after the other.

Written with fixed times and owners, so that the same samples give the same bytes. Read with
positioned reads of whatever part exists: a file that a killed writer left is as good as any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import os
from pathlib import Path
import tarfile

from dseg_ros.dataset.sample import DatasetError
from dseg_ros.types import Dropped

BLOCK = 512
END = b'\0' * (2 * BLOCK)
"""What closes a tar file."""
SUFFIX, OPEN_SUFFIX = '.tar', '.tar.part'


@dataclass(frozen=True)
class Packed:
    """A sample as it lies in a shard: key, bytes of all its members, what it left out."""

    key: str
    data: bytes
    dropped: Dropped = field(default_factory=Dropped)


@dataclass
class Entry:
    """
    Where a sample lies in a shard.

    :param key: the sample's name.
    :param start: first byte.
    :param stop: byte after the last.
    :param members: (first byte, size) of each file by suffix.
    """

    key: str
    start: int
    stop: int
    members: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Tell whether the json member, which comes last, is there."""
        return 'json' in self.members


@dataclass(frozen=True)
class Scan:
    """
    What a shard holds.

    :param entries: the samples in the file's order; half ones too.
    :param damage: bytes (start, stop) that are neither members nor the file's end.
    :param closed: the end of the tar file is there.
    """

    entries: list[Entry]
    damage: list[tuple[int, int]]
    closed: bool


def shard_name(number: int, closed: bool = True) -> str:
    """Name the n-th shard, counting from zero."""
    return f'shard-{number:06d}{SUFFIX if closed else OPEN_SUFFIX}'


def pack(key: str, members: Mapping[str, bytes], dropped: Dropped = Dropped()) -> Packed:
    """Lay out a sample's members as a piece of a tar file."""
    parts = []
    for suffix, data in members.items():
        info = tarfile.TarInfo(f'{key}.{suffix}')
        info.size = len(data)
        parts += [info.tobuf(tarfile.USTAR_FORMAT), data, b'\0' * (-len(data) % BLOCK)]
    return Packed(key, b''.join(parts), dropped)


def scan(path: Path) -> Scan:
    """
    Find the samples of a shard by its headers alone.

    Where a header is damaged, go on at the next sound one.
    """
    entries: list[Entry] = []
    damage: list[tuple[int, int]] = []
    with path.open('rb', buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        position, closed = 0, False
        while position < size:
            header = os.pread(file.fileno(), BLOCK, position)
            member = _parse(header)
            if member and _stop(position, member[1]) <= size:
                position = _add(entries, member, position)
            elif not header.strip(b'\0') and size - position == len(END):
                closed, position = True, size
            else:
                damage = _extend(damage, position, min(position + BLOCK, size))
                position += BLOCK
    return Scan(entries, damage, closed)


def _parse(header: bytes) -> tuple[str, int] | None:
    """Read a tar header: name and size, or None where there is no sound one."""
    try:
        checksum = int(header[148:154], 8)
        if sum(header) - sum(header[148:156]) + 256 != checksum or header[156:157] != b'0':
            return None
        return header[:100].rstrip(b'\0').decode('ascii'), int(header[124:135], 8)
    except ValueError:
        return None


def _add(entries: list[Entry], member: tuple[str, int], position: int) -> int:
    name, size = member
    key, _, suffix = name.partition('.')
    stop = _stop(position, size)
    if not entries or entries[-1].key != key or entries[-1].stop != position:
        entries.append(Entry(key, position, stop))
    entries[-1].members[suffix] = (position + BLOCK, size)
    entries[-1].stop = stop
    return stop


def _stop(position: int, size: int) -> int:
    """Return where a member of a size ends that has its header at a position."""
    return position + BLOCK + size + -size % BLOCK


def _extend(damage: list[tuple[int, int]], start: int, stop: int) -> list[tuple[int, int]]:
    if damage and damage[-1][1] == start:
        return [*damage[:-1], (damage[-1][0], stop)]
    return [*damage, (start, stop)]


def read_entry(path: Path, entry: Entry) -> bytes:
    """
    Read a sample as it lies in its shard.

    :raises DatasetError: if the shard cannot be read.
    """
    return _read(path, entry.start, entry.stop)


def read_record_bytes(path: Path, entry: Entry) -> bytes:
    """Read a sample's json member alone."""
    start, size = entry.members['json']
    return _read(path, start, start + size)


def split_members(data: bytes, entry: Entry) -> dict[str, bytes]:
    """Cut a sample into its files, by suffix."""
    return {suffix: data[start - entry.start:start - entry.start + size]
            for suffix, (start, size) in entry.members.items()}


def _read(path: Path, start: int, stop: int) -> bytes:
    try:
        with path.open('rb', buffering=0) as file:
            return os.pread(file.fileno(), stop - start, start)
    except OSError as error:
        raise DatasetError(f'{path}: {error.strerror}') from error
