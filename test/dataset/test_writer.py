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

"""A killed writer loses nothing and leaves no half sample."""

from __future__ import annotations

from collections.abc import Callable
import errno
from pathlib import Path

from dseg_ros.config.dataset import StoreConfig
from dseg_ros.dataset import open_shard
from dseg_ros.dataset.codec import encode
from dseg_ros.dataset.shard import pack, scan
from dseg_ros.dataset.store import Dataset, DatasetError, DatasetWriter, Sample, verify
from dseg_ros.types import Dropped
from hypothesis import given, HealthCheck, settings, strategies as st
import pytest

MakeSample = Callable[..., Sample]
SMALL = StoreConfig(shard_mb=1)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files of a data set."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != '.lock'}


def write(folder: Path, samples: list[Sample]) -> None:
    """Write what is missing of a drive, as a harvest does."""
    with DatasetWriter(folder, {}, SMALL) as writer:
        source = writer.begin_source('bag', 'drive', 'sha256:1')
        for sample in samples:
            if sample.key not in writer:
                writer.append(sample)
        writer.settle_source(source, Dropped({'no image': 1}))


@given(cut=st.floats(0, 1), keep=st.integers(0, 7))
@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_write_cut_anywhere_is_continued(tmp_path_factory: pytest.TempPathFactory,
                                           make_sample: MakeSample, cut: float,
                                           keep: int) -> None:
    """However much of the next sample reached the disk, the result is the undisturbed one."""
    samples = [make_sample(i, points=9_000, dropped=Dropped({'far': i})) for i in range(8)]
    whole, killed = tmp_path_factory.mktemp('whole'), tmp_path_factory.mktemp('killed')
    write(whole, samples)
    writer = DatasetWriter(killed, {}, SMALL)
    writer.begin_source('bag', 'drive', 'sha256:1')
    for sample in samples[:keep]:
        writer.append(sample)
    writer._release()  # the process is gone: no close, no manifest
    torn = pack(samples[keep].key, encode(samples[keep])).data
    part = next(killed.glob('*.part'))
    with part.open('ab') as file:
        file.write(torn[:int(cut * (len(torn) - 1))])
    assert Dataset(killed).keys() == [s.key for s in samples[:keep]]
    assert verify(killed) == []
    write(killed, samples)
    assert contents(killed) == contents(whole)


def test_a_kill_between_rename_and_manifest_loses_no_shard(tmp_path: Path,
                                                           make_sample: MakeSample) -> None:
    """A closed shard that the manifest does not know is taken in."""
    samples = [make_sample(i) for i in range(4)]
    write(tmp_path / 'whole', samples)
    writer = DatasetWriter(tmp_path / 'killed', {}, SMALL)
    writer.begin_source('bag', 'drive', 'sha256:1')
    for sample in samples:
        writer.append(sample)
    assert writer._shard is not None
    writer._shard.finish()
    writer._release()
    assert [p.text for p in verify(tmp_path / 'killed')][0].startswith('not in the manifest')
    write(tmp_path / 'killed', samples)
    assert contents(tmp_path / 'killed') == contents(tmp_path / 'whole')


def test_after_an_error_the_shard_stays_open(tmp_path: Path, make_sample: MakeSample) -> None:
    """Ctrl-C in a harvest changes nothing about where shards are cut."""
    samples = [make_sample(i) for i in range(4)]
    write(tmp_path / 'whole', samples)
    with pytest.raises(KeyboardInterrupt):
        with DatasetWriter(tmp_path / 'stopped', {}, SMALL) as writer:
            writer.begin_source('bag', 'drive', 'sha256:1')
            writer.append(samples[0])
            raise KeyboardInterrupt
    assert [p.name for p in (tmp_path / 'stopped').glob('shard*')] == ['shard-000000.tar.part']
    write(tmp_path / 'stopped', samples)
    assert contents(tmp_path / 'stopped') == contents(tmp_path / 'whole')


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, make_sample: MakeSample,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that the disk takes half of is not there at all; the error says why."""
    writer = DatasetWriter(tmp_path, {}, SMALL)
    writer.begin_source('live', 'drive')
    writer.append(make_sample(1))
    shard = writer._shard
    assert shard is not None
    real, size = shard._file, shard.size

    class Full:
        """A file on a disk with room for 700 bytes."""

        def write(self, data: memoryview) -> int:
            """Take a part, then nothing."""
            if real.tell() > size:
                raise OSError(errno.ENOSPC, 'No space left on device')
            return real.write(data[:700])

        fileno = staticmethod(real.fileno)

    monkeypatch.setattr(shard, '_file', Full())
    with pytest.raises(DatasetError, match='drive-0000000002000000000 not written: No space'):
        writer.append(make_sample(2))
    monkeypatch.setattr(shard, '_file', real)
    assert shard.path.stat().st_size == size
    writer.append(make_sample(3))
    writer.close()
    assert verify(tmp_path) == [] and len(Dataset(tmp_path)) == 2


def test_drops_of_samples_are_counted_once(tmp_path: Path, make_sample: MakeSample) -> None:
    """What samples left out is summed with the drive's, also when the drive is continued."""
    samples = [make_sample(i, dropped=Dropped({'broken image': 1})) for i in range(3)]
    for stop in (1, 2, 3):
        with DatasetWriter(tmp_path, {}, SMALL) as writer:
            source = writer.begin_source('bag', 'drive', 'sha256:1')
            writer.append(samples[stop - 1])
            writer.settle_source(source, Dropped({'late': 2}), ('cut short',), stop == 3)
    manifest = Dataset(tmp_path).manifest
    assert manifest.source('drive').dropped == {'broken image': 3, 'late': 2}
    assert manifest.source('drive').samples == 3
    assert manifest.source('drive').problems == ['cut short']


def test_durability_is_asked_for(tmp_path: Path, make_sample: MakeSample,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `sync_every` samples the disk is told."""
    calls: list[int] = []
    real = open_shard.os.fsync
    monkeypatch.setattr(open_shard.os, 'fsync', lambda handle: (calls.append(1), real(handle)))
    writer = DatasetWriter(tmp_path, {}, StoreConfig(sync_every=2))
    writer.begin_source('live', 'drive')
    before = len(calls)
    for index in range(5):
        writer.append(make_sample(index))
    assert len(calls) - before == 2
    writer.flush()
    assert len(calls) - before == 3
    writer.close()


def test_scanning_goes_on_behind_damage(tmp_path: Path, make_sample: MakeSample) -> None:
    """One broken header hides one file, not the rest of the shard."""
    write(tmp_path, [make_sample(i) for i in range(3)])
    shard = tmp_path / 'shard-000000.tar'
    data = bytearray(shard.read_bytes())
    start = scan(shard).entries[1].start
    data[start + 3] ^= 16
    shard.write_bytes(data)
    found = scan(shard)
    assert [e.key for e in found.entries] == [make_sample(i).key for i in range(3)]
    assert found.damage and found.damage[0][0] == start
