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

"""From data set to student: merged, refined, averaged; interrupted, skipped, refused."""

from collections.abc import Sequence
from dataclasses import replace
import hashlib
import json
from pathlib import Path
import shutil

from dseg_ros.cli.app import main
from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.runtime import EngineConfig
from dseg_ros.config.student import (
    EmaConfig, MergeConfig, RefineConfig, StudentConfig, StudentTrainingConfig)
from dseg_ros.distill.merging import MERGE, merge_classes
from dseg_ros.distill.prediction import network_of
from dseg_ros.distill.student import train_ema, train_student
from dseg_ros.models import checkpoint
from dseg_ros.runtime.loading import load_engine
import pytest
import torch

TRAINING = {'steps': 4, 'batch': 2, 'crop_height': 64, 'crop_width': 96, 'network_pixels': 6144,
            'checkpoint_every': 2, 'threads': 1, 'model.width': 6}
RECIPE = {'cluster.objects': 5, 'cluster.inits': 1, 'student.merge.classes': 7, 'ema.steps': 4,
          'student.refine.superpixels': 50, 'ema.refine.superpixels': 0,
          **{f'teacher.{k}': v for k, v in TRAINING.items()},
          **{f'student.training.{k}': v for k, v in TRAINING.items()}}
STUDENT = StudentConfig(
    MergeConfig(7), RefineConfig(superpixels=50),
    StudentTrainingConfig(steps=4, batch=2, crop_height=64, crop_width=96, network_pixels=6144,
                          checkpoint_every=2, threads=1, model=ModelConfig(width=6)))


def dseg(*arguments: object) -> None:
    """Run a command that must succeed."""
    assert main([str(a) for a in arguments]) == 0


def contents(folder: Path) -> dict[str, str]:
    """Hash every file of a folder."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob('*')) if p.is_file()}


def silent(done: int, total: int) -> None:
    """Tell nobody of progress."""


def command(chain: Path) -> list[object]:
    """Give the command line of the whole chain."""
    return ['distill', 'drive-and-segment', '--data', chain / 'data', '--out', chain / 'run',
            '--workers', 1,
            *(word for k, v in RECIPE.items() for word in ('--set', f'{k}={v}'))]


@pytest.fixture(scope='module')
def chain(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the whole chain once, smaller than small."""
    here = tmp_path_factory.mktemp('student')
    dseg('harvest', sim_bag, '--out', here / 'data', '--workers', 1, '--set', 'selection.every=3')
    dseg(*command(here))
    return here


def student(chain: Path, out: Path, config: StudentConfig = STUDENT) -> Path:
    """Train the student of the chain anew."""
    return train_student(chain / 'data', chain / 'run/classes', chain / 'run/teacher', out, config,
                         silent, silent, silent)


def test_the_model_has_the_merged_classes(chain: Path) -> None:
    """Nine pseudo-classes became seven; the model says which."""
    decided = json.loads((chain / 'run/classes' / MERGE).read_text())
    info = load_engine(chain / 'run/model.onnx', EngineConfig()).info
    assert len(decided['new_ids']) == 9 and max(decided['new_ids']) == 6
    assert list(info.class_names) == decided['names'] and info.class_names[-1] == 'sky'
    assert sum('+' in name for name in info.class_names) in (1, 2)
    assert len({tuple(c) for c in info.palette.tolist()}) == 7
    recipe = json.loads(info.recipe)
    assert recipe['ema']['round'] == 2 and recipe['merge']['classes'] == 7
    assert recipe['new_ids'] == decided['new_ids'] and recipe['steps'] == 4


def test_each_stage_learned_from_the_one_before(chain: Path) -> None:
    """Four runs of other data each; EMA rounds have their own dense labels."""
    runs = ['teacher', 'student', 'ema/round_1', 'ema/round_2']
    made_of = [checkpoint.load(chain / 'run' / r / checkpoint.FINISHED)[1] for r in runs]
    assert len({m.data_sha256 for m in made_of}) == 4
    assert all(any((chain / 'run' / r / 'dense').rglob('*.tar')) for r in runs[1:])
    last = [chain / 'run' / r / checkpoint.FINISHED for r in ('ema/round_2', 'ema')]
    assert last[0].read_bytes() == last[1].read_bytes()


