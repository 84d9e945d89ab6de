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

"""The recipe of the shipped model: streets and recordings into one data set, then the chain."""

from __future__ import annotations

from collections.abc import Sequence
import hashlib
import json
from pathlib import Path

from dseg_ros.cli.app import main
from dseg_ros.config.runtime import EngineConfig
from dseg_ros.dataset.store import Dataset
from dseg_ros.runtime.loading import load_engine
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
TRAINING = {'steps': 2, 'batch': 1, 'crop_height': 64, 'crop_width': 96, 'network_pixels': 6144,
            'model.width': 6, 'threads': 1}
CHAIN = {'cluster.objects': 3, 'cluster.inits': 1, 'ema_rounds': 'false',
         'student.refine.superpixels': 0,
         **{f'teacher.{k}': v for k, v in TRAINING.items()},
         **{f'student.training.{k}': v for k, v in TRAINING.items()}}


def contents(folder: Path) -> dict[str, str]:
    """Hash every file of a folder."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob('*')) if p.is_file()}


def command(out: Path, bag: Path, student: bool) -> list[str]:
    """Give the command line: one street in the rain, one recording of a vehicle."""
    options = {**CHAIN, 'train_student': str(student).lower()}
    return ['train', 'default', '--out', str(out), '--seeds', '100', '--weathers', 'rain',
            '--seconds', '2', '--bags', str(bag), '--vehicles',
            str(REPOSITORY / 'config' / 'sim.yaml'),
            *(word for k, v in options.items() for word in ('--set', f'chain.{k}={v}'))]


@pytest.fixture(scope='module')
def built(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the recipe up to a teacher."""
    out = tmp_path_factory.mktemp('default')
    assert main(command(out, sim_bag, student=False)) == 0
    return out


def test_streets_and_recordings_are_drives_of_one_data_set(built: Path, sim_bag: Path) -> None:
    """Each by its own recipe: the recording's topics are its vehicle's."""
    assert [p.name for p in (built / 'drives').iterdir()] == ['street_100_rain']
    sources = Dataset(built / 'dataset').manifest.sources
    assert [s.name for s in sources] == [sim_bag.name, 'street_100_rain']
    assert all(s.complete and s.samples for s in sources)
    assert [s.recipe['topics']['cameras'] for s in sources] == [['front'], []]
    assert json.loads(load_engine(built / 'model.onnx', EngineConfig()).info.recipe)['steps'] == 2


def test_finished_work_is_skipped_and_a_student_may_follow(
        built: Path, sim_bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run again it changes nothing; asked for a student, it goes on behind the teacher."""
    before = contents(built)
    assert main(command(built, sim_bag, student=False)) == 0
    assert contents(built) == before and not (built / 'student').exists()
    capsys.readouterr()
    assert main(command(built, sim_bag, student=True)) == 0
    model = Path(capsys.readouterr().out.strip().splitlines()[-1])
    after = contents(built)
    assert {k for k in before if before[k] != after.get(k)} == {model.name}
    info = load_engine(model, EngineConfig()).info
    assert 'refine' in json.loads(info.recipe) and info.network_pixels == 6144


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--bags', 'a', 'b', '--vehicles', 'x.yaml'), 'vehicles: 1 for 2 bags'),
    (('--seeds', '--weathers'), 'neither a street nor a recording'),
    (('--seeds', '100'), 'weathers: 12 for 1 seeds'),
    (('--bags', 'a', '--vehicles', 'none.yaml'), 'none.yaml'),
    (('--bags', 'none.mcap'), 'none.mcap'),
    (('--recipe', 'none'), "recipe 'none'"),
    (('--recipe', 'tiny_cpu', '--set', 'chain.export.network_pixels=2048'),
     'student.training.network_pixels is 92160'),
    (('--set', 'chain.export.network_pixels=2048'), 'student.training.network_pixels is 147456'),
])
def test_what_cannot_be_done_is_said_before_the_work(
        tmp_path: Path, arguments: Sequence[str], message: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    """No street is simulated for a recipe with a fault in it."""
    assert main(['train', 'default', '--out', str(tmp_path), *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('dseg: error: ') and message in error
    assert not (tmp_path / 'drives').exists()


def test_the_help_credits_recordings(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever trains on PandaSet is told its licence."""
    with pytest.raises(SystemExit):
        main(['train', 'default', '--help'])
    assert 'CC BY 4.0' in ' '.join(capsys.readouterr().out.split())
