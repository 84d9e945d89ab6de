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

"""The study, smaller than small: all stages and tables; run again, nothing is done again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from dseg_ros.cli.app import main
from dseg_ros.config.ablations import ABLATIONS, ROWS
from dseg_ros.config.schema import ConfigError
from dseg_ros.config.sim import WEATHERS
from dseg_ros.config.study import overridden, seeded, STUDY_SIZES, StudyConfig
from dseg_ros.evaluation.study import TITLES, violations
from dseg_ros.evaluation.study_table import Row, Value
import pytest

TRAINING = {'steps': 2, 'batch': 2, 'crop_height': 64, 'crop_width': 96, 'network_pixels': 6144,
            'checkpoint_every': 2, 'threads': 1, 'model.width': 6}
TINY = {'seeds': '[1]', 'train_streets': 1, 'test_streets': 1, 'weathers': '[day]',
        'seconds': 0.4, 'every': 2, 'width': 320, 'height': 180, 'workers': 1,
        'cluster.objects': 4, 'cluster.inits': 1, 'camera.inits': 1,
        'camera.network_pixels': 6144, 'student.refine.superpixels': 50,
        'student.refine.scales': '[1.0]', 'ema.rounds': 1, 'ema.steps': 2,
        'ema.refine.superpixels': 0, 'ema.refine.scales': '[1.0]',
        **{f'teacher.{k}': v for k, v in TRAINING.items()},
        **{f'student.training.{k}': v for k, v in TRAINING.items()}}


def study(out: Path) -> list[str]:
    """Give the command line of the study."""
    return ['study', '--out', str(out),
            *(word for k, v in TINY.items() for word in ('--set', f'{k}={v}'))]


def contents(folder: Path) -> dict[str, str]:
    """Hash every file of a folder."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob('*')) if p.is_file()}


@pytest.fixture(scope='module')
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the study once."""
    out = tmp_path_factory.mktemp('study')
    assert main(study(out)) == 0
    return out


def test_all_stages_are_in_the_table(out: Path) -> None:
    """With scores between 0 and 100, and how they were made."""
    result = json.loads((out / 'study.json').read_text())
    names = [row['row'] for row in result['table']]
    assert [n for n in names if n in TITLES.values()] == [TITLES[row] for row in ROWS]
    assert len(names) == 7
    for row in result['table']:
        day = row['columns']['day']
        assert 0 < day['miou']['mean'] <= day['pixel_accuracy']['mean'] <= 100
        assert day['miou']['deviation'] is None, 'one seed has no spread'
    by_name = {row['row']: row['columns']['day']['miou']['mean'] for row in result['table']}
    assert by_name['the same, labelled pixels alone'] > by_name['pseudo-labels of pixels']
    assert {'command', 'seeds', 'machine', 'software', 'training', 'test', 'matching'} <= set(
        result['protocol'])
    assert 'streets 1000 to 1000' in result['protocol']['training']
    text = (out / 'study.md').read_text()
    assert 'cover of the pixels' in text and '| teacher |' in text
    assert (out / 'study.csv').read_text().count('\n') == 8


def test_two_steps_of_training_break_the_order_and_it_is_said(out: Path) -> None:
    """The table does not hide it."""
    result = json.loads((out / 'study.json').read_text())
    assert result['order_violations']
    assert '**does not hold**: seed 1' in (out / 'study.md').read_text()


def test_run_again_nothing_is_done_again(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file changes but the table, whose protocol is the same, too."""
    before = contents(out)
    assert main(study(out)) == 0
    assert contents(out) == before
    assert 'seed 1' not in capsys.readouterr().err


