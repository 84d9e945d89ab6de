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

"""Training: it learns, a kill costs nothing, a loss that is no number stops it."""

from collections.abc import Sequence
import csv
from dataclasses import replace
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

from dseg_ros.config.distill import ModelConfig, TrainingConfig
from dseg_ros.config.execution import ExecutionConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.config.segmenter import SegmenterConfig
from dseg_ros.distill import loop
from dseg_ros.distill.augment import Batch, class_frequency, Crops, draw_batch, TrainingImage
from dseg_ros.distill.loop import class_weights, train, TrainingError
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import CheckpointError, Provenance
from dseg_ros.types import UNLABELLED
import numpy as np
import pytest
import torch

Drives = list[list[TrainingImage]]


class Stopped(Exception):
    """Something that ends a training in the middle of a step."""


def made_of(config: TrainingConfig, data: str = 'd') -> Provenance:
    """Describe a run of three classes."""
    return Provenance(('a', 'b', 'c'), ((0, 0, 0),) * 3, as_mapping(config), data)


def run(images: Drives, config: TrainingConfig, out: Path, stop_at: int | None = None) -> Path:
    """Train; raise Stopped in the middle of a step if asked."""
    def draw(step: int, numbers: Sequence[int]) -> Batch:
        if step == stop_at:
            raise Stopped
        return draw_batch(images, step, config, numbers)
    weights = class_weights(class_frequency(images, 3), config.class_weight_power)
    return train(draw, weights, config, made_of(config), out, lambda done, total: None)


def rows(out: Path) -> list[dict[str, str]]:
    """Read the log without what depends on the clock."""
    with (out / checkpoint.METRICS).open(newline='') as f:
        return [{k: v for k, v in r.items() if k != 'crops_per_s'} for r in csv.DictReader(f)]


def test_it_learns(images: Drives, tiny: TrainingConfig, tmp_path: Path) -> None:
    """Sixty steps tell three colours apart."""
    run(images, replace(tiny, steps=60, checkpoint_every=20), tmp_path)
    accuracy = [float(r['accuracy']) for r in rows(tmp_path)]
    assert accuracy[-1] > 0.9 > accuracy[0]


def test_an_interrupted_run_ends_as_if_nothing_had_happened(
        images: Drives, tiny: TrainingConfig, tmp_path: Path) -> None:
    """Same weights, same log; a finished run is not trained again."""
    whole = checkpoint.load(run(images, tiny, tmp_path / 'whole'))[0]
    for stop in (2, 6, 11):
        with pytest.raises(Stopped):
            run(images, tiny, tmp_path / 'parts', stop_at=stop)
    path = run(images, tiny, tmp_path / 'parts')
    parts = checkpoint.load(path)[0]
    assert all(torch.equal(whole[k], parts[k]) for k in whole)
    assert rows(tmp_path / 'parts') == rows(tmp_path / 'whole')
    stamp = path.stat().st_mtime_ns
    assert run(images, tiny, tmp_path / 'parts', stop_at=0).stat().st_mtime_ns == stamp


@pytest.mark.parametrize('options', ['', "precision='bf16', execution=ExecutionConfig(workers=1),"
                                     ], ids=['plain', 'bf16 and workers'])
def test_a_killed_process_can_go_on(tmp_path: Path, options: str) -> None:
    """Kill -9 leaves a checkpoint that loads."""
    code = f"""
from pathlib import Path
import numpy as np
from dseg_ros.config.distill import ModelConfig, TrainingConfig
from dseg_ros.config.execution import ExecutionConfig
from dseg_ros.distill.augment import Batch
from dseg_ros.distill.loop import train
from dseg_ros.models.checkpoint import Provenance
config = TrainingConfig(steps=100000, checkpoint_every=1, threads=1, {options}
                        model=ModelConfig(width=6))
batch = Batch(np.zeros((2, 32, 32, 3), np.uint8), np.zeros((2, 8, 8), np.uint8))
train(lambda step, numbers: batch, np.ones(2, np.float32), config,
      Provenance(('a', 'b'), ((0, 0, 0),) * 2, {{}}, ''), Path({str(tmp_path)!r}),
      lambda done, total: None)
"""
    process = subprocess.Popen([sys.executable, '-c', code])
    last = tmp_path / checkpoint.LAST
    try:
        deadline = time.monotonic() + 180
        while not last.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    step = checkpoint.load(last)[2]
    assert step >= 1 and int(rows(tmp_path)[-1]['step']) >= step
    assert not (tmp_path / checkpoint.FINISHED).exists()


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good(
        images: Drives, tiny: TrainingConfig, tmp_path: Path) -> None:
    """The message says at which step, and what is kept."""
    def draw(step: int, numbers: Sequence[int]) -> Batch:
        batch = draw_batch(images, step, config, numbers)
        return replace(batch, labels=np.where(
            (batch.labels == 2) & (step != 6), UNLABELLED, batch.labels).astype(np.uint8))
    config = replace(tiny, label_smoothing=0.0)
    with pytest.raises(TrainingError, match='the loss is nan, .* at step 6; .* is of step 4'):
        train(draw, np.array([1, 1, np.nan], np.float32), config, made_of(config), tmp_path,
              lambda done, total: None)
    tensors, _, step = checkpoint.load(tmp_path / checkpoint.LAST)
    assert step == 4 and all(torch.isfinite(t).all() for t in tensors.values())
    assert not (tmp_path / checkpoint.FINISHED).exists()


