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

"""The contact sheet shows clusters where they are in the image, and its parts in their place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
from dseg_ros.dataset.show import choose, colours, contact_sheet
from dseg_ros.dataset.store import Dataset, DatasetError, DatasetWriter, RecordedView, Sample
from dseg_ros.types import Camera, Cloud, Proposals
import numpy as np
import pytest

MakeSample = Callable[..., Sample]


def wall_sample() -> Sample:
    """Make a camera that looks at a wall on its right: points from u = 20 on, proposal 1."""
    y, z = np.meshgrid(np.linspace(-3.3, 0, 90), np.linspace(-2, 2, 110))
    points = [a.ravel().astype(np.float32) for a in (np.full(y.shape, 5.0), y, z)]
    cloud = Cloud(0, 'lidar', *points)
    one = np.zeros((1, 3), np.float32)
    proposals = Proposals(0, 'lidar', np.ones(len(cloud), np.int32),
                          np.array([len(cloud)], np.int32), one, one, one,
                          np.zeros(1, np.float32), np.full(1, 5, np.float32), 'dbscan')
    optical_T_lidar = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    camera = Camera('front', 40, 24, np.array([[30.0, 0, 20], [0, 30, 12], [0, 0, 1]]))
    grey = cv2.imencode('.png', np.full((24, 40, 3), 100, np.uint8))[1].tobytes()
    return Sample('drive', cloud, proposals,
                  (RecordedView('front', grey, 'png', 4_000_000, camera, optical_T_lidar),))


def test_clusters_and_masks_lie_on_what_they_show(tmp_path: Path) -> None:
    """Left half grey, right half in the colour of the proposal, in both pictures."""
    with DatasetWriter(tmp_path / 'set', {}) as writer:
        writer.begin_source('live', 'drive')
        writer.append(wall_sample())
    out = contact_sheet(Dataset(tmp_path / 'set'), tmp_path / 'deep' / 'sheet.png')
    sheet = cv2.cvtColor(cv2.imread(str(out)), cv2.COLOR_BGR2RGB)
    height, tint = 384, colours(1)[2].astype(int)
    assert sheet.shape == (26 + height + 26, 2 * 640 + 6, 3)
    clusters, mask = sheet[26:26 + height, :640], sheet[26:26 + height, 646:]
    assert (clusters[:, :280] == 50).all()
    assert (clusters[100:-100, 400:600] == tint).all(axis=2).mean() > 0.1
    assert np.abs(mask[100:-100, :280].astype(int) - 100).max() <= 1
    blend = 0.45 * 100 + 0.55 * tint
    assert (np.abs(mask[100:-100, 400:600] - blend).max(axis=2) < 2).mean() > 0.9
    assert (sheet[:26] < 100).any(), 'the title is written'


@pytest.mark.parametrize(('cameras', 'width'), [(1, 1286), (3, 1950), (4, 1938), (6, 1950)])
def test_many_cameras_share_a_row(tmp_path: Path, make_sample: MakeSample, cameras: int,
                                  width: int) -> None:
    """However many cameras there are, the sheet keeps a shape that fits a screen."""
    with DatasetWriter(tmp_path / 'set', {}) as writer:
        writer.begin_source('live', 'drive')
        writer.append(make_sample(1, cameras=tuple(f'cam{i}' for i in range(cameras))))
    sheet = cv2.imread(str(contact_sheet(Dataset(tmp_path / 'set'), tmp_path / 'sheet.jpg')))
    assert sheet.shape[1] == width and sheet.shape[0] < 1000


def test_samples_are_spread_over_drives(dataset: Path) -> None:
    """Every drive is seen, its first and last samples among the chosen."""
    data = Dataset(dataset)
    assert choose(data, 2) == ['one-0000000000000000000', 'two-0000000000000000000']
    assert choose(data, 4)[:2] == ['one-0000000000000000000', 'one-0000000002000000000']
    assert len(choose(data, 100)) == 5
    assert choose(data, 3, 'two') == data.keys('two')


def test_what_cannot_be_drawn_is_said(dataset: Path, tmp_path: Path) -> None:
    """An unknown drive and a suffix that is no picture's."""
    with pytest.raises(DatasetError, match="no samples of 'three', but of .'one', 'two'"):
        contact_sheet(Dataset(dataset), tmp_path / 'sheet.png', source='three')
    with pytest.raises(DatasetError, match='cannot be written'):
        contact_sheet(Dataset(dataset), tmp_path / 'sheet.xyz')
