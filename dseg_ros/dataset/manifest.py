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

"""What a data set says of itself: manifest.json, always rewritten whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
import os
from pathlib import Path
from typing import Any

from dseg_ros.dataset.codec import SCHEMA, seal, unseal
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.types import Dropped
from dseg_ros.version import software_version

FILE = 'manifest.json'


@dataclass
class Source:
    """
    A drive that samples come from.

    :param name: its name in the data set; keys start with it.
    :param origin: where it was read: a bag's folder or file name, or 'live'.
    :param fingerprint: hash of the recording ('sha256:...'), empty for a live one.
    :param complete: everything that it offers is in the data set.
    :param samples: how many it gave.
    :param dropped: what was left out, by reason.
    :param problems: what was wrong with the recording, in words.
    :param recipe: the resolved configuration that made its samples: vehicles differ in it.
    """

    name: str
    origin: str = 'live'
    fingerprint: str = ''
    complete: bool = False
    samples: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    recipe: dict[str, Any] = field(default_factory=dict)

    def require(self, recipe: Mapping[str, Any]) -> None:
        """Raise DatasetError, naming the difference, unless this made its samples."""
        if self.recipe != recipe:
            raise DatasetError(f'drive {self.name!r} was made by another recipe, use another '
                               f'folder; {_difference(self.recipe, recipe)}')


@dataclass
class ShardRecord:
    """A closed shard: file name, samples, size in bytes and hash of the whole file."""

    name: str
    samples: int
    size: int
    sha256: str


@dataclass
class Manifest:
    """
    The contents of manifest.json.

    :param sources: the drives.
    :param shards: the closed shards, in order.
    :param software: name and version of what wrote it.
    """

    sources: list[Source] = field(default_factory=list)
    shards: list[ShardRecord] = field(default_factory=list)
    software: str = field(default_factory=software_version)
    schema: int = SCHEMA

    @property
    def dropped(self) -> Dropped:
        """Sum what was left out of all sources."""
        return sum((Dropped(s.dropped) for s in self.sources), Dropped())

    def source(self, name: str) -> Source:
        """Find a source, or raise DatasetError."""
        for source in self.sources:
            if source.name == name:
                return source
        raise DatasetError(f'no source {name!r} among {[s.name for s in self.sources]}')


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of a data set: at every moment the old or the new one is there."""
    values = {'schema': manifest.schema, 'software': manifest.software,
              'samples': sum(s.samples for s in manifest.shards),
              'dropped': dict(manifest.dropped.counts),
              'sources': [asdict(s) for s in manifest.sources],
              'shards': [asdict(s) for s in manifest.shards]}
    replace_file(folder / FILE, seal(values, indent=1) + b'\n')


def read_manifest(folder: Path) -> Manifest:
    """
    Read the manifest of a data set.

    :raises DatasetError: if there is none, it is damaged or of another version.
    """
    path = folder / FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f'{folder}: no data set, {FILE}: {error.strerror}') from error
    if not data.endswith(b'\n'):
        raise DatasetError(f'{path}: damaged, cut short')
    values = unseal(str(path), data[:-1])
    if values.get('schema') != SCHEMA:
        raise DatasetError(f'{path}: schema {values.get("schema")!r}, this software reads '
                           f'{SCHEMA}')
    return _from_values(values)


def continue_manifest(folder: Path, *known: str) -> Manifest:
    """
    Read the manifest of a data set to be continued, or begin one in an empty folder.

    :param folder: the data set.
    :param known: files that do not make a folder foreign.
    :raises DatasetError: if the folder is no data set's.
    """
    if not (folder / FILE).exists():
        others = sorted({p.name for p in folder.iterdir()} - {*known, f'{FILE}.part'})
        if others:
            raise DatasetError(f'{folder}: holds {others[0]!r} but no {FILE}; '
                               'a data set needs a folder of its own')
        return Manifest()
    return read_manifest(folder)


def _difference(there: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = '') -> str:
    """Name the first option in which two recipes differ."""
    for key in sorted({**there, **wanted}):
        old, new = there.get(key), wanted.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            return _difference(old, new, f'{prefix}{key}.')
        return f'{prefix}{key}: {old!r} there, {new!r} wanted'
    return 'equal'


def _from_values(values: Mapping[str, Any]) -> Manifest:
    shared = values.get('recipe', {})          # before 2026-11-26 one for all drives
    return Manifest([Source(**{'recipe': shared, **s}) for s in values['sources']],
                    [ShardRecord(**s) for s in values['shards']], values['software'])


def replace_file(path: Path, data: bytes) -> None:
    """Write a file under another name, make it durable, then rename it."""
    draft = path.with_name(path.name + '.part')
    with draft.open('wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