def test_a_gradient_without_end_leaves_no_weights(
        images: Drives, tiny: TrainingConfig, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that is finite does not save a last step whose gradient is not."""
    plain = loop._loss

    def steep(run: loop._Run, *rest: Any) -> torch.Tensor:
        loss = plain(run, *rest)
        if run.step < tiny.steps - 1:
            return loss
        return loss + (next(run.network.parameters()).sum() * 0).sqrt()
    monkeypatch.setattr(loop, '_loss', steep)
    with pytest.raises(TrainingError, match='gradient nan long, at step 11; .* is of step 8'):
        run(images, tiny, tmp_path)
    assert not (tmp_path / checkpoint.FINISHED).exists()


def test_unlabelled_crops_are_survived(tiny: TrainingConfig, tmp_path: Path) -> None:
    """A batch without a single label teaches nothing and breaks nothing."""
    empty = Batch(np.zeros((2, 64, 96, 3), np.uint8), np.full((2, 16, 24), 255, np.uint8))
    path = train(lambda step, numbers: empty, np.ones(3, np.float32), tiny, made_of(tiny),
                 tmp_path, lambda done, total: None)
    assert all(torch.isfinite(t).all() for t in checkpoint.load(path)[0].values())


@pytest.mark.parametrize('change', ['recipe', 'data'])
def test_another_runs_checkpoint_is_refused(images: Drives, tiny: TrainingConfig,
                                            tmp_path: Path, change: str) -> None:
    """A run is not continued with another recipe or other data."""
    with pytest.raises(Stopped):
        run(images, tiny, tmp_path, stop_at=6)
    other = replace(tiny, learning_rate=0.1) if change == 'recipe' else tiny
    with pytest.raises(CheckpointError, match='last.safetensors: belongs to another run: its '
                       + (r'learning_rate is 0.004, wanted 0.1$' if change == 'recipe' else
                          'training data has the hash d, wanted other')):
        train(Crops(images, other), np.ones(3, np.float32), other,
              made_of(other, 'other' if change == 'data' else 'd'), tmp_path,
              lambda done, total: None)


def test_rare_classes_weigh_more() -> None:
    """Absent ones weigh nothing; the mean weight of a pixel is one."""
    frequency = np.array([0.9, 0.1, 0.0])
    weights = class_weights(frequency, 0.35)
    assert weights[1] > weights[0] > 0 == weights[2]
    assert (weights * frequency).sum() == pytest.approx(1.0)


VARIANTS = {
    'bf16': {'precision': 'bf16'},
    'workers': {'execution': ExecutionConfig(workers=1)},
    'segmenter with dropout': {'model': ModelConfig('segmenter', 6, SegmenterConfig(
        width=24, depth=2, heads=2, image_px=64)), 'optimiser': 'sgd', 'learning_rate': 0.01},
    'parts': {'accumulate': 2},
}


@pytest.mark.parametrize('name', VARIANTS)
def test_however_it_is_computed_a_resumed_run_is_the_same(
        images: Drives, tiny: TrainingConfig, tmp_path: Path, name: str) -> None:
    """Dropout, momentum, bfloat16 and drawing ahead make no difference."""
    config = replace(tiny, steps=6, checkpoint_every=2, **VARIANTS[name])
    before = torch.get_rng_state()
    whole = checkpoint.load(run(images, config, tmp_path / 'whole'))[0]
    with pytest.raises(Stopped):
        run(images, config, tmp_path / 'parts', stop_at=3)
    parts = checkpoint.load(run(images, config, tmp_path / 'parts'))[0]
    assert all(torch.equal(whole[k], parts[k]) for k in whole)
    assert rows(tmp_path / 'parts') == rows(tmp_path / 'whole')
    assert torch.equal(torch.get_rng_state(), before), 'the random state of others was moved'


def test_parts_add_up_to_the_batch(images: Drives, tiny: TrainingConfig, tmp_path: Path) -> None:
    """Four crops at once or one by one: the same, where nothing is normalised over crops."""
    config = replace(tiny, steps=3, optimiser='sgd', learning_rate=0.05, model=ModelConfig(
        'segmenter', 6, SegmenterConfig(width=24, depth=1, heads=2, image_px=64, drop_path=0.0,
                                        decoder_dropout=0.0)))
    whole, parts = (checkpoint.load(run(images, replace(config, accumulate=n), tmp_path / f'{n}'))[
        0] for n in (1, 4))
    assert all(torch.allclose(whole[k], parts[k], atol=1e-5) for k in whole)


def test_where_a_run_is_computed_may_change(images: Drives, tiny: TrainingConfig,
                                            tmp_path: Path) -> None:
    """Workers and threads may; a checkpoint of before an option was there has its default."""
    with pytest.raises(Stopped):
        run(images, tiny, tmp_path, stop_at=6)
    other = replace(tiny, execution=ExecutionConfig(workers=1), threads=2)
    last = tmp_path / checkpoint.LAST
    tensors, saved, step = checkpoint.load(last)
    old = {k: v for k, v in saved.recipe.items() if k not in ('optimiser', 'window', 'precision')}
    checkpoint.save(last, tensors, replace(saved, recipe=old), step)
    assert checkpoint.load(run(images, other, tmp_path))[2] == tiny.steps


def test_a_damaged_checkpoint_is_named(images: Drives, tiny: TrainingConfig,
                                       tmp_path: Path) -> None:
    """And left as it is."""
    with pytest.raises(Stopped):
        run(images, tiny, tmp_path, stop_at=6)
    last = tmp_path / checkpoint.LAST
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match='last.safetensors: damaged checkpoint'):
        run(images, tiny, tmp_path)
    assert last.stat().st_size == 1000