def test_finished_steps_are_skipped(chain: Path) -> None:
    """Running the chain again changes no file."""
    before = contents(chain)
    dseg(*command(chain))
    assert contents(chain) == before


def test_the_model_is_scored(chain: Path, sim_bag: Path, tmp_path: Path) -> None:
    """From a bag to a model that has a score on a drive."""
    dseg('evaluate', chain / 'run/model.onnx', '--bag', sim_bag, '--every', 5, '--out',
         tmp_path / 'score.json')
    score = json.loads((tmp_path / 'score.json').read_text())
    assert 0 < score['strict']['miou'] < score['strict']['pixel_accuracy'] <= 100


def test_other_pseudo_classes_do_not_replace_what_networks_were_trained_on(
        chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same folder with another number of clusters: refused before anything is lost."""
    before = contents(chain)
    assert main([str(a) for a in (*command(chain), '--set', 'cluster.objects=6')]) == 2
    assert 'objects is 5, wanted 6; take another folder' in capsys.readouterr().err
    assert contents(chain) == before


def test_an_interrupted_student_ends_as_if_nothing_had_happened(chain: Path,
                                                                tmp_path: Path) -> None:
    """Labels that are written are not made again; the weights are the same."""
    told: list[int] = []

    def stop(done: int, total: int) -> None:
        told.append(done)
        if done == 2:
            raise KeyboardInterrupt
    for labelling, training in ((stop, silent), (lambda n, _: told.append(n), stop)):
        with pytest.raises(KeyboardInterrupt):
            train_student(chain / 'data', chain / 'run/classes', chain / 'run/teacher', tmp_path,
                          STUDENT, silent, labelling, training)
    assert told[:5] == [0, 1, 2, 1, 2], 'the last sample that is there is made again to compare'
    path = student(chain, tmp_path)
    ours, theirs = ({p.name: p.read_bytes() for p in (out / 'dense').rglob('*.tar')}
                    for out in (tmp_path, chain / 'run/student'))
    assert ours == theirs and ours
    whole, resumed = (checkpoint.load(p)[0]
                      for p in (chain / 'run/student' / checkpoint.FINISHED, path))
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_an_interrupted_ema_round_ends_as_if_nothing_had_happened(chain: Path,
                                                                  tmp_path: Path) -> None:
    """The average is in the checkpoint, too."""
    config = EmaConfig(steps=4, refine=RefineConfig(superpixels=0))
    places = [chain / 'data', chain / 'run/classes', chain / 'run/student', tmp_path, config]

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        train_ema(*places, lambda n: silent, lambda n: stop if n == 2 else silent)
    assert (tmp_path / 'round_1' / checkpoint.FINISHED).exists()
    path = train_ema(*places, lambda n: silent, lambda n: silent)
    (whole, *_), (resumed, *_) = (checkpoint.load(p) for p in (
        chain / 'run/ema' / checkpoint.FINISHED, path))
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_a_damaged_merge_is_decided_again(chain: Path, tmp_path: Path) -> None:
    """And comes out the same."""
    shutil.copytree(chain / 'run/classes', tmp_path / 'classes')
    whole = (tmp_path / 'classes' / MERGE).read_text()
    (tmp_path / 'classes' / MERGE).write_text(whole[:50])
    told = []
    merge_classes(chain / 'data', tmp_path / 'classes', chain / 'run/teacher', MergeConfig(7),
                  lambda done, total: told.append((done, total)))
    assert (tmp_path / 'classes' / MERGE).read_text() == whole
    assert told[-1][0] == told[-1][1] > 0 and told == sorted(told)


def test_one_more_round_builds_on_those_before(chain: Path, tmp_path: Path) -> None:
    """Finished rounds are kept; the model becomes the new one's."""
    shutil.copytree(chain / 'run/ema', tmp_path / 'ema')
    before = contents(tmp_path / 'ema/round_2')
    path = train_ema(chain / 'data', chain / 'run/classes', chain / 'run/student',
                     tmp_path / 'ema', EmaConfig(rounds=3, steps=4, refine=RefineConfig(
                         superpixels=0)), lambda n: silent, lambda n: silent)
    assert contents(tmp_path / 'ema/round_2') == before
    assert checkpoint.load(path)[1].recipe['ema']['round'] == 3


def test_without_merge_all_classes_stay(chain: Path, tmp_path: Path) -> None:
    """And nothing is written beside the classes."""
    shutil.copytree(chain / 'run/classes', tmp_path / 'classes')
    (tmp_path / 'classes' / MERGE).unlink()
    path = train_student(chain / 'data', tmp_path / 'classes', chain / 'run/teacher',
                         tmp_path / 'run', StudentConfig(
                             MergeConfig(0), RefineConfig(superpixels=0), STUDENT.training),
                         silent, silent, silent)
    assert checkpoint.load(path)[1].class_names == checkpoint.load(
        chain / 'run/teacher' / checkpoint.FINISHED)[1].class_names
    assert not (tmp_path / 'classes' / MERGE).exists()


@pytest.mark.parametrize(('start', 'classes', 'same'), [
    ('teacher', 0, 'all'), ('teacher', 7, 'all but the head'), ('scratch', 0, 'none')])
def test_a_student_starts_from_its_teacher_unless_told_otherwise(
        chain: Path, tmp_path: Path, start: str, classes: int, same: str) -> None:
    """One step of nearly no length: the weights are what it started from."""
    shutil.copytree(chain / 'run/classes', tmp_path / 'classes')
    (tmp_path / 'classes' / MERGE).unlink()
    one_step = replace(STUDENT.training, steps=1, learning_rate=1e-7, weight_decay=0.0)
    path = train_student(
        chain / 'data', tmp_path / 'classes', chain / 'run/teacher', tmp_path / 'run',
        StudentConfig(MergeConfig(classes), RefineConfig(superpixels=0), one_step, start),
        silent, silent, silent)
    theirs, ours = (dict(build_and_fill(p).named_parameters()) for p in (
        chain / 'run/teacher' / checkpoint.FINISHED, path))
    kept = {name for name in theirs if theirs[name].shape == ours[name].shape
            and torch.allclose(theirs[name], ours[name], atol=1e-5)}
    learned = {name for name in theirs if theirs[name].ndim == 4}      # not what starts at 0 or 1
    head = {'head.weight'}
    assert kept & learned == {'all': learned, 'all but the head': learned - head,
                              'none': set()}[same]


def build_and_fill(path: Path) -> torch.nn.Module:
    """Load the network of a finished run."""
    tensors, made_of, _ = checkpoint.load(path)
    return network_of(made_of, tensors, path)


@pytest.mark.parametrize(('arguments', 'message'), [
    (('student', '--teacher', '{run}/none'), 'none/model.safetensors: no such checkpoint'),
    (('student', '--teacher', '{run}/student'), 'student: learned other pseudo-classes'),
    (('student', '--teacher', '{run}/teacher', '--merge.classes', '2'), 'merge.classes: 2; 9'),
    (('student', '--teacher', '{run}/teacher', '--refine.threshold', '2'), 'threshold: 2.0'),
    (('student', '--teacher', '{run}/teacher', '--set', 'refine.scales=[]'), 'scales: []'),
    (('student', '--teacher', '{run}/teacher', '--training.model.width', '8'),
     'model.width: 8, but 6 in the teacher; a student of another network needs start: scratch'),
    (('ema', '--student', '{run}/teacher'), 'teacher: no student of the 9 pseudo-classes'),
    (('ema', '--student', '{run}/student', '--rounds', '0'), 'rounds: 0'),
])
def test_what_cannot_be_done_is_said_in_one_line(
        chain: Path, tmp_path: Path, arguments: Sequence[str], message: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    """Missing runs, runs of another kind, impossible numbers: the message names them."""
    run = chain / 'run'
    assert main(['train', *(a.format(run=run) for a in arguments), '--data', str(chain / 'data'),
                 '--classes', str(run / 'classes'), '--out', str(tmp_path / 'x')]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('dseg: error: ') and message in error
