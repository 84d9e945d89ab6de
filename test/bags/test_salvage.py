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

"""A bag that was cut off is read up to the cut, and says so."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from dseg_ros.bags.messages import cloud_from_message
from dseg_ros.bags.reader import BagError, DamageError, open_bag
import numpy as np
import pytest

FORMATS = ['mcap-none', 'mcap-storage', 'mcap-message', 'mcap-file', 'sqlite3-none',
           'sqlite3-message', 'ros1-none', 'ros1-lz4', 'ros1-bz2']
COUNT = 60


def cut_bag(kind: str, folder: Path, tiny: ModuleType, share: float) -> tuple[Path, list[Any]]:
    """Write a bag of 60 noisy clouds of 96 kB, and keep the beginning of its storage file."""
    store = tiny.ROS1 if kind.startswith('ros1') else tiny.ROS2
    rng = np.random.default_rng(0)
    rows = [('/tf_static', 'tf2_msgs/msg/TFMessage', tiny.START_NS,
             tiny.tf(store, tiny.START_NS, 'base', 'lidar', 1.0))]
    rows += [('/lidar/points', 'sensor_msgs/msg/PointCloud2', tiny.START_NS + i,
              tiny.cloud(store, i, rng.random((6000, 4)))) for i in range(COUNT)]
    if store is tiny.ROS1:
        path = file = tiny.write_ros1(folder / 'drive.bag', rows, kind)
    else:
        path = tiny.write_ros2(folder / 'drive', rows, kind)
        file = next(f for f in path.iterdir() if f.name != 'metadata.yaml')
    data = file.read_bytes()
    file.write_bytes(data[:round(len(data) * share)])
    return path, rows


@pytest.mark.parametrize('kind', FORMATS)
@pytest.mark.parametrize('share', [0.5, 0.97])
def test_everything_before_the_cut_is_read(kind: str, share: float, tmp_path: Path,
                                           tiny: ModuleType) -> None:
    """Messages come whole and in order, then an error that names the file and how many."""
    path, rows = cut_bag(kind, tmp_path, tiny, share)
    got = []
    with open_bag(path) as bag:
        assert len(bag.static_transforms()) == 1
        with pytest.raises(DamageError) as error:
            for record in bag.messages(['/lidar/points']):
                got.append(cloud_from_message(record.message)[0])
    assert 0.2 * share * COUNT < len(got) < COUNT
    assert f'is damaged after {len(got)} messages' in str(error.value)
    assert 'drive' in str(error.value)
    for cloud, row in zip(got, rows[1:]):
        np.testing.assert_array_equal(cloud.xyz.reshape(-1),
                                      row[3].data.view(np.float32).reshape(-1, 4)[:, :3].ravel())


@pytest.mark.parametrize('kind', FORMATS)
def test_nothing_is_left(kind: str, tmp_path: Path, tiny: ModuleType) -> None:
    """Without a single whole message the bag cannot be opened."""
    path, _ = cut_bag(kind, tmp_path, tiny, 0.004)
    with pytest.raises(BagError, match='drive'):
        open_bag(path)


@pytest.mark.parametrize('kind', ['mcap-none', 'mcap-storage', 'ros1-lz4'])
def test_a_hole_in_the_middle(kind: str, tmp_path: Path, tiny: ModuleType) -> None:
    """A file with an index but overwritten in the middle is read up to there, or is not read."""
    path, _ = cut_bag(kind, tmp_path, tiny, 1.0)
    file = path if path.is_file() else next(path.glob('*.mcap'))
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle:middle + len(data) // 4] = bytes(len(data) // 4)
    file.write_bytes(data)
    count = 0
    with pytest.raises(BagError, match='drive'), open_bag(path) as bag:
        for _ in bag.messages(['/lidar/points']):
            count += 1
    assert count < COUNT


def test_real_recordings_cut_in_half(shared_data: Path, tmp_path: Path) -> None:
    """Half the frames of other people's recordings are there."""
    for source, topic, least in (('kitti_drive/kitti_drive.mcap', '/lidar/points', 14),
                                 ('ddad_2_drive/ddad_2_drive.bag', '/points', 1)):
        data = (shared_data / source).read_bytes()
        path = tmp_path / Path(source).name
        path.write_bytes(data[:len(data) // 2])
        with open_bag(path) as bag:
            assert bag.topics[topic].count >= least
            assert bag.damage
