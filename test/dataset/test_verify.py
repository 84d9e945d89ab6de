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

"""Whatever is changed in a data set is found and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import json
from pathlib import Path
import shutil
from zlib import crc32

from dseg_ros.dataset.codec import encode, seal
from dseg_ros.dataset.manifest import read_manifest, write_manifest
from dseg_ros.dataset.shard import pack, scan
from dseg_ros.dataset.store import Dataset, DatasetError, DatasetWriter, Sample, verify
from hypothesis import given, HealthCheck, settings, strategies as st
import numpy as np
import pytest

MakeSample = Callable[..., Sample]
SHARD = 'shard-000000.tar'


def test_a_sound_data_set_is_sound(dataset: Path) -> None:
    """No problem is invented, and progress ends at the end."""
    seen: list[tuple[int, int]] = []
    assert verify(dataset, lambda done, total: seen.append((done, total))) == []
    assert seen[-1] == (1, 1)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=150, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_bit_is_found_and_its_sample_named(dataset: Path, place: float,
                                                       bit: int) -> None:
    """Headers, contents, padding, the end: no byte of a shard is without a witness."""
    shard = dataset / SHARD
    sound = shard.read_bytes()
    entries = scan(shard).entries
    position = int(place * len(sound))
    damaged = bytearray(sound)
    damaged[position] ^= 1 << bit
    shard.write_bytes(damaged)
    try:
        problems = verify(dataset)
    finally:
        shard.write_bytes(sound)
    assert problems and {p.shard for p in problems} <= {SHARD, 'manifest.json'}
    hit = [e.key for e in entries if e.start <= position < e.stop]
    assert set(hit) == {p.key for p in problems if p.key}


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_of_the_manifest_is_found(dataset: Path, place: float, bit: int) -> None:
    """The manifest witnesses for the shards, so it witnesses for itself."""
    path = dataset / 'manifest.json'
    sound = path.read_bytes()
    damaged = bytearray(sound)
    damaged[int(place * len(sound))] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        with pytest.raises(DatasetError, match='damaged'):
            verify(dataset)
    finally:
        path.write_bytes(sound)


@pytest.mark.parametrize('left', [0.0, 0.3, 0.9])
def test_a_truncated_shard_is_found(dataset: Path, left: float) -> None:
    """The shard and the number of its samples are named."""
    shard = dataset / SHARD
    shard.write_bytes(shard.read_bytes()[:int(left * shard.stat().st_size)])
    texts = [str(p) for p in verify(dataset)]
    assert any('bytes, the manifest says' in t for t in texts)
    assert any('samples, the manifest says 5' in t for t in texts)


def test_a_missing_shard_is_found(dataset: Path) -> None:
    """A shard that is gone is named with what it held; reading says so, too."""
    (dataset / SHARD).unlink()
    assert str(verify(dataset)[0]) == f'{SHARD}: missing with 5 samples'
    with pytest.raises(DatasetError, match=f'{SHARD}: missing'):
        Dataset(dataset)


def test_a_foreign_shard_is_found(dataset: Path) -> None:
    """A shard that nobody recorded is no part of the data set."""
    shutil.copy(dataset / SHARD, dataset / 'shard-000001.tar')
    assert [p.shard for p in verify(dataset)] == ['shard-000001.tar']


def test_a_wrong_count_is_found(dataset: Path) -> None:
    """The manifest's counts are compared with what is there."""
    manifest = read_manifest(dataset)
    manifest.sources[0].samples = 4
    write_manifest(dataset, manifest)
    assert [p.text for p in verify(dataset)] == ["3 samples of 'one', the manifest says 4"]


def forged(tmp_path: Path, sample: Sample, **changes: bytes) -> list[str]:
    """Record a sample with some of its files replaced, checksums and all; verify it."""
    members = encode(sample)
    members.update(changes)
    about = {k: v for k, v in json.loads(members['json']).items() if k != 'crc32'}
    about['members'] = {s: f'{crc32(d):08x}' for s, d in members.items()
                        if s != 'json'}
    members['json'] = seal(about)
    with DatasetWriter(tmp_path, {}) as writer:
        writer.begin_source('live', sample.source)
        writer.append_packed(pack(sample.key, members))
    problems = verify(tmp_path)
    assert all(p.key == sample.key for p in problems)
    return [p.text for p in problems]


def test_a_broken_picture_is_found(tmp_path: Path, make_sample: MakeSample) -> None:
    """Checksums may be right where the content is not: a JPEG that was recorded cut short."""
    sample = make_sample(1)
    cut = sample.views[0].data[:-40]
    assert 'truncated' in forged(tmp_path, sample, **{'front.jpg': cut})[0]


def test_arrays_that_do_not_fit_are_found(tmp_path: Path, make_sample: MakeSample) -> None:
    """Proposal ids of another cloud, ids without a proposal, a picture of another size."""
    sample, other = make_sample(1), make_sample(1, points=20)
    swapped = {'proposals.npz': encode(other)['proposals.npz']}
    assert '(20,) proposal ids for 50 points' in forged(tmp_path / 'a', sample, **swapped)[0]
    ids = np.full(50, 9, np.int32)
    wrong = replace(sample, proposals=replace(sample.proposals, point_ids=ids))
    assert 'proposal 9 of 3' in forged(tmp_path / 'b', wrong)[0]
    small = replace(sample.views[0], camera=replace(sample.views[0].camera, width=41))
    assert '40x24 px, its camera 41x24' in forged(tmp_path / 'c', replace(
        sample, views=(small,)))[0]
