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

"""
The training loop: partial labels in, a checkpointed network out; resumable after any kill.

A step depends on its number, the seed and the weights before it alone, so a resumed run equals
an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable
import csv
from dataclasses import dataclass
import io
import math
from pathlib import Path
import time

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.student import EmaConfig
from dseg_ros.distill.augment import Batch
from dseg_ros.distill.soft_teacher import SoftTeacher
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import CheckpointError, Provenance
from dseg_ros.models.networks import build, Network, normalise
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor

Report = Callable[[int, int], None]
"""Called with steps done and in all."""

COLUMNS = ('step', 'loss', 'accuracy', 'learning_rate', 'crops_per_s')


class TrainingError(RuntimeError):
    """A training that cannot go on; the message says what is kept and where."""


@dataclass
class _Run:
    """What a training holds between steps."""

    network: Network
    optimiser: torch.optim.Optimizer
    step: int
    rows: list[dict[str, str]]
    soft: SoftTeacher | None = None


def train(batch_at: Callable[[int], Batch], class_weights: NDArray[np.float32],
          config: TrainingConfig, provenance: Provenance, out: Path, report: Report,
          start: dict[str, Tensor] | None = None, ema: EmaConfig | None = None) -> Path:
    """
    Train a network, or go on where a killed run stopped.

    :param batch_at: draws the batch of a step.
    :param class_weights: (C,) float32.
    :param config: the run's configuration.
    :param provenance: what the model is made of, saved with it.
    :param out: directory of the run.
    :param report: is told of progress.
    :param start: weights to start from; random ones if not given.
    :param ema: if given, the moving average of the network gives it soft targets and is what is
        saved when finished.
    :returns: the finished weights; at once if the run was finished before.
    :raises TrainingError: if the loss is no longer finite; the last good checkpoint is kept.
    :raises CheckpointError: if `out` holds a run of another recipe or data.
    """
    finished = out / checkpoint.FINISHED
    if finished.exists():
        _same_run(checkpoint.load(finished)[1], provenance, finished)
        return finished
    out.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        run = _start(config, provenance, out, start, ema)
        loss_of = nn.CrossEntropyLoss(torch.from_numpy(class_weights), ignore_index=UNLABELLED,
                                      label_smoothing=config.label_smoothing)
        while run.step < config.steps:
            _some_steps(run, batch_at, loss_of, config, out)
            _save(run, provenance, out)
            report(run.step, config.steps)
    finally:
        torch.set_num_threads(threads)
    best = run.soft.network if run.soft else run.network
    checkpoint.save(finished, best.state_dict(), provenance, run.step)
    return finished


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Follow one cycle: cosine up from peak / 25 in the first quarter, cosine down to 0."""
    rise = 0.25 * steps
    if step < rise:
        return peak * (0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * step / rise)))
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))


def class_weights(frequency: NDArray[np.float64], power: float) -> NDArray[np.float32]:
    """
    Weigh rare classes up: frequency to the minus `power`, mean weight of a labelled pixel 1.

    :param frequency: (C,) shares.
    """
    weight = np.where(frequency > 0, np.maximum(frequency, 1e-4) ** -power, 0.0)
    return np.asarray(weight / max(float((weight * frequency).sum()), 1e-12), np.float32)


def _start(config: TrainingConfig, provenance: Provenance, out: Path,
           start: dict[str, Tensor] | None, ema: EmaConfig | None) -> _Run:
    network = build(config.model, len(provenance.class_names), config.seed)
    if start is not None:
        network.load_state_dict(start)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    soft = None if ema is None else SoftTeacher(network, ema)
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate,
                                  weight_decay=config.weight_decay)
    last = out / checkpoint.LAST
    if not last.exists():
        return _Run(network, optimiser, 0, [], soft)
    tensors, saved, step = checkpoint.load(last)
    _same_run(saved, provenance, last)
    network.load_state_dict({k: t for k, t in tensors.items() if '/' not in k})
    if soft is not None:
        soft.restore(tensors)
    checkpoint.restore_optimiser(optimiser, tensors)
    return _Run(network, optimiser, step, _rows_until(out / checkpoint.METRICS, step),
                soft)


def _same_run(saved: Provenance, wanted: Provenance, path: Path) -> None:
    for name in ('class_names', 'recipe', 'data_sha256'):
        if getattr(saved, name) != getattr(wanted, name):
            raise CheckpointError(f'{path}: belongs to another run: its {name} is '
                                  f'{getattr(saved, name)!r}, wanted '
                                  f'{getattr(wanted, name)!r}')


def _some_steps(run: _Run, batch_at: Callable[[int], Batch], loss_of: nn.Module,
                config: TrainingConfig, out: Path) -> None:
    """Take the steps up to the next checkpoint and log them."""
    run.network.train()
    began, first = time.monotonic(), run.step
    losses, hits, known = [], 0, 0
    until = min(config.steps, (run.step // config.checkpoint_every + 1)
                * config.checkpoint_every)
    while run.step < until:
        loss, right, total = _step(run, batch_at(run.step), loss_of, config)
        if not math.isfinite(loss):
            raise TrainingError(f'{out}: the loss is {loss} at step {run.step}; the last good '
                                f'checkpoint, {checkpoint.LAST}, is of step {first}')
        if total:
            losses.append(loss)
        hits, known = hits + right, known + total
        run.step += 1
    rate = (run.step - first) * config.batch / max(time.monotonic() - began, 1e-9)
    run.rows.append({
        'step': str(run.step), 'loss': f'{np.mean(losses or [0.0]):.4f}',
        'accuracy': f'{hits / max(known, 1):.4f}',
        'learning_rate': f'{run.optimiser.param_groups[0]["lr"]:.3g}',
        'crops_per_s': f'{rate:.1f}'})


def _step(run: _Run, batch: Batch, loss_of: nn.Module,
          config: TrainingConfig) -> tuple[float, int, int]:
    """Take one step; returns loss, correct and labelled pixels."""
    for group in run.optimiser.param_groups:
        group['lr'] = learning_rate(run.step, config.steps, config.learning_rate)
    raw = torch.from_numpy(batch.rgb).permute(0, 3, 1, 2).float()
    target = torch.from_numpy(batch.labels).long()
    labelled = target != UNLABELLED
    if not labelled.any():
        return 0.0, 0, 0                                 # nothing to learn from
    pixels = normalise(run.network, raw)
    logits = run.network(pixels)                         # (B, C, H/4, W/4)
    loss: Tensor = loss_of(logits, target)
    if run.soft is not None:
        loss = loss + run.soft.loss(pixels, logits)
    value = float(loss.detach())
    if math.isfinite(value):
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
        run.optimiser.step()
        if run.soft is not None:
            run.soft.follow(run.network)
    right = int(((logits.detach().argmax(1) == target) & labelled).sum())
    return value, right, int(labelled.sum())


def _save(run: _Run, provenance: Provenance, out: Path) -> None:
    tensors = {**run.network.state_dict(), **checkpoint.optimiser_tensors(run.optimiser),
               **(run.soft.tensors() if run.soft else {})}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(run.rows)
    checkpoint.write_atomically(out / checkpoint.METRICS, text.getvalue())
    checkpoint.save(out / checkpoint.LAST, tensors, provenance, run.step)


def _rows_until(path: Path, step: int) -> list[dict[str, str]]:
    """Read the log rows up to a step; a kill can leave one row too many."""
    if not path.exists():
        return []
    with path.open(newline='') as f:
        return [row for row in csv.DictReader(f) if int(row['step']) <= step]
