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

"""The whole chain, by its commands: drive, data set, pseudo-classes, teacher, model, score."""

from collections.abc import Sequence
import hashlib
import json
from pathlib import Path
import shutil

from dseg_ros.cli.app import main
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.runtime import EngineConfig
from dseg_ros.distill import clustering
from dseg_ros.distill.clustering import assignments, load_classes
from dseg_ros.pseudo.pseudo_classes import PseudoClasses
from dseg_ros.runtime.loading import load_engine
from dseg_ros.types import UNLABELLED
import pytest

SMALL = ('--steps', '6', '--batch', '2', '--crop-height', '64', '--crop-width', '96',
         '--network-pixels', '6144', '--checkpoint-every', '3', '--threads', '1',
         '--set', 'model.width=6')


def dseg(*arguments: object) -> None:
    """Run a command that must succeed."""
    assert main([str(a) for a in arguments]) == 0


def contents(folder: Path) -> dict[str, str]:
    """Hash every file of a folder."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob('*')) if p.is_file()}


@pytest.fixture(scope='module')
def chain(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run everything once; the folder holds data, classes, run and model.onnx."""
    here = tmp_path_factory.mktemp('chain')
    dseg('harvest', sim_bag, '--out', here / 'data', '--workers', 1)
    before = contents(here / 'data')
    dseg('cluster', here / 'data', '--out', here / 'classes', '--objects', 5,
         '--workers', 1)
    assert contents(here / 'data') == before, 'the data set was touched'
    dseg('train', 'teacher', '--data', here / 'data', '--classes', here / 'classes',
         '--out', here / 'run', *SMALL)
    dseg('export', here / 'run', '--out', here / 'model.onnx')
    return here


def test_the_model_knows_where_it_comes_from(chain: Path) -> None:
    """Class names, recipe and the hash of the labels are inside."""
    info = load_engine(chain / 'model.onnx', EngineConfig()).info
    assert info.class_names == ('ground_0', 'ground_1', 'ground_2', *(
        f'object_{i}' for i in range(5)), 'sky')
    assert info.network_pixels == 6144, 'another scale than it was trained at'
    assert json.loads(info.recipe)['steps'] == 6 and len(info.data_sha256) == 64
    assert info.version.startswith('dseg_ros ')


def test_pseudo_classes_cover_the_data_set(chain: Path) -> None:
    """Every sample has a class per point; most points have one; the sheet is there."""
    classes, recipe, _ = load_classes(chain / 'classes')
    assert recipe.objects == 5
    labels = dict(assignments(chain / 'classes'))
    assert labels
    for values in labels.values():
        assert (values != UNLABELLED).mean() > 0.8
        assert set(values[values != UNLABELLED]) <= set(range(len(classes.names) - 1))
    assert (chain / 'classes' / 'classes.png').stat().st_size > 10_000
    sheets = {p.stem for p in (chain / 'classes' / 'sheets').glob('*.png')}
    assert sheets == set(classes.names) - {'sky'}


def test_finished_steps_are_skipped(chain: Path) -> None:
    """Running the commands again changes no file."""
    before = {name: contents(chain / name) for name in ('classes', 'run')}
    dseg('cluster', chain / 'data', '--out', chain / 'classes', '--objects', 5)
    dseg('train', 'teacher', '--data', chain / 'data', '--classes', chain / 'classes',
         '--out', chain / 'run', *SMALL)
    assert {name: contents(chain / name) for name in before} == before


def test_what_a_kill_left_half_replaced_is_no_result(
        chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clustered anew with other options and stopped in between: the first recipe starts anew."""
    shutil.copytree(chain / 'classes', tmp_path / 'classes')
    before = contents(tmp_path / 'classes')

    def stop(path: Path, classes: PseudoClasses) -> None:
        raise KeyboardInterrupt
    monkeypatch.setattr(clustering, 'save_classes', stop)
    command = ['cluster', chain / 'data', '--out', tmp_path / 'classes', '--workers', 1]
    with pytest.raises(KeyboardInterrupt):
        clustering.cluster(chain / 'data', tmp_path / 'classes', ClusterConfig(objects=4),
                           lambda done, total: None)
    monkeypatch.undo()
    dseg(*command, '--objects', 5)
    assert contents(tmp_path / 'classes') == before


def test_the_score_is_written(chain: Path, sim_bag: Path,
                              capsys: pytest.CaptureFixture[str]) -> None:
    """Strict, dropped and many-to-one are printed and written."""
    dseg('evaluate', chain / 'model.onnx', '--bag', sim_bag, '--every', 5, '--out',
         chain / 'score.json')
    score = json.loads((chain / 'score.json').read_text())
    assert set(score) >= {'strict', 'dropped', 'many_to_one', 'matching', 'bags'}
    assert 0 <= score['strict']['miou'] <= score['strict']['pixel_accuracy'] <= 100
    assert json.loads(capsys.readouterr().out) == score


@pytest.mark.parametrize(('arguments', 'message'), [
    (('cluster', '{chain}/none', '--out', '{chain}/x'), 'none'),
    (('train', 'teacher', '--data', '{chain}/data', '--classes', '{chain}/none', '--out',
      '{chain}/x'), 'none: no finished pseudo-classes'),
    (('train', 'teacher', '--data', '{chain}/data', '--classes', '{chain}/classes', '--out',
      '{chain}/run', '--steps', '7'), 'belongs to another run'),
    (('export', '{chain}/none', '--out', '{chain}/x.onnx'), 'no such checkpoint'),
    (('evaluate', '{chain}/none.onnx', '--bag', '{bag}'), 'none.onnx: no such model file'),
    (('cluster', '{chain}/data', '--out', '{chain}/x', '--grounds', '0'), 'grounds: 0'),
    (('cluster', '{chain}/data', '--out', '{chain}/x', '--objects', '-1'), 'objects: -1'),
    (('cluster', '{chain}/data', '--out', '{chain}/x', '--set', 'samples_per_drive=100',
      '--objects', '240'), 'described elements for 240 clusters'),
])
def test_what_cannot_be_done_is_said_in_one_line(
        chain: Path, sim_bag: Path, arguments: Sequence[str], message: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    """Missing inputs, other runs, impossible numbers: the message names them."""
    assert main([a.format(chain=chain, bag=sim_bag) for a in arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('dseg: error: ') and message in error


def test_classes_of_another_data_set_are_refused(chain: Path, sim_bag: Path,
                                                 tmp_path: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    """Labels belong to the points that they were made for."""
    dseg('harvest', sim_bag, '--out', tmp_path / 'data', '--workers', 1, '--set',
         'selection.every=4')
    assert main(['train', 'teacher', '--data', str(tmp_path / 'data'), '--classes',
                 str(chain / 'classes'), '--out', str(tmp_path / 'run')]) == 2
    assert 'pseudo-classes of another data set' in capsys.readouterr().err
