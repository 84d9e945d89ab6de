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
from dataclasses import replace
from pathlib import Path
import pickle
import shutil
import subprocess
import sys

from dseg_ros.cli.app import main
from dseg_ros.config.distill import ModelConfig, TrainingConfig
from dseg_ros.config.segmenter import SegmenterConfig
from dseg_ros.distill.augment import TrainingImage
from dseg_ros.models import checkpoint
import pytest
import torch

TRAINING = {'steps': 4, 'batch': 3, 'crop_height': 64, 'crop_width': 96, 'network_pixels': 6144,
            'checkpoint_every': 2, 'threads': 1, 'model.width': 6, 'optimiser': 'sgd',
            'learning_rate': 0.005, 'execution.accelerator': 'cpu'}
RECIPE = {**{f'teacher.{k}': v for k, v in TRAINING.items()},
          **{f'student.training.{k}': v for k, v in TRAINING.items()},
          'cluster.objects': 4, 'cluster.inits': 1, 'student.refine.superpixels': 0,
          'ema.rounds': 1, 'ema.steps': 2, 'ema.refine.superpixels': 0}


@pytest.fixture(scope='module')
def runs(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Run the whole chain in one process and in two, on the same data."""
    here = tmp_path_factory.mktemp('torchrun')
    assert main(['harvest', str(sim_bag), '--out', str(here / 'data'), '--workers', '1', '--set',
                 'selection.every=5']) == 0
    command = ['distill', 'drive-and-segment', '--data', str(here / 'data'), *(
        word for k, v in RECIPE.items() for word in ('--set', f'{k}={v}'))]
    assert main([*command, '--out', str(here / 'one')]) == 0
    # k-means rounds by its threads, of which torchrun gives one: both learn the same classes
    shutil.copytree(here / 'one/classes', here / 'two/classes',
                    ignore=shutil.ignore_patterns('images'))
    result = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2', '--standalone',
         '-m', 'dseg_ros.cli', *command, '--out', str(here / 'two')], capture_output=True,
        text=True, timeout=300, cwd=Path(__file__).resolve().parents[2])
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('model.onnx\nnext:') == 1, 'each process has spoken'
    return here / 'one', here / 'two'


@pytest.mark.parametrize(('stage', 'near'), [('teacher', 1e-4), ('student', 5e-3),
                                             ('ema', 5e-3)])
def test_two_processes_learn_what_one_learns(runs: tuple[Path, Path], stage: str,
                                             near: float) -> None:
    """
    Three crops are two and one; normalisation and loss are those of all three.

    Steps are small: ten times larger ones let rounding grow to 0.02 in four of them. What follows
    the teacher learns labels of which its rounding may have moved some.
    """
    one, two = (checkpoint.load(r / stage / checkpoint.FINISHED)[0] for r in runs)
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        assert torch.allclose(tensor.float(), two[name].float(), atol=near), name
    rows = [list(csv.DictReader((r / stage / checkpoint.METRICS).open())) for r in runs]
    for a, b in zip(*rows, strict=True):
        assert float(a['loss']) == pytest.approx(float(b['loss']), abs=0.1)
        assert float(a['accuracy']) == pytest.approx(float(b['accuracy']), abs=0.1)


def test_two_processes_leave_what_one_leaves(runs: tuple[Path, Path]) -> None:
    """The same files, but for the names of TensorBoard's; none is left half-written."""
    one, two = ({str(p.relative_to(r)) for p in r.rglob('*') if 'curves' not in p.parts
                 and 'dense' not in p.parts} for r in runs)
    assert one == two and not any(name.endswith('.part') for name in two)


STEPS = """
import pickle, sys
from pathlib import Path
from dseg_ros.config.schema import as_mapping
from dseg_ros.distill.augment import Crops
from dseg_ros.distill.loop import train
from dseg_ros.models.checkpoint import Provenance
import numpy as np
images, configs = pickle.loads(Path(sys.argv[1]).read_bytes())
for name, config in configs.items():
    made_of = Provenance(('a', 'b', 'c'), ((0, 0, 0),) * 3, as_mapping(config), 'd')
    train(Crops(images, config), np.array([1, 2, 0.5], np.float32), config, made_of,
          Path(sys.argv[2], name), lambda done, total: None)
"""


def test_the_steps_themselves_are_the_same(images: list[list[TrainingImage]],
                                           tiny: TrainingConfig, tmp_path: Path) -> None:
    """
    To rounding: a step with batch normalisation, several of a network without kinks in parts.

    Five crops are three and two, of differently many labelled pixels. Where rounding puts a ReLU
    on its other side a step differs by more: of four seeds, two are allowed that.
    """
    smooth = ModelConfig('segmenter', 6, SegmenterConfig(
        width=24, depth=1, heads=2, image_px=64, drop_path=0.0, decoder_dropout=0.0))
    base = replace(tiny, batch=5, optimiser='sgd', learning_rate=0.05, checkpoint_every=1)
    configs = {**{f'normalised, {seed}': replace(base, steps=1, seed=seed) for seed in range(4)},
               'in parts': replace(base, steps=4, model=smooth, accumulate=2)}
    script, given = tmp_path / 'steps.py', tmp_path / 'given.pickle'
    script.write_text(STEPS)
    given.write_bytes(pickle.dumps((images, configs)))
    for out, start in (('one', []), ('two', ['-m', 'torch.distributed.run', '--nproc-per-node',
                                             '2', '--standalone'])):
        subprocess.run([sys.executable, *start, str(script), str(given), str(tmp_path / out)],
                       check=True, timeout=300, cwd=Path(__file__).resolve().parents[2])
    far = {}
    for name in configs:
        one, two = (checkpoint.load(tmp_path / out / name / checkpoint.FINISHED)[0]
                    for out in ('one', 'two'))
        far[name] = max(float((one[k].float() - two[k].float()).abs().max()) for k in one)
    assert far.pop('in parts') < 1e-5
    assert sorted(far.values())[1] < 1e-5, far
