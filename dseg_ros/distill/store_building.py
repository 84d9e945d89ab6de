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

"""Building a training store: appended image by image, gone on with after a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import fcntl
import os
from pathlib import Path

from dseg_ros.dataset.open_shard import OpenShard
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.dataset.shard import (
    Entry, Packed, read_record_bytes, scan, shard_name, SUFFIX)
from dseg_ros.distill.files import replace_file
from dseg_ros.distill.training_store import damaged, INDEX, IndexBuilder, StoredImages

SHARD_BYTES = 256_000_000
LOCK = '.lock'

Label = Callable[[Sequence[str]], Iterator[tuple[Packed, ...]]]
"""Gives, for samples in order, the images of each that have any label."""
Progress = Callable[[int, int], None]


def image_key(sample: str, view: int) -> str:
    """Name the image of a sample's n-th camera."""
    return f'{sample}-{view:02d}'


def build_store(folder: Path, identity: str, keys: Sequence[str],
                label: Label, progress: Progress) -> StoredImages:
    """
    Open a store, building what is missing of it.

    Whoever comes second waits for the first and finds the store finished: the processes of one
    training may all call this.

    :param folder: the store's own folder.
    :param identity: hash of all that the images depend on.
    :param keys: the samples.
    :param label: makes the images of these samples, in order.
    :param progress: called with samples done and in all.
    :raises TrainingDataError: if a shard is damaged.
    :raises DatasetError: if the disk does not take it.
    """
    finished = _opened(folder, identity)
    if finished is None:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            finished = _opened(folder, identity)
            if finished is None:
                _build(folder, identity, keys, label, progress)
                finished = StoredImages(folder, identity)
    progress(len(keys), len(keys))
    return finished


def _opened(folder: Path, identity: str) -> StoredImages | None:
    try:
        return StoredImages(folder, identity)
    except (FileNotFoundError, DatasetError):           # a damaged index is only a copy
        return None


def _build(folder: Path, identity: str, keys: Sequence[str],
           label: Label, progress: Progress) -> None:
    """Append what is missing, then write the index: a store with an index is finished."""
    writer = _Writer(folder)
    rest = keys[writer.samples_done(keys):]
    try:
        progress(len(keys) - len(rest), len(keys))
        for done, images in enumerate(label(rest), len(keys) - len(rest) + 1):
            for image in images:
                writer.append(image)
            progress(done, len(keys))
    finally:
        writer.close()
    writer.finish()
    index = IndexBuilder(identity)
    for shard in _closed(folder):
        for entry in scan(shard).entries:
            index.add(shard, entry, read_record_bytes(shard, entry))
    replace_file(folder / INDEX, index.content())


class _Writer:
    """Appends images to the last shard; what a kill cut off is taken away first."""

    def __init__(self, folder: Path) -> None:
        closed = _closed(folder)
        self._folder, self._closed = folder, len(closed)
        self._keys = [e.key for shard in closed for e in _entries(shard)]
        self._shard = OpenShard(folder, self._closed)
        self._keys += self._shard.keys
        self._known = set(self._keys)

    def samples_done(self, keys: Sequence[str]) -> int:
        """Count the samples that are there; the last may lack some of its images."""
        if not self._keys:
            return 0
        return keys.index(self._keys[-1].rpartition('-')[0])

    def append(self, image: Packed) -> None:
        """Append an image, unless it is there."""
        if image.key in self._known:
            return
        self._shard.append(image)
        self._known.add(image.key)
        if self._shard.size >= SHARD_BYTES:
            self._shard.finish()
            self._closed += 1
            self._shard = OpenShard(self._folder, self._closed)

    def close(self) -> None:
        """Leave the last shard to be continued."""
        self._shard.close()

    def finish(self) -> None:
        """Close the last shard; one without images goes."""
        last = OpenShard(self._folder, self._closed)
        if last.keys:
            last.finish()
        else:
            last.close()
            last.path.unlink()


def _closed(folder: Path) -> list[Path]:
    """List the closed shards."""
    found = sorted(folder.glob(f'*{SUFFIX}'))
    for i, path in enumerate(found):
        if path.name != shard_name(i):
            raise damaged(folder / shard_name(i), 'missing')
    return found


def _entries(shard: Path) -> list[Entry]:
    """Find the images of a closed shard, all of them whole."""
    found = scan(shard)
    if not found.closed or found.damage or not all(e.complete for e in found.entries):
        raise damaged(shard, 'it is no whole tar file')
    return found.entries


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else builds here."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
