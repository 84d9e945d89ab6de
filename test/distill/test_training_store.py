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

"""The training store: what it gives, to whom, after a kill, and what it says of damage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
import hashlib
import json
import multiprocessing
import os
from pathlib import Path
import signal
import time
import tracemalloc
from typing import Any

import cv2
from dseg_ros.config.distill import TrainingConfig
from dseg_ros.dataset.shard import Packed
from dseg_ros.distill.augment import class_frequency, draw_batch, TrainingImage
from dseg_ros.distill.store_building import build_store, image_key
from dseg_ros.distill.training_store import (
    INDEX, pack_image, StoredImages, TrainingDataError)
import numpy as np
import pytest
import webdataset

Drives = list[list[TrainingImage]]


def silent(done: int, total: int) -> None:
    """Tell nobody of progress."""


class Labeller:
    """Gives images as if each were made from a sample of its own; counts how many it made."""

    def __init__(self, drives: Drives, die_at: int = -1) -> None:
        """Take the images; at one of them this process is killed."""
        self.images = {f'{d[0].source}-{i:019d}': image
                       for d in drives for i, image in enumerate(d)}
        self.keys = list(self.images)
        self.made: list[str] = []
        self.die_at = die_at

    def __call__(self, keys: Sequence[str]) -> Iterator[tuple[Packed, ...]]:
        """Make two images of a sample: the image and its mirror."""
        for key in keys:
            if len(self.made) == self.die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.made.append(key)
            image = self.images[key]
            mirror = TrainingImage(image.rgb[:, ::-1], image.labels[:, ::-1], image.source)
            yield (pack_image(image_key(key, 0), image), pack_image(image_key(key, 1), mirror))


def build(folder: Path, label: Labeller) -> StoredImages:
    """Build or open the store."""
    return build_store(folder, 'identity', label.keys, label, silent)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close a shard after two or three images."""
    monkeypatch.setattr('dseg_ros.distill.store_building.SHARD_BYTES', 80_000)


@pytest.fixture
def store(images: Drives, tmp_path: Path, small_shards: None) -> Path:
    """Give the folder of a store of twelve images."""
    build(tmp_path / 'store', Labeller(images))
    assert len(list((tmp_path / 'store').glob('*.tar'))) > 2
    return tmp_path / 'store'


def test_images_come_back(images: Drives, store: Path) -> None:
    """By drive, in order; labels to the bit, colours to what JPEG keeps of noise."""
    found = StoredImages(store, 'identity')
    assert [len(d) for d in found] == [6, 6]
    for drive, expected in zip(found, images):
        for got, image in zip(drive[::2], expected):
            assert got.source == image.source and got.rgb.shape == image.rgb.shape
            assert np.array_equal(got.labels, image.labels)
            assert np.abs(got.rgb.astype(int) - image.rgb).mean() < 8
        assert np.array_equal(drive[-1].labels, expected[-1].labels[:, ::-1])
        with pytest.raises(IndexError):
            drive[6]
    assert len(list(found.images())) == 12


def test_batches_and_frequencies_are_those_of_images_in_memory(
        images: Drives, store: Path, tiny: TrainingConfig, monkeypatch: pytest.MonkeyPatch
        ) -> None:
    """The same crops are drawn; the labels were counted before, no image is read for it."""
    found = StoredImages(store, 'identity')
    memory = [list(drive) for drive in found]
    for step in range(3):
        one, two = draw_batch(found, step, tiny), draw_batch(memory, step, tiny)
        assert np.array_equal(one.rgb, two.rgb) and np.array_equal(one.labels, two.labels)
    expected = class_frequency(memory, 3)
    monkeypatch.setattr(Path, 'open', lambda *a, **k: pytest.fail('a file was read'))
    assert np.array_equal(class_frequency(found, 3), expected)


