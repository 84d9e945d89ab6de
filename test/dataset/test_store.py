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

"""What was written is read back, exactly, by our reader and by any reader of tar files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
import io
import json
from pathlib import Path
import pickle
import tarfile

from dseg_ros.config.dataset import StoreConfig
from dseg_ros.dataset.codec import decode, encode, seal
from dseg_ros.dataset.manifest import FILE
from dseg_ros.dataset.sample import decode_rgb
from dseg_ros.dataset.store import Dataset, DatasetError, DatasetWriter, Sample
from dseg_ros.types import Cloud, Dropped, Proposals
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
import numpy as np
import pytest

MakeSample = Callable[..., Sample]


def assert_same(one: object, other: object) -> None:
    """Compare dataclasses deeply, arrays with type and bits."""
    assert type(one) is type(other)
    for f in fields(one):  # type: ignore[arg-type]
        a, b = getattr(one, f.name), getattr(other, f.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), f.name
        elif isinstance(a, tuple):
            assert len(a) == len(b)
            for x, y in zip(a, b):
                assert_same(x, y)
        elif hasattr(a, '__dataclass_fields__'):
            assert_same(a, b)
        else:
            assert a == b, f.name


@given(st.data(), st.integers(0, 40), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_arrays_come_back_bit_by_bit(data: st.DataObject, points: int,
                                         compress: bool) -> None:
    """NaN, infinities, denormals, no points, no proposals: nothing is changed."""
    def some(dtype: type, *shape: int) -> np.ndarray:
        return data.draw(arrays.arrays(dtype, shape))

    count = data.draw(st.integers(0, 5))
    cloud = Cloud(data.draw(st.integers(0, 2**62)), 'lidar',
                  *(some(np.float32, points) for _ in range(3)),
                  ring=data.draw(st.none() | st.just(some(np.uint16, points))),
                  time_s=data.draw(st.none() | st.just(some(np.float32, points))),
                  label=data.draw(st.none() | st.just(some(np.uint8, points))))
    proposals = Proposals(
        cloud.stamp_ns, 'lidar', data.draw(arrays.arrays(
            np.int32, points, elements=st.integers(-1, count))), some(np.int32, count),
        *(some(np.float32, count, 3) for _ in range(3)),
        *(some(np.float32, count) for _ in range(2)), 'depth_clustering')
    sample = Sample('drive', cloud, proposals, (), Dropped({'late': 2}))
    assert_same(decode(sample.key, encode(sample, compress)), sample)


def test_many_proposals_do_not_overflow(make_sample: MakeSample) -> None:
    """Ids are stored in two bytes only while they fit."""
    sample = make_sample(0, points=40_000)
    many = 40_000
    proposals = Proposals(sample.cloud.stamp_ns, 'lidar', np.arange(1, many + 1, dtype=np.int32),
                          np.ones(many, np.int32), *([np.zeros((many, 3), np.float32)] * 3),
                          *([np.zeros(many, np.float32)] * 2), 'dbscan')
    sample = Sample('drive', sample.cloud, proposals, sample.views)
    assert_same(decode(sample.key, encode(sample)), sample)


def test_samples_are_read_in_order_and_by_key(dataset: Path, make_sample: MakeSample) -> None:
    """Iteration, random access, one drive's part and the counts agree."""
    data = Dataset(dataset)
    assert len(data) == 5 and data.sources == ['one', 'two']
    assert [s.key for s in data] == data.keys()
    assert data.keys('two') == ['two-0000000000000000000', 'two-0000000001000000000']
    assert [s.source for s in data.samples('one')] == ['one'] * 3
    assert_same(data['two-0000000001000000000'], make_sample(1, 20, ('front', 'rear'), 'two'))
    assert 'two-0000000009000000000' not in data
    assert data.manifest.dropped == Dropped({'no image': 8})
    assert data.manifest.source('one').samples == 3


def test_images_are_kept_as_recorded_and_decode(make_sample: MakeSample, dataset: Path) -> None:
    """A view decodes to the pixels of the file, a PNG without loss."""
    view = Dataset(dataset)['one-0000000000000000000'].frame().views[1]
    recorded = make_sample(0, 20, ('front', 'rear'), 'one').views[1]
    assert recorded.suffix == 'png'
    assert np.array_equal(view.image.rgb, decode_rgb(recorded.data))
    assert view.camera_T_lidar.tobytes() == recorded.camera_T_lidar.tobytes()


def test_a_pickled_data_set_still_reads(dataset: Path) -> None:
    """Loaders hand the data set to other processes."""
    data = pickle.loads(pickle.dumps(Dataset(dataset)))
    assert len(next(iter(data)).cloud) == 20


