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

"""Masks and pseudo-classes of a simulated drive against its truth, with bounds."""

import csv
import json
from pathlib import Path

from dseg_ros.cli import main
from dseg_ros.config.dataset import HarvestConfig, SelectionConfig
from dseg_ros.dataset.harvest import harvest
from dseg_ros.dataset.store import Dataset
import pytest


@pytest.fixture(scope='module')
def data(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data set of two samples."""
    out = tmp_path_factory.mktemp('data') / 'set'
    return harvest(HarvestConfig(bags=(str(sim_bag),), out=str(out), workers=1,
                                 selection=SelectionConfig(every=5)))


@pytest.fixture(scope='module')
def rows(data: Path, sim_bag: Path, tmp_path_factory: pytest.TempPathFactory
         ) -> dict[str, dict[str, float]]:
    """Measure once, as users do; figures by variant."""
    out = tmp_path_factory.mktemp('table') / 'masks.csv'
    assert main(['dataset', 'quality', str(data), '--bag', str(sim_bag), '--out', str(out)]) == 0
    with out.open() as file:
        return {row.pop('variant'): {name: float(value) for name, value in row.items()}
                for row in csv.DictReader(file)}


def test_masks_are_as_good_as_they_were(rows: dict[str, dict[str, float]]) -> None:
    """Bounds just below what was measured: a worse fill or projection fails here."""
    least = {'proposals purity': 97.0, 'proposals coverage': 63.0, 'labels purity': 97.0,
             'labels coverage': 52.2, 'small purity': 69.5, 'small recall': 59.0,
             'labels mIoU': 47.2}
    found = rows['as configured']
    assert {name for name in least if found[name] < least[name]} == set(), found


def test_every_step_is_worth_it(rows: dict[str, dict[str, float]]) -> None:
    """Hulls and hidden points make masks purer, a wide radius fuller; no sky is known here."""
    found = rows['as configured']
    for name in ('hull off', 'drop_hidden off'):
        assert rows[name]['labels purity'] < found['labels purity'] - 0.3
        assert rows[name]['proposals purity'] < found['proposals purity'] - 0.3
    assert rows['drop_hidden off']['small recall'] < found['small recall'] - 2
    assert rows['most_deg x 0.5']['labels coverage'] < found['labels coverage'] - 1
    assert rows['no sky, no growth'] == rows['no growth'] == found


def test_points_are_scored(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Strict mIoU of the points' pseudo-classes; noise costs coverage and nothing is hidden."""
    for noise in ('0', '0.3'):
        classes = tmp_path / noise
        assert main(['cluster', str(data), '--out', str(classes), '--objects', '6', '--noise',
                     noise, '--inits', '2']) == 0
        capsys.readouterr()
        assert main(['dataset', 'quality', str(data), '--classes', str(classes)]) == 0
        score = json.loads(capsys.readouterr().out)
        assert score['strict']['miou'] > 10 and score['strict']['pixel_accuracy'] > 50
        assert len(set(score['matching'].values())) == len(score['matching'])
        assert (score['labelled'] > 98) == (noise == '0')
    names = {p.stem for p in (classes / 'sheets').glob('*.png')}
    assert names == {*(f'ground_{i}' for i in range(3)), *(f'object_{i}' for i in range(6))}


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--bag', '{shared}/kitti_drive'), "no drive of {data}, which came from ['drive']"),
    (('--classes', '{tmp}/none'), 'none: no finished pseudo-classes'),
    (('--bag', '{bag}', '--every', '0'), 'every: 0 is below 1'),
])
def test_what_cannot_be_measured_is_said(arguments: tuple[str, ...], message: str, data: Path,
                                         sim_bag: Path, tmp_path: Path,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names the value."""
    known = {'data': data, 'bag': sim_bag, 'tmp': tmp_path, 'shared': tmp_path}
    assert main(['dataset', 'quality', str(data), *(a.format(**known) for a in arguments)]) == 2
    assert message.format(**known) in capsys.readouterr().err


def test_a_drive_without_truth_is_named(shared_data: Path, tmp_path: Path,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    """A real recording has neither masks nor true classes."""
    bag, data = shared_data / 'rings_drive', tmp_path / 'set'
    harvest(HarvestConfig(bags=(str(bag),), out=str(data), workers=1))
    assert len(Dataset(data))
    assert main(['dataset', 'quality', str(data), '--bag', str(bag)]) == 2
    assert 'rings_drive: has no /sim/mask' in capsys.readouterr().err