def test_webdataset_reads_it(images: Drives, store: Path) -> None:
    """As anybody would: members by suffix, the source in the json."""
    shards = sorted(map(str, store.glob('*.tar')))
    rows = list(webdataset.WebDataset(shards, shardshuffle=False, empty_check=False))
    assert len(rows) == 12
    assert [r['__key__'] for r in rows[:2]] == [f'drive0-{0:019d}-00', f'drive0-{0:019d}-01']
    for row in rows:
        assert {'rgb.jpg', 'labels.png', 'json'} <= set(row)
        assert json.loads(row['json'])['source'] == row['__key__'].split('-')[0]
    labels = cv2.imdecode(np.frombuffer(rows[0]['labels.png'], np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(labels, images[0][0].labels)
    decoded = next(iter(webdataset.WebDataset(shards, shardshuffle=False).decode('rgb8')))
    assert np.array_equal(decoded['rgb.jpg'].shape, images[0][0].rgb.shape)


def test_a_finished_store_is_only_opened(images: Drives, store: Path) -> None:
    """Nothing is made and no file is touched."""
    before = {p: p.stat().st_mtime_ns for p in store.iterdir()}
    label, told = Labeller(images), []
    build_store(store, 'identity', label.keys, label, lambda *a: told.append(a))
    assert label.made == [] and told == [(6, 6)]
    assert {p: p.stat().st_mtime_ns for p in store.iterdir()} == before


def killed(folder: Path, drives: Drives, die_at: int) -> None:
    """Build until killed; runs in a process of its own."""
    import dseg_ros.distill.store_building as room
    room.SHARD_BYTES = 80_000
    build(folder, Labeller(drives, die_at))


@pytest.mark.parametrize('die_at', [1, 5])
def test_a_killed_build_goes_on_to_the_same_bytes(images: Drives, store: Path, tmp_path: Path,
                                                  die_at: int) -> None:
    """Kill -9, the last image half written: what was whole stays, the rest is made up for."""
    other = tmp_path / 'other'
    process = multiprocessing.get_context('spawn').Process(target=killed,
                                                           args=(other, images, die_at))
    process.start()
    process.join(60)
    assert process.exitcode == -9 and not (other / INDEX).exists()
    parts = list(other.glob('*.part'))
    cut = parts[0].read_bytes() if parts else b''
    if cut:
        parts[0].write_bytes(cut[:-700])                 # the end of an image and all its json
    label, told = Labeller(images), []
    build_store(other, 'identity', label.keys, label, lambda *a: told.append(a))
    assert label.made == label.keys[die_at - 1:] and told[0] == (die_at - 1, 6)
    assert contents(other) == contents(store)


def test_who_comes_second_waits_and_makes_nothing(images: Drives, tmp_path: Path) -> None:
    """As the processes of one training do."""
    class Slow(Labeller):

        def __call__(self, keys: Sequence[str]) -> Iterator[tuple[Packed, ...]]:
            for packed in super().__call__(keys):
                time.sleep(0.02)
                yield packed
    labellers = [Slow(images), Slow(images)]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda label: build(tmp_path / 'store', label), labellers))
    assert sorted(len(label.made) for label in labellers) == [0, 6]
    assert [len(f) for f in found] == [2, 2]


def digest(drives: Sequence[Sequence[TrainingImage]]) -> str:
    """Hash all pixels."""
    total = hashlib.sha256()
    for drive in drives:
        for image in drive:
            total.update(image.rgb.tobytes() + image.labels.tobytes())
    return total.hexdigest()


@pytest.mark.parametrize('method', ['fork', 'spawn', 'thread'])
def test_one_store_serves_processes_and_threads(store: Path, method: str) -> None:
    """Handed over open, read by two at a time."""
    found = StoredImages(store, 'identity')
    expected = digest(found)
    pool: Any = ThreadPoolExecutor(2) if method == 'thread' else (
        multiprocessing.get_context(method).Pool(2))
    with pool:
        assert list(pool.map(digest, [found] * 4)) == [expected] * 4


def test_images_are_not_held(images: Drives, tmp_path: Path) -> None:
    """Reading them all takes the memory of a few."""
    many = [images[0] * 40]
    found = build(tmp_path / 'store', Labeller(many))
    size = images[0][0].rgb.nbytes + images[0][0].labels.nbytes
    tracemalloc.start()
    assert sum(image.rgb.shape[0] for image in found.images()) == 240 * 120
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * size


def test_damage_is_named(store: Path) -> None:
    """A flipped byte when it is read, a cut or missing shard at once; and what to do."""
    found = StoredImages(store, 'identity')
    shard = sorted(store.glob('*.tar'))[1]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:])
    advice = f'{shard}: damaged: .* delete the folder {store}, and the same command'
    with pytest.raises(TrainingDataError, match=advice):
        list(found.images())
    for content in (whole[:3000], None):
        shard.unlink()
        if content is not None:
            shard.write_bytes(content)
        with pytest.raises(TrainingDataError, match=advice):
            StoredImages(store, 'identity')
        with pytest.raises(TrainingDataError, match=advice):
            list(found.images())


def test_a_hole_in_an_unfinished_store_is_named(images: Drives, store: Path) -> None:
    """A shard lost before the index was written cannot be told from no shard."""
    (store / INDEX).unlink()
    (store / 'shard-000001.tar').unlink()
    with pytest.raises(TrainingDataError, match='shard-000001.tar: damaged: missing; delete'):
        build(store, Labeller(images))


def test_a_damaged_index_is_written_again(images: Drives, store: Path) -> None:
    """From the shards, whose last sample alone is made again to compare."""
    whole = (store / INDEX).read_text()
    (store / INDEX).write_text(whole.replace('rgb_start', 'rgb_begin'))
    label = Labeller(images)
    assert digest(build(store, label)) == digest(StoredImages(store, 'identity'))
    assert (store / INDEX).read_text() == whole and label.made == label.keys[-1:]


def test_a_store_of_something_else_is_not_taken(store: Path) -> None:
    """The identity stands in the index."""
    with pytest.raises(ValueError, match='of another store'):
        StoredImages(store, 'other')
