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

"""Descriptions: the same by any number of workers, kept, gone on with after a kill."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

from dseg_ros.cli.app import main
from dseg_ros.config.dataset import HarvestConfig, SelectionConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.harvest import harvest
from dseg_ros.dataset.store import Dataset, DatasetError
from dseg_ros.distill.clustering import ASSIGNMENT, CLASSES, cluster, CONFIG
from dseg_ros.distill.describing import Descriptions
import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPE = ClusterConfig(objects=4, inits=1)
KILLED = """
import os, signal, sys
from pathlib import Path
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.distill.describing import Descriptions

def progress(done, total):
    if done == 2:
        os.kill(os.getpid(), signal.SIGKILL)
if __name__ == '__main__':
    samples = Descriptions(Path(sys.argv[1]), 'hash', Path(sys.argv[2]), ClusterConfig())
    samples.complete(WorkersConfig(workers=1), progress)
"""


@pytest.fixture(scope='module')
def data(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data set of four samples."""
    out = tmp_path_factory.mktemp('data') / 'set'
    return harvest(HarvestConfig(bags=(str(sim_bag),), out=str(out), workers=1,
                                 selection=SelectionConfig(every=3)))


def described(data: Path, out: Path, workers: int
              ) -> tuple[dict[str, bytes], list[tuple[int, int]]]:
    """Describe and return the files and what progress was told."""
    told: list[tuple[int, int]] = []
    samples = Descriptions(data, 'hash', out, RECIPE)
    samples.complete(WorkersConfig(workers=workers), lambda *a: told.append(a))
    return {p.name: p.read_bytes() for p in samples.folder.iterdir()}, told


@pytest.fixture(scope='module')
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Describe in this process."""
    files, told = described(data, tmp_path_factory.mktemp('alone'), 1)
    assert told == [(i, 4) for i in range(5)] and len(files) == 4
    return files


def test_workers_change_nothing(data: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    """Two processes write the same bytes, and the classes are the same."""
    assert described(data, tmp_path, 2)[0] == alone
    for workers in (1, 2):
        cluster(data, tmp_path / str(workers), RECIPE, lambda *a: None,
                WorkersConfig(workers=workers))
    for name in (CLASSES, ASSIGNMENT, CONFIG):
        one, two = ((tmp_path / w / name).read_bytes() for w in '12')
        assert one == two


def test_a_ray_cluster_changes_nothing(data: Path, tmp_path: Path) -> None:
    """By the command: the whole result is the same, and so is its identity."""
    for name, engine in (('here', ['--workers', '1']),
                         ('ray', ['--workers', '2', '--engine', 'ray', '--ray-address', 'local'])):
        assert main(['cluster', str(data), '--out', str(tmp_path / name), '--objects', '4',
                     '--inits', '1', *engine]) == 0
    here, ray = ({p.relative_to(tmp_path / n): p.read_bytes()
                  for p in (tmp_path / n).rglob('*.*')} for n in ('here', 'ray'))
    assert here == ray and len(here) == 15


def test_a_killed_description_goes_on(data: Path, alone: dict[str, bytes],
                                      tmp_path: Path) -> None:
    """Kill -9: what was described is kept, the rest is made up for."""
    paths = os.pathsep.join([str(REPOSITORY), os.environ.get('PYTHONPATH', '')])
    ended = subprocess.run([sys.executable, '-c', KILLED, str(data), str(tmp_path)],
                           env={**os.environ, 'PYTHONPATH': paths})
    assert ended.returncode == -9
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*.npz')}
    assert len(before) == 2
    files, told = described(data, tmp_path, 1)
    assert files == alone and told == [(2, 4), (3, 4), (4, 4)]
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_a_damaged_description_is_made_again(data: Path, alone: dict[str, bytes],
                                             tmp_path: Path) -> None:
    """It is only a copy."""
    described(data, tmp_path, 1)
    samples = Descriptions(data, 'hash', tmp_path, RECIPE)
    name, whole = next(iter(alone.items()))
    (samples.folder / name).write_bytes(whole[:100])
    voxels, _ = samples[name.removesuffix('.npz')]
    assert (samples.folder / name).read_bytes() == whole and np.isfinite(voxels.features).any()


def test_a_damaged_sample_is_named(data: Path, tmp_path: Path) -> None:
    """By the shard and the member that is wrong."""
    import shutil
    copy = tmp_path / 'set'
    shutil.copytree(data, copy)
    shard = next(copy.glob('shard-*'))
    content = bytearray(shard.read_bytes())
    content[2000] ^= 255
    shard.write_bytes(content)
    key = Dataset(copy).keys()[0]
    with pytest.raises(DatasetError, match=f'{shard.name}: {key}.cloud.npz: damaged'):
        cluster(copy, tmp_path / 'out', RECIPE, lambda *a: None)