def test_shards_follow_the_conventions_of_webdataset(dataset: Path) -> None:
    """Plain tar; members of a sample lie together; suffixes say what the standard decoders do."""
    with tarfile.open(dataset / 'shard-000000.tar') as tar:
        names = tar.getnames()
        about = json.load(tar.extractfile('one-0000000000000000000.json'))  # type: ignore
        cloud = tar.extractfile('one-0000000000000000000.cloud.npz').read()  # type: ignore
    keys = [name.partition('.')[0] for name in names]
    assert keys == sorted(keys) and len(names) == 5 * 5
    assert {name.partition('.')[2] for name in names} == {
        'json', 'cloud.npz', 'proposals.npz', 'front.jpg', 'rear.png'}
    assert np.load(io.BytesIO(cloud))['x'].shape == (20,)
    assert about['views'][0]['camera']['width'] == 40


def test_a_full_shard_is_closed(tmp_path: Path, make_sample: MakeSample) -> None:
    """Shards are cut at their size and the order of samples stays."""
    with DatasetWriter(tmp_path, {}, StoreConfig(shard_mb=1)) as writer:
        writer.begin_source('bag', 'drive')
        for index in range(7):
            writer.append(make_sample(index, points=20_000))
    data = Dataset(tmp_path)
    assert [s.samples for s in data.manifest.shards] == [3, 3, 1]
    assert data.keys() == sorted(data.keys()) and len(data) == 7


def test_a_data_set_in_the_making_shows_its_samples(tmp_path: Path,
                                                    make_sample: MakeSample) -> None:
    """A reader sees every whole sample of an open shard."""
    writer = DatasetWriter(tmp_path, {})
    writer.begin_source('live', 'drive')
    writer.append(make_sample(1))
    writer.append(make_sample(2))
    assert len(Dataset(tmp_path)) == 2
    writer.close()
    assert len(Dataset(tmp_path)) == 2 and not list(tmp_path.glob('*.part'))


def test_two_writers_are_refused(tmp_path: Path, make_sample: MakeSample) -> None:
    """The second writer is told, the first goes on; after it, another may come."""
    with DatasetWriter(tmp_path, {}) as writer:
        writer.begin_source('live', 'drive')
        with pytest.raises(DatasetError, match='another process is writing'):
            DatasetWriter(tmp_path, {})
        writer.append(make_sample(1))
    with DatasetWriter(tmp_path, {}) as writer:
        assert len(writer) == 1 and make_sample(1).key in writer


def test_drives_of_several_vehicles_make_one_data_set(tmp_path: Path) -> None:
    """Every drive keeps its recipe; going on with one by another is refused, by its difference."""
    with DatasetWriter(tmp_path, {'offset_ms': [-4.0]}) as writer:
        writer.begin_source('a.bag', 'a', 'sha256:1')
    with DatasetWriter(tmp_path, {'offset_ms': [20.0]}) as writer:
        writer.begin_source('b.bag', 'b', 'sha256:2')
        with pytest.raises(DatasetError, match=r"'a'.* offset_ms: \[-4.0\] there, \[20.0\] w"):
            writer.begin_source('a.bag', 'a', 'sha256:1')
    assert [s.recipe for s in Dataset(tmp_path).manifest.sources] == [
        {'offset_ms': [-4.0]}, {'offset_ms': [20.0]}]


def test_a_data_set_with_one_recipe_for_all_is_read(dataset: Path) -> None:
    """The form of manifest.json before drives had recipes of their own."""
    values = json.loads((dataset / FILE).read_text())
    shared = [source.pop('recipe') for source in values['sources']][0]
    values.pop(next(iter(values)))                  # the checksum, written anew
    (dataset / FILE).write_bytes(seal({**values, 'recipe': shared}, indent=1) + b'\n')
    assert all(s.recipe == shared for s in Dataset(dataset).manifest.sources)


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    """No data set is made among other files."""
    (tmp_path / 'letter.txt').write_text('dear')
    with pytest.raises(DatasetError, match="holds 'letter.txt'"):
        DatasetWriter(tmp_path, {})
    with pytest.raises(DatasetError, match='no data set'):
        Dataset(tmp_path)


def test_wrong_samples_are_refused(tmp_path: Path, make_sample: MakeSample) -> None:
    """A key twice, an unknown drive, a name that tar or WebDataset would split."""
    with DatasetWriter(tmp_path, {}) as writer:
        writer.begin_source('live', 'drive')
        writer.append(make_sample(1))
        with pytest.raises(DatasetError, match='recorded already'):
            writer.append(make_sample(1))
        with pytest.raises(DatasetError, match="no source 'other'"):
            writer.append(make_sample(2, source='other'))
        with pytest.raises(DatasetError, match="camera name 'front.left'"):
            make_sample(3, cameras=('front.left',))
        with pytest.raises(DatasetError, match='twice'):
            make_sample(3, cameras=('front', 'front'))
    with pytest.raises(DatasetError, match='after the data set was closed'):
        writer.append(make_sample(4))


def test_drives_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """The same recording is found again; another of its name gets a number."""
    with DatasetWriter(tmp_path, {}) as writer:
        assert writer.begin_source('a/bag', 'bag', 'sha256:1').name == 'bag'
        assert writer.begin_source('b/bag', 'bag', 'sha256:2').name == 'bag_2'
        assert writer.begin_source('c/bag', 'bag', 'sha256:1').name == 'bag'
        assert writer.begin_source('live', 'bag').name == 'bag_3'
