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

"""Bags become data sets: the same one by any number of workers, in one run or in many."""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess
import sys
import time

from dseg_ros.cli.app import main
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.schema import ConfigError, from_mapping
from dseg_ros.config.vehicle import harvest_options
from dseg_ros.dataset.fingerprint import fingerprint
from dseg_ros.dataset.harvest import drive_name, harvest, run
from dseg_ros.dataset.store import Dataset, DatasetError, verify
from dseg_ros.geometry import project_xyz
import pytest
import ray

REPOSITORY = Path(__file__).resolve().parents[2]
VEHICLES = REPOSITORY / 'config'

KILLED = """
import os, signal, sys
from pathlib import Path
from dseg_ros.config.dataset import HarvestConfig, StoreConfig
from dseg_ros.dataset import harvest as room
from dseg_ros.dataset.writer import DatasetWriter

after, workers, bag, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
append = DatasetWriter.append_packed
def dying(self, packed):
    append(self, packed)
    if len(self) == after:
        with self._shard.path.open('ab') as file:
            file.write(packed.data[:len(packed.data) // 2])  # what a kill leaves of the next
        os.kill(os.getpid(), signal.SIGKILL)
if __name__ == '__main__':
    DatasetWriter.append_packed = dying
    room.harvest(HarvestConfig((bag,), out, workers=workers, store=StoreConfig(shard_mb=1)))
"""


def config(bag: Path, out: Path, **options: object) -> HarvestConfig:
    """Ask for a harvest of one bag in this process, small shards, some options by dotted name."""
    return from_mapping(HarvestConfig, {'bags': [str(bag)], 'out': str(out), 'workers': 1,
                                        'store.shard_mb': 1, **options})


def killed(bag: Path, folder: Path, after: int, workers: int) -> subprocess.Popen[bytes]:
    """Start a harvest into folder/set, working in folder, that is killed after some samples."""
    script = folder / 'killed.py'
    script.write_text(KILLED)
    paths = os.pathsep.join([str(REPOSITORY), os.environ.get('PYTHONPATH', '')])
    return subprocess.Popen([sys.executable, str(script), str(after), str(workers), str(bag),
                             str(folder / 'set')], cwd=folder,
                            env={**os.environ, 'PYTHONPATH': paths})


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files of a data set."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != '.lock'}


