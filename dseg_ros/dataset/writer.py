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

"""The writing end of a data set: append samples; whatever was appended survives a kill."""

from __future__ import annotations

from collections.abc import Mapping
import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from dseg_ros.config.dataset import StoreConfig
from dseg_ros.dataset.codec import encode, read_record
from dseg_ros.dataset.manifest import continue_manifest, Source, write_manifest
from dseg_ros.dataset.open_shard import OpenShard, record_of
from dseg_ros.dataset.sample import checked_name, DatasetError, Sample, source_of
from dseg_ros.dataset.shard import pack, Packed, read_record_bytes, scan, SUFFIX
from dseg_ros.types import Dropped

LOCK = '.lock'


class DatasetWriter:
    """
    Append samples to a data set, a new one or one that exists.

    Samples go to `shard-NNNNNN.tar.part`, which is renamed when full. What a killed writer left
    is continued behind its last whole sample, so that the result is the same as without the
    kill. One writer at a time; not thread-safe. As a context manager it closes the last shard,
    unless an exception passes: then the shard stays open, to be continued.
    """

    def __init__(self, path: Path, recipe: Mapping[str, Any],
                 config: StoreConfig = StoreConfig()) -> None:
        """
        Open or create the data set.

        :param path: its folder.
        :param recipe: the resolved configuration that makes new samples, as plain values.
        :param config: how samples are stored.
        :raises DatasetError: if another writer has it, it is damaged or the folder holds
            something else.
        """
        self.path = path
        self._config = config
        self._recipe = json.loads(json.dumps(recipe))
        self._unsynced = 0
        self._shard: OpenShard | None = None
        self._lock: int | None = _lock(path)
        try:
            self.manifest = continue_manifest(path, LOCK)
            self._adopt_shards()
            self._next_shard()
            self._keys, self._dropped = self._inventory()
            self._close_full_shard()
            write_manifest(path, self.manifest)
        except BaseException:
            self._release()
            raise

    def __enter__(self) -> DatasetWriter:
        """Enter."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close; after an exception leave the last shard open, for whoever continues."""
        self.close(finish=kind is None)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        """Tell whether a sample is there."""
        return key in self._keys

    def begin_source(self, origin: str, name: str, fingerprint: str = '') -> Source:
        """
        Announce a drive, or find it again.

        :param origin: where it was read.
        :param name: how it should be called; numbered if another drive has the name.
        :param fingerprint: hash that tells recordings apart; '' for a live one, which is always
            new.
        :returns: the drive as the manifest holds it; its `name` is the one to use.
        :raises DatasetError: if its samples were made by another recipe.
        """
        for source in self.manifest.sources:
            if fingerprint and source.fingerprint == fingerprint:
                source.require(self._recipe)
                return source
        taken = {s.name for s in self.manifest.sources}
        numbered = (f'{name}_{n}' for n in range(2, len(taken) + 3))
        free = name if name not in taken else next(n for n in numbered if n not in taken)
        source = Source(checked_name('drive', free), origin, fingerprint, recipe=self._recipe)
        self.manifest.sources.append(source)
        write_manifest(self.path, self.manifest)
        return source

    def append(self, sample: Sample) -> None:
        """Encode and append one sample; see `append_packed`."""
        self.append_packed(pack(sample.key, encode(sample, self._config.compress),
                                sample.dropped))

    def append_packed(self, packed: Packed) -> None:
        """
        Append one sample that was encoded elsewhere.

        :raises DatasetError: if its drive was not announced, its key is there already, the disk
            is full or the data set was closed.
        """
        if self._shard is None:
            raise DatasetError(f'{self.path}: {packed.key} comes after the data set was closed')
        if packed.key in self._keys:
            raise DatasetError(f'{packed.key}: recorded already')
        name = self.manifest.source(source_of(packed.key)).name
        self._shard.append(packed)
        self._keys.add(packed.key)
        self._dropped[name] = self._dropped.get(name, Dropped()) + packed.dropped
        self._unsynced += 1
        if self._unsynced >= self._config.sync_every:
            self.flush()
        self._close_full_shard()

    def flush(self) -> None:
        """Return when everything appended is on the disk for good."""
        if self._shard is not None:
            self._shard.flush()
        self._unsynced = 0

    def settle_source(self, source: Source, dropped: Dropped = Dropped(),
                      problems: tuple[str, ...] = (), complete: bool = True) -> None:
        """
        Write down how many samples a drive gave and what was left out.

        :param source: the drive.
        :param dropped: what was left out so far, beside what the samples themselves count.
        :param problems: what was wrong with the recording.
        :param complete: False if the drive goes on.
        """
        everything = dropped + self._dropped.get(source.name, Dropped())
        source.samples = sum(source_of(key) == source.name for key in self._keys)
        source.complete = complete
        source.dropped = dict(sorted(everything.counts.items()))
        source.problems = list(problems)
        write_manifest(self.path, self.manifest)

    def close(self, finish: bool = True) -> None:
        """
        Write what is open and let others write; closing twice is allowed.

        :param finish: close the last shard; False leaves it to be continued.
        """
        if self._shard is None:
            return
        try:
            if finish and self._shard.keys:
                self.manifest.shards.append(self._shard.finish())
            self._shard.close()
            if not self._shard.keys:
                self._shard.path.unlink()
            write_manifest(self.path, self.manifest)
        finally:
            self._release()

    def _next_shard(self) -> None:
        self._shard = OpenShard(self.path, len(self.manifest.shards))

    def _close_full_shard(self) -> None:
        assert self._shard is not None
        if self._shard.size >= self._config.shard_mb * 1_000_000:
            self.manifest.shards.append(self._shard.finish())
            self._next_shard()
            write_manifest(self.path, self.manifest)

    def _adopt_shards(self) -> None:
        """Take in shards that were renamed just before a kill."""
        for path in sorted(self.path.glob(f'shard-*{SUFFIX}'))[len(self.manifest.shards):]:
            self.manifest.shards.append(record_of(path))

    def _inventory(self) -> tuple[set[str], dict[str, Dropped]]:
        """List the keys that are there and, for unsettled drives, what their samples dropped."""
        keys: set[str] = set()
        dropped: dict[str, Dropped] = {}
        unsettled = {s.name for s in self.manifest.sources if not s.complete}
        assert self._shard is not None
        for path in [self.path / s.name for s in self.manifest.shards] + [self._shard.path]:
            for entry in scan(path).entries:
                if not entry.complete:
                    continue
                keys.add(entry.key)
                name = source_of(entry.key)
                if name in unsettled:
                    about = read_record(entry.key, {'json': read_record_bytes(path, entry)})
                    dropped[name] = dropped.get(name, Dropped()) + Dropped(about['dropped'])
        return keys, dropped

    def _release(self) -> None:
        if self._shard is not None:
            self._shard.close()
            self._shard = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _lock(folder: Path) -> int:
    """Make the folder and hold its lock until the returned handle is closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise DatasetError(f'{folder}: {error.strerror}') from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        why = ('another process is writing this data set' if isinstance(error, BlockingIOError)
               else f'cannot be locked: {error.strerror}')
        raise DatasetError(f'{folder}: {why}') from None
    return handle
