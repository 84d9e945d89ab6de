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

"""The page about a whole chain: complete, one file, and honest about what is not there."""

from collections.abc import Sequence
import json
from pathlib import Path
import shutil

from dseg_ros.cli import main
from dseg_ros.evaluation.chain import read_chain
from dseg_ros.evaluation.chain_examples import dense_labels_of, dense_shares, examples
from dseg_ros.evaluation.curves import chart
from dseg_ros.models import checkpoint
import numpy as np
from pages import Page
import pytest

TRAINING = {'steps': 6, 'batch': 2, 'crop_height': 64, 'crop_width': 96, 'network_pixels': 6144,
            'checkpoint_every': 2, 'threads': 1, 'model.width': 6}
SMALL = {**{f'{part}.{name}': value for name, value in TRAINING.items()
            for part in ('teacher', 'student.training')},
         'cluster.objects': 5, 'student.merge.classes': 7,
         'ema.rounds': 2, 'ema.steps': 4, 'student.refine.scales': [1.0],
         'ema.refine.scales': [1.0]}

SHEETS = 1 + 5 + 3
"""Pictures of the pseudo-classes: all at a glance, and each one but the sky."""


@pytest.fixture(scope='module')
def here(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the whole chain once, with a merge: data and run."""
    folder = tmp_path_factory.mktemp('chain')
    assert main(['harvest', str(sim_bag), '--out', str(folder / 'data'), '--workers', '1', '--set',
                 'selection.every=4']) == 0
    sets = [part for name, value in SMALL.items() for part in ('--set', f'{name}={value}')]
    assert main(['distill', 'drive-and-segment', '--data', str(folder / 'data'), '--out',
                 str(folder / 'run'), *sets]) == 0
    return folder


def report(here: Path, run: Path, out: Path, *more: str) -> int:
    """Run the command."""
    return main(['report', str(run), '--data', str(here / 'data'), '--out', str(out), *more])


def test_the_page_shows_everything(here: Path, sim_bag: Path, tmp_path: Path) -> None:
    """Sheet, curves, eight pictures an image, frequencies, scores of all parts, recipes."""
    out = tmp_path / 'new' / 'page.html'
    assert report(here, here / 'run', out, '--bag', str(sim_bag), '--every', '5') == 0
    text = out.read_text()
    page = Page(text)
    labelled = 2
    assert page.pictures == SHEETS + 2 * 8 + 3 * labelled
    assert text.count('class="curve"') == 4 * 4           # teacher, student, two EMA rounds
    for said in ('teacher', 'student', 'ema, round 2', 'exported model', 'dense labels',
                 'Class frequencies', 'Confusion of classes', 'ground_0', 'data set', 'torch',
                 'Classes after the merge', 'later ones were merged', '"checkpoint_every": 2',
                 'learned from', 'crops/s', f'simulated: {sim_bag.name}, 1 image of 5'):
        assert said in page.said, said
    assert len(text) < 15e6 and not out.with_name('page.html.part').exists()


def test_scores_are_those_of_evaluate(here: Path, sim_bag: Path, tmp_path: Path,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    """The exported model has the same figure there and here."""
    assert report(here, here / 'run', tmp_path / 'page.html', '--bag', str(sim_bag), '--every',
                  '5') == 0
    assert main(['evaluate', str(here / 'run/model.onnx'), '--bag', str(sim_bag), '--every', '5',
                 '--out', str(tmp_path / 'scores')]) == 0
    scores = json.loads((tmp_path / 'scores/scores.json').read_text())
    shown = Page((tmp_path / 'page.html').read_text()).said
    assert f'{scores["strict"]["miou"]:.1f} %' in shown
    assert sim_bag.name in Page((tmp_path / 'scores/report.html').read_text()).said


def test_examples_are_aligned(here: Path) -> None:
    """Labels and predictions have the size of the image; dense labels are those on disk."""
    chain = read_chain(here / 'run', here / 'data')
    shown = examples(chain, 1, lambda done, total: None)
    assert [e.camera for e in shown] == ['front'] and chain.last.name == 'ema'
    one = shown[0]
    assert set(one.predicted) == {'teacher', 'student', 'ema'}
    for mask in (one.partial, one.dense, *one.predicted.values()):
        assert mask is not None and mask.shape == one.rgb.shape[:2] and mask.dtype == np.uint8
    student = chain.training('student')
    assert student is not None and len(student.made_of.class_names) == 7
    dense = dense_labels_of(student)
    assert dense is not None
    masks = [image.labels for image in dense.images()]
    assert any(np.array_equal(mask, one.dense) for mask in masks)
    pixels = np.concatenate([mask.ravel() for mask in masks])
    expected = np.bincount(pixels[pixels != 255], minlength=7) / (pixels != 255).sum()
    assert dense_shares(student) == pytest.approx(expected)
    assert chain.point_shares().sum() == pytest.approx(1.0)


def test_deleted_dense_labels_are_left_out(here: Path, tmp_path: Path) -> None:
    """They are large and only an intermediate result; early warnings are repeated."""
    run = shutil.copytree(here / 'run', tmp_path / 'run')
    shutil.rmtree(run / 'student/dense')
    (run / 'teacher/warnings.txt').write_text('step 3: class <sky> is gone\n')
    assert report(here, run, tmp_path / 'page.html', '--samples', '1') == 0
    page = Page((tmp_path / 'page.html').read_text())
    assert page.pictures == SHEETS + 7
    assert 'teacher: 1 early warnings' in page.said and 'class <sky> is gone' in page.said


def test_what_is_finished_is_reported(here: Path, tmp_path: Path) -> None:
    """A run whose EMA was stopped: the page says so, and shows its curve as far as it came."""
    run = shutil.copytree(here / 'run', tmp_path / 'run')
    (run / 'ema' / checkpoint.FINISHED).unlink()
    assert report(here, run, tmp_path / 'page.html', '--samples', '1') == 0
    page = Page((tmp_path / 'page.html').read_text())
    assert 'none that is finished' in page.said and 'ema, round 1' in page.said
    assert page.pictures == SHEETS + 7 and 'features of student, PCA' in page.said


@pytest.mark.parametrize(('gone', 'message'), [
    ((), 'nowhere: no such folder'),
    (('classes/classes.npz',), 'classes: no finished pseudo-classes'),
    (tuple(f'{name}/{checkpoint.FINISHED}' for name in ('teacher', 'student', 'ema')),
     'no training is finished: teacher, student, ema have no model.safetensors'),
])
def test_unfinished_parts_are_named(here: Path, tmp_path: Path, gone: Sequence[str], message: str,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    """One line, status 2, no page."""
    run = tmp_path / 'nowhere'
    if gone:
        run = shutil.copytree(here / 'run', tmp_path / 'run')
    for name in gone:
        (run / name).unlink()
    assert report(here, run, tmp_path / 'page.html') == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('dseg: error: ') and message in error
    assert not (tmp_path / 'page.html').exists()


def test_probes_are_shown(here: Path, sim_bag: Path, tmp_path: Path,
                          capsys: pytest.CaptureFixture[str]) -> None:
    """What the other command wrote, with its protocol; another file is named."""
    file = tmp_path / 'probes.json'
    assert main(['probe', str(here / 'run/student'), '--train', str(sim_bag), '--test',
                 str(sim_bag), '--every', '5', '--out', str(file)]) == 0
    out = tmp_path / 'page.html'
    assert report(here, here / 'run', out, '--samples', '1', '--probes', str(file)) == 0
    said = Page(out.read_text()).said
    figure = json.loads(file.read_text())['probes'][0]['linear']['miou']
    assert f'{figure:.1f}' in said and 'multinomial logistic regression' in said
    file.write_text('{"probes": [1]}')
    assert report(here, here / 'run', out, '--probes', str(file)) == 2
    assert 'probes.json: no file of dseg probe' in capsys.readouterr().err


def test_another_data_set_is_refused(here: Path, sim_bag: Path, tmp_path: Path,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    """Pictures would lie."""
    assert main(['harvest', str(sim_bag), '--out', str(tmp_path / 'data'), '--workers', '1',
                 '--set', 'selection.every=9']) == 0
    assert report(tmp_path, here / 'run', tmp_path / 'page.html') == 2
    assert 'made from another data set' in capsys.readouterr().err


def test_curves_fit_their_axes() -> None:
    """Round numbers around all points; what is not finite is left out, nothing gives nothing."""
    drawn = chart('loss <1>', {'a': [(0, 0.3), (60, 2.7)], 'b': [(10, float('nan'))]})
    assert '&lt;1&gt;' in drawn and '>0</text>' in drawn and '>3</text>' in drawn
    points = [tuple(map(float, p.split(','))) for p in
              drawn.split('points="')[1].split('"')[0].split()]
    assert len(points) == 2 and points[0][0] < points[1][0] and points[0][1] > points[1][1]
    assert 'points=""' in drawn
    assert chart('none', {'a': [(1, float('inf'))]}) == ''
    assert 'polyline' in chart('flat', {'a': [(0, 1.0), (1, 1.0)]})
