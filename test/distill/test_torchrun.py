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

"""Two processes share every batch and end where one would; the first one writes."""

import csv
import os
from pathlib import Path
import subprocess
import sys

from dseg_ros.cli.app import main
from dseg_ros.models import checkpoint
import pytest
import torch

TRAINING = {'steps': 4, 'batch': 3, 'crop_height': 64, 'crop_width': 96, 'network_pixels': 6144,
            'checkpoint_every': 2, 'threads': 1, 'model.width': 6, 'optimiser': 'sgd',
            'learning_rate': 0.05, 'execution.accelerator': 'cpu'}
RECIPE = {**{f'teacher.{k}': v for k, v in TRAINING.items()},
          **{f'student.training.{k}': v for k, v in TRAINING.items()},
          'cluster.objects': 4, 'cluster.inits': 1, 'student.refine.superpixels': 0,
          'ema.rounds': 1, 'ema.steps': 2, 'ema.refine.superpixels': 0,
          'export.network_pixels': 6144}


@pytest.fixture(scope='module')
def runs(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Run the whole chain in one process and in two, on the same data."""
    here = tmp_path_factory.mktemp('torchrun')
    assert main(['harvest', str(sim_bag), '--out', str(here / 'data'), '--workers', '1', '--set',
                 'selection.every=5']) == 0
    command = ['distill', 'drive-and-segment', '--data', str(here / 'data'), *(
        word for k, v in RECIPE.items() for word in ('--set', f'{k}={v}'))]
    cores = {**os.environ, 'OMP_NUM_THREADS': '1'}   # torchrun's choice; k-means rounds by it
    one = subprocess.run([sys.executable, '-m', 'dseg_ros.cli', *command, '--out',
                          str(here / 'one')], capture_output=True, text=True, timeout=300,
                         cwd=Path(__file__).resolve().parents[2], env=cores)
    assert one.returncode == 0, one.stderr
    result = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2', '--standalone',
         '-m', 'dseg_ros.cli', *command, '--out', str(here / 'two')], capture_output=True,
        text=True, timeout=300, cwd=Path(__file__).resolve().parents[2], env=cores)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('model.onnx\nnext:') == 1, 'each process has spoken'
    return here / 'one', here / 'two'


@pytest.mark.parametrize(('stage', 'near'), [('teacher', 5e-3), ('student', 5e-3),
                                             ('ema', 5e-3)])
def test_two_processes_learn_what_one_learns(runs: tuple[Path, Path], stage: str,
                                             near: float) -> None:
    """
    Three crops are two and one; normalisation and loss are those of all three.

    What follows the teacher learns labels of which its rounding may have moved some.
    """
    one, two = (checkpoint.load(r / stage / checkpoint.FINISHED)[0] for r in runs)
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        assert torch.allclose(tensor.float(), two[name].float(), atol=near), name
    rows = [list(csv.DictReader((r / stage / checkpoint.METRICS).open())) for r in runs]
    for a, b in zip(*rows, strict=True):
        assert float(a['loss']) == pytest.approx(float(b['loss']), abs=20 * near)
        assert float(a['accuracy']) == pytest.approx(float(b['accuracy']), abs=20 * near)


def test_two_processes_leave_what_one_leaves(runs: tuple[Path, Path]) -> None:
    """The same files, but for the names of TensorBoard's; none is left half-written."""
    one, two = ({str(p.relative_to(r)) for p in r.rglob('*') if 'curves' not in p.parts
                 and 'dense' not in p.parts} for r in runs)
    assert one == two and not any(name.endswith('.part') for name in two)
