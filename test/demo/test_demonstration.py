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

"""The demonstration: its figures, its pictures, and that it fails where something is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path
import shutil

from dseg_ros.config.demo import DemoConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.demo.demonstration import check, DemoError, make_drive, run
from dseg_ros.demo.pictures import corners
from dseg_ros.demo.summary import latency
import numpy as np
import pytest


def test_the_whole_demonstration(sim_bag: Path, tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording is played over DDS; every cloud has objects, every image a mask; it is seen."""
    packages = pytest.importorskip('ament_index_python.packages')
    try:
        packages.get_package_share_directory('dseg_ros')
    except packages.PackageNotFoundError:
        pytest.skip('the package is not built; ./run test builds it')
    monkeypatch.setenv('ROS_DOMAIN_ID', str(1 + (os.getpid() + 25) % 100))
    summary = run(DemoConfig(out=str(tmp_path), bag=str(sim_bag), pictures=2))
    assert summary == json.loads((tmp_path / 'summary.json').read_text())
    assert summary['frames'] == summary['frames_with_objects'] == 10
    assert summary['images'] == summary['masks'] == 10
    assert summary['pairs'] >= 7  # of 10; lock step waits for masks, not for pairs
    assert summary['objects_per_frame']['min'] > 3
    assert 0 < summary['latency_ms']['image_to_mask']['median'] <= (
        summary['latency_ms']['image_to_mask']['p99'])
    assert 0 <= summary['accuracy']['strict']['miou'] <= 100
    assert len(summary['pictures']) == 2 and all(Path(p).is_file() for p in summary['pictures'])


def test_a_drive_is_made_once(tmp_path: Path) -> None:
    """The same configuration takes the drive that is there, another one makes a new one."""
    sim = {'seconds': 0.2, 'width': 64, 'height': 48, 'lidar_columns': 100, 'workers': 1}
    drive = make_drive(from_mapping(DemoConfig, {'sim': sim}), tmp_path, None)
    before = {p: p.stat().st_mtime_ns for p in drive.iterdir()}
    make_drive(from_mapping(DemoConfig, {'sim': sim}), tmp_path, None)
    assert {p: p.stat().st_mtime_ns for p in drive.iterdir()} == before
    make_drive(from_mapping(DemoConfig, {'sim': {**sim, 'seed': 2}}), tmp_path, None)
    assert {p: p.stat().st_mtime_ns for p in drive.iterdir()} != before


@pytest.mark.parametrize(('change', 'named'), [
    ({'launch_status': 1}, 'status 1'), ({'masks': 9}, '9 of 10 images'),
    ({'frames_with_objects': 0}, '0 of 10 clouds'), ({'images': 0, 'masks': 0}, '0 of 0')])
def test_what_is_missing_is_an_error(tmp_path: Path, change: dict[str, int], named: str) -> None:
    """The demonstration fails unless everything was answered."""
    good = {'launch_status': 0, 'frames': 10, 'frames_with_objects': 10, 'images': 10,
            'masks': 10}
    check(good, tmp_path)
    with pytest.raises(DemoError, match=named):
        check({**good, **change}, tmp_path)


def test_without_ros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ROS the error says how to get it."""
    monkeypatch.setattr(shutil, 'which', lambda name: None)
    with pytest.raises(DemoError, match='./run demo'):
        run(DemoConfig(out=str(tmp_path)))


def test_latency_counts_what_was_answered() -> None:
    """Only answers to what was seen being sent count."""
    figures = latency({1: 0, 2: 1_000_000}, {1: 5_000_000, 2: 4_000_000, 3: 9})
    assert (figures['median'], figures['max']) == (4.0, 5.0)
    assert latency({}, {3: 9}) == {}


def test_corners_of_a_turned_box() -> None:
    """A quarter turn swaps length and width."""
    box = corners(np.array([1.0, 2.0, 3.0, 4.0, 2.0, 1.0, np.pi / 2]))
    np.testing.assert_allclose(np.ptp(box, axis=0), [2.0, 4.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(box.mean(axis=0), [1.0, 2.0, 3.0])