@pytest.fixture(scope='session')
def harvested(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Harvest the simulated drive once, undisturbed, with one worker."""
    return run(config(sim_bag, tmp_path_factory.mktemp('harvest') / 'set'))


def test_every_cloud_of_the_simulated_drive_is_a_sample(harvested: Path, sim_bag: Path) -> None:
    """Cloud, proposals, image, calibration and motion are all there, and verified."""
    data = Dataset(harvested)
    assert len(data) == 10 and verify(harvested) == []
    sample = next(iter(data))
    assert sample.key.startswith(f'{sim_bag.name}-1700000000') and len(sample.proposals) > 3
    assert sample.cloud.label is not None and sample.cloud.ring is not None
    view = sample.frame().views[0]
    assert view.ego_motion_known and view.image.rgb.shape == (270, 480, 3)
    assert 0.015e9 < abs(view.image.stamp_ns - sample.cloud.stamp_ns) < 0.1e9
    source = data.manifest.source(sim_bag.name)
    assert source.complete and source.samples == 10 and source.fingerprint == fingerprint(sim_bag)
    recipe = data.manifest.sources[0].recipe
    assert recipe['proposals']['method'] == 'auto'
    assert not {'bags', 'out', 'workers', 'engine', 'ray_address'} & set(recipe)


def test_workers_change_nothing(harvested: Path, sim_bag: Path, tmp_path: Path) -> None:
    """Two processes give the same bytes as one."""
    harvest(config(sim_bag, tmp_path / 'set', workers=2))
    assert contents(tmp_path / 'set') == contents(harvested)


def test_a_ray_cluster_changes_nothing(harvested: Path, sim_bag: Path, tmp_path: Path) -> None:
    """By the command: it starts a Ray of its own, gives the same bytes, and stops it again."""
    assert main(['harvest', str(sim_bag), '--out', str(tmp_path / 'set'), '--engine', 'ray',
                 '--ray-address', 'local', '--workers', '2', '--store.shard-mb', '1']) == 0
    assert contents(tmp_path / 'set') == contents(harvested)
    assert not ray.is_initialized()


@pytest.mark.parametrize(('after', 'workers'), [(1, 2), (7, 1)])
def test_a_killed_harvest_goes_on_to_the_same_bytes(
        harvested: Path, sim_bag: Path, tmp_path: Path, after: int, workers: int) -> None:
    """Kill -9 in the middle of a write: what was whole is seen, the rest is made up for."""
    out = tmp_path / 'set'
    with killed(sim_bag, tmp_path, after, workers) as process:
        assert process.wait(120) == -9
    assert Dataset(out).keys() == Dataset(harvested).keys()[:after]
    assert verify(out) == []
    before = {p.name: p.stat().st_mtime_ns for p in out.glob('shard-*.tar')}
    harvest(config(sim_bag, out))
    assert contents(out) == contents(harvested)
    assert {p.name: p.stat().st_mtime_ns for p in out.glob('shard-*.tar')
            if p.name in before} == before


def test_workers_do_not_outlive_a_killed_parent(sim_bag: Path, tmp_path: Path) -> None:
    """No process is left behind that anybody would have to look for."""
    most = 0
    with killed(sim_bag, tmp_path, after=2, workers=2) as process:
        while process.poll() is None:
            most = max(most, processes_in(tmp_path))
            time.sleep(0.02)
    assert most >= 3, 'the parent and its two workers were seen'
    for _ in range(100):
        if not processes_in(tmp_path):
            return
        time.sleep(0.1)
    pytest.fail(f'{processes_in(tmp_path)} processes are left')


def processes_in(folder: Path) -> int:
    """Count the processes that work in a folder."""
    count = 0
    for process in Path('/proc').glob('[0-9]*/cwd'):
        try:
            count += process.readlink() == folder
        except OSError:
            continue
    return count


def test_a_second_run_adds_only_what_is_new(harvested: Path, sim_bag: Path,
                                            tmp_path: Path) -> None:
    """The same bag again, by another path, gives nothing; the files are not even touched."""
    out = tmp_path / 'set'
    shutil.copytree(harvested, out)
    before = contents(out)
    copy = tmp_path / 'copy'
    shutil.copytree(sim_bag, copy)
    seen: list[tuple[int, int]] = []
    harvest(config(copy, out), lambda done, total: seen.append((done, total)))
    assert contents(out) == before and seen[-1] == (10, 10)


@pytest.mark.parametrize(('options', 'left', 'reason'), [
    ({'selection.every': 4}, 3, 'not the n-th frame'),
    ({'selection.min_interval_s': 0.35}, 3, 'too soon after the last sample'),
    ({'selection.min_distance_m': 2.0}, 4, 'too near to the last sample'),
])
def test_frames_are_selected(sim_bag: Path, tmp_path: Path, options: dict[str, object],
                             left: int, reason: str) -> None:
    """By number, time and way; what is left out is counted."""
    path = harvest(config(sim_bag, tmp_path / 'set', **options))
    dropped = Dataset(path).manifest.sources[0].dropped
    assert abs(len(Dataset(path)) - left) <= 1
    assert dropped == {reason: 10 - len(Dataset(path))}


def test_a_cut_bag_gives_what_was_readable(harvested: Path, sim_bag: Path,
                                           tmp_path: Path) -> None:
    """The damage is written down, the frames before it are samples like any other."""
    cut = tmp_path / sim_bag.name
    shutil.copytree(sim_bag, cut)
    file = next(cut.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:int(0.6 * file.stat().st_size)])
    data = Dataset(harvest(config(cut, tmp_path / 'set')))
    assert 3 <= len(data) <= 8
    assert data.keys() == Dataset(harvested).keys()[:len(data)]
    assert data.manifest.sources[0].problems
    assert verify(data.path) == []


def test_nothing_matched_is_an_error_that_says_why(sim_bag: Path, tmp_path: Path) -> None:
    """An empty data set would be found out much later."""
    with pytest.raises(DatasetError, match='no samples; dropped .*within tolerance'):
        harvest(config(sim_bag, tmp_path / 'set', **{'sync.tolerance_ms': [1.0]}))
    with pytest.raises(ConfigError, match='bags and out'):
        harvest(HarvestConfig())


def test_wrong_input_writes_nothing(sim_bag: Path, tmp_path: Path) -> None:
    """All recordings are looked at before the first is read."""
    wrong = HarvestConfig((str(sim_bag), str(tmp_path / 'missing')), str(tmp_path / 'set'))
    with pytest.raises(ValueError, match='missing'):
        harvest(wrong)
    with pytest.raises(ValueError, match='no topic ./nope.'):
        harvest(config(sim_bag, tmp_path / 'set', **{'topics.points': '/nope'}))
    assert not (tmp_path / 'set').exists()


def test_drives_are_named_after_their_recordings(tmp_path: Path) -> None:
    """Letters that tar and WebDataset keep together."""
    folder = tmp_path / '2026.01.02 Main St.'
    folder.mkdir()
    (tmp_path / 'a.b.mcap').touch()
    assert drive_name(folder) == '2026_01_02_Main_St'
    assert drive_name(tmp_path / 'a.b.mcap') == 'a_b'


def test_a_fingerprint_is_of_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                         ) -> None:
    """A copy has the same, a changed byte another one; large files say that they were sampled."""
    one, two = tmp_path / 'one.mcap', tmp_path / 'two.mcap'
    one.write_bytes(bytes(range(256)) * 100)
    two.write_bytes(one.read_bytes())
    assert fingerprint(one) == fingerprint(two)
    two.write_bytes(one.read_bytes()[:-1] + b'\0')
    assert fingerprint(one) != fingerprint(two)
    for name, value in (('WHOLE_BYTES', 1000), ('SLICE_BYTES', 100)):
        monkeypatch.setattr(f'dseg_ros.dataset.fingerprint.{name}', value)
    assert fingerprint(one).startswith('sha256-sampled:') and fingerprint(one) != fingerprint(two)


@pytest.mark.parametrize('vehicle', ['', 'kitti', 'pandaset', 'rings', 'ddad', 'ddad_six'])
def test_real_drives_become_samples(shared_data: Path, tmp_path: Path, vehicle: str) -> None:
    """Every cloud with every camera, found by type or named by the vehicle's file."""
    bags = {'kitti': ('kitti_drive', 30, 1, 'depth_clustering'),
            'pandaset': ('pandaset_drive', 36, 3, 'depth_clustering'),
            'rings': ('rings_drive', 3, 1, 'depth_clustering'),
            'ddad': ('ddad_1_drive', 3, 3, 'dbscan'),
            'ddad_six': ('ddad_2_drive/ddad_2_drive.bag', 3, 6, 'dbscan')}
    for bag, clouds, cameras, method in [bags[vehicle]] if vehicle else bags.values():
        every, out = max(1, clouds // 3), tmp_path / bag / 'set'
        options = {'bags': [str(shared_data / bag)], 'out': str(out), 'workers': 1,
                   'selection.every': every}
        known = harvest_options(VEHICLES / f'{vehicle}.yaml') if vehicle else {}
        data = Dataset(harvest(from_mapping(HarvestConfig, {**known, **options})))
        assert len(data) == -(-clouds // every) and verify(out) == []
        for sample in data:
            assert len(sample.views) == cameras and sample.proposals.method == method
            assert len(sample.proposals) > 20
            reach = [len(project_xyz(sample.cloud.x, sample.cloud.y, sample.cloud.z, v.camera,
                                     v.camera_T_lidar).rows) for v in sample.views]
            assert min(reach) > 500, 'every camera sees points'