def test_a_lost_part_alone_is_made_again(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As after a kill; the score is the same."""
    path = next(out.glob('parts/seed1_teacher_*_day_*.json'))
    before = json.loads(path.read_text())['result']
    path.unlink()
    assert main(study(out)) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if 'seed 1' in line]
    assert len(told) == 1 and 'score of teacher by day, seed 1' in told[0]
    assert json.loads(path.read_text())['result'] == before


def test_an_ablation_shares_what_it_can(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options of the study are taken; teacher and pseudo-labels stay, the student is new."""
    teachers = set(out.glob('runs/*teacher*'))
    assert main(['ablate', 'superpixels', '--out', str(out)]) == 0
    told = [line.partition(': ')[2] for line in capsys.readouterr().err.splitlines()
            if ' of ' in line and 'seed 1' in line]
    assert [t.partition(',')[0] for t in told] == ['student', 'score of student by day']
    assert set(out.glob('runs/*teacher*')) == teachers
    result = json.loads((out / 'ablation_superpixels.json').read_text())
    rows = {row['row']: row['columns']['day']['miou']['mean'] for row in result['table']}
    assert rows['no superpixels: teacher: gain'] == 0
    assert rows['no superpixels: student: gain'] == pytest.approx(
        rows['no superpixels: student'] - rows['base: student'], abs=0.02)
    assert '"student.refine.superpixels": 0' in result['protocol']['changed']


def test_a_variant_of_ones_own(out: Path) -> None:
    """Any option by its dotted name; fewer rings are another data set of the same drives."""
    drives = set((out / 'drives').iterdir())
    assert main(['ablate', '--out', str(out), '--last', 'pseudo', '--variant', 'thin',
                 'every_ring=4', 'cluster.objects=3']) == 0
    result = json.loads((out / 'ablation_own.json').read_text())
    assert [r['row'] for r in result['table']][3:6] == [
        'thin: pseudo-labels of points', 'thin: pseudo-labels of pixels',
        'thin: the same, labelled pixels alone']
    assert set((out / 'drives').iterdir()) == drives


@pytest.mark.parametrize(('arguments', 'message'), [
    (('ablate', 'nothing'), "unknown ablation 'nothing'"),
    (('ablate',), 'no ablation: name one of'),
    (('ablate', '--variant', 'empty'), '--variant empty: changes no option'),
    (('ablate', '--variant', 'x', 'cluster.nothing=1'), "unknown option 'nothing'"),
    (('ablate', '--variant', 'x', 'cluster.objects'), "'cluster.objects' is not NAME=VALUE"),
    (('study', '--seeds', '1', '1'), 'seeds: [1, 1]'),
    (('study', '--set', 'export.network_pixels=9000'), 'export.network_pixels'),
])
def test_what_cannot_be_done_is_said_in_one_line(
        tmp_path: Path, arguments: tuple[str, ...], message: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is simulated."""
    assert main([*arguments, '--out', str(tmp_path)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('dseg: error: ') and message in error
    assert not (tmp_path / 'drives').exists()


def test_every_ablation_changes_options_that_exist() -> None:
    """And none of them is the base."""
    base = overridden(StudyConfig(), STUDY_SIZES)
    for name, ablation in ABLATIONS.items():
        assert ablation.last in ROWS[1:], name
        for variant, options in ablation.variants.items():
            assert overridden(base, options) != base, f'{name}: {variant}'
    with pytest.raises(ConfigError, match='nothing'):
        overridden(base, {'nothing.at_all': 1})


def test_streets_of_training_and_test_are_disjoint() -> None:
    """For all seeds and weathers, at the largest sizes."""
    config = StudyConfig(seeds=(1, 2, 999), train_streets=500, test_streets=200)
    used = [config.train_seeds(s) for s in config.seeds] + [
        config.test_seeds(w) for w in WEATHERS]
    assert sum(map(len, used)) == len({street for streets in used for street in streets})
    own = seeded(config, 7)
    parts = (own.cluster, own.camera, own.teacher, own.student.training, own.ema)
    assert [part.seed for part in parts] == [7, 7, 7, 1007, 2007]


def test_the_order_is_checked_in_every_seed() -> None:
    """A tie is a violation; the seed and both scores are named."""
    config = StudyConfig(seeds=(1, 2))
    rows = [Row(TITLES[name], {'day': {1: Value(a, 0), 2: Value(b, 0)}})
            for name, a, b in (('camera', 10, 10), ('teacher', 20, 9), ('student', 30, 9))]
    assert violations(rows, config) == ('seed 2: student 9.0, teacher 9.0',
                                        'seed 2: teacher 9.0, camera-only k-means 10.0')
