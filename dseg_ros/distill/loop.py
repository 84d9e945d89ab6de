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
an uninterrupted one, and so does one in several processes: each takes some crops of every batch,
and what is averaged is averaged over the whole batch. (Dropout, which draws apart in each process
and part, is the exception, and what a GPU adds up in no fixed order.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
import math
from pathlib import Path
import time

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.student import EmaConfig
from dseg_ros.distill.augment import Draw
from dseg_ros.distill.collapse import Collapse, collapses, columns
from dseg_ros.distill.curves import Curves, rows_until
from dseg_ros.distill.devices import launch
from dseg_ros.distill.feeding import feed, Tensors
from dseg_ros.distill.objective import Objective, Tally
from dseg_ros.distill.optimisers import build_optimiser, learning_rate
from dseg_ros.distill.same_run import require_same_run
from dseg_ros.distill.soft_teacher import SoftTeacher
from dseg_ros.distill.synced_norm import synchronise
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import Provenance
from dseg_ros.models.networks import build, initialise, Network, normalise
from lightning_fabric import Fabric
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor

Report = Callable[[int, int], None]
"""Called with steps done and in all."""

Warn = Callable[[Collapse], None]
"""Called where a training begins to lose classes."""


class TrainingError(RuntimeError):
    """A training that cannot go on; the message says what is kept and where."""


def silent(_: Collapse) -> None:
    """Tell nobody; it is in the log."""


@dataclass
class _Run:
    """What a training holds between steps."""

    config: TrainingConfig
    fabric: Fabric
    network: Network
    wrapped: nn.Module
    optimiser: torch.optim.Optimizer
    objective: Objective
    step: int
    rows: list[dict[str, str]]
    soft: SoftTeacher | None


def train(draw: Draw, class_weights: NDArray[np.float32], config: TrainingConfig,
          provenance: Provenance, out: Path, report: Report,
          start: dict[str, Tensor] | None = None, ema: EmaConfig | None = None,
          warn: Warn = silent) -> Path:
    """
    Train a network, or go on where a killed run stopped.

    Under torchrun every process calls this; the first one writes.

    :param draw: draws crops of a step's batch, e.g. Crops(images, config); ahead of their use and
        in another thread or process.
    :param class_weights: (C,) float32.
    :param config: the run's configuration.
    :param provenance: what the model is made of, saved with it.
    :param out: directory of the run, which all processes see.
    :param report: is told of progress.
    :param start: weights to start from; the recipe's if not given.
    :param ema: if given, the moving average of the network gives it soft targets and is what is
        saved when finished.
    :param warn: is told of classes that get lost.
    :returns: the finished weights; at once if the run was finished before.
    :raises TrainingError: if the loss is no longer finite; the last good checkpoint is kept. If
        there are fewer crops in a batch than processes to share them.
    :raises CheckpointError: if `out` holds a run of another recipe or data, or a damaged one.
    :raises DeviceError: if the device that the configuration names is not there.
    :raises BackboneError: if the recipe starts from weights that are not there or do not fit.
    """
    finished = out / checkpoint.FINISHED
    if finished.exists():
        require_same_run(checkpoint.load(finished)[1], provenance, finished)
        return finished
    fabric = launch(config.execution, config.precision)
    if config.batch < fabric.world_size * config.accumulate:
        raise TrainingError(f'batch: {config.batch} crops for {fabric.world_size} processes, '
                            f'each in {config.accumulate} parts')
    out.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    cuda = [fabric.device] if fabric.device.type == 'cuda' else []
    try:
        with torch.random.fork_rng(devices=cuda):
            run = _start(fabric, class_weights, config, provenance, out, start, ema)
            _all_steps(run, draw, class_weights > 0, provenance, out, report, warn)
    finally:
        torch.set_num_threads(threads)
    if fabric.is_global_zero:
        best = run.soft.network if run.soft else run.network
        checkpoint.save(finished, best.state_dict(), provenance, run.step)
    fabric.barrier()
    return finished


def class_weights(frequency: NDArray[np.float64], power: float) -> NDArray[np.float32]:
    """
    Weigh rare classes up: frequency to the minus `power`, mean weight of a labelled pixel 1.

    :param frequency: (C,) shares.
    """
    weight = np.where(frequency > 0, np.maximum(frequency, 1e-4) ** -power, 0.0)
    return np.asarray(weight / max(float((weight * frequency).sum()), 1e-12), np.float32)


def _start(fabric: Fabric, weights: NDArray[np.float32], config: TrainingConfig,
           provenance: Provenance, out: Path, start: dict[str, Tensor] | None,
           ema: EmaConfig | None) -> _Run:
    last = out / checkpoint.LAST
    network = build(config.model, len(provenance.class_names), config.seed)
    if start is not None:
        network.load_state_dict(start)
    elif not last.exists():
        initialise(network, config.model)
    network = network.to(
        fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if fabric.world_size > 1:
        synchronise(network)
    soft = None if ema is None else SoftTeacher(network, ema)
    optimiser = build_optimiser(network, config)
    step = 0
    if last.exists():
        tensors, saved, step = checkpoint.load(last)
        require_same_run(saved, provenance, last)
        network.load_state_dict({k: t for k, t in tensors.items() if '/' not in k})
        if soft is not None:
            soft.restore(tensors)
        checkpoint.restore_optimiser(optimiser, tensors)
    objective = Objective(torch.from_numpy(weights).to(fabric.device), config.label_smoothing)
    return _Run(config, fabric, network, fabric.setup_module(network), optimiser, objective, step,
                rows_until(out, step), soft)


def _all_steps(run: _Run, draw: Draw, known: NDArray[np.bool_], provenance: Provenance,
               out: Path, report: Report, warn: Warn) -> None:
    """Take all steps that are left, interval by interval."""
    config, fabric = run.config, run.fabric
    first = fabric.is_global_zero
    curves = Curves(out, run.rows) if first else None
    numbers = range(fabric.global_rank, config.batch, fabric.world_size)
    batches = feed(draw, numbers, range(run.step, config.steps), config.execution,
                   fabric.device.type == 'cuda')
    try:
        with closing(batches):  # type: ignore[type-var]
            while run.step < config.steps:
                run.rows.append(_interval(run, batches, known, out))
                found = collapses(run.rows, provenance.class_names, config.collapse)
                if curves is not None:
                    curves.write(run.rows, found)
                    _save(run, provenance, out)
                for collapse in found:
                    if collapse.step == run.step:
                        warn(collapse)
                report(run.step, config.steps)
    finally:
        if curves is not None:
            curves.close()


def _interval(run: _Run, batches: Iterator[Tensors], known: NDArray[np.bool_],
              out: Path) -> dict[str, str]:
    """Take the steps up to the next checkpoint; returns their log row."""
    config, fabric = run.config, run.fabric
    run.wrapped.train()
    began, first = time.monotonic(), run.step
    tally = Tally(len(known), fabric.device)
    losses: list[float] = []
    waiting: Tensor | None = None
    for _ in range(first, min(config.steps, (first // config.checkpoint_every + 1)
                              * config.checkpoint_every)):
        outcome = _step(run, next(batches), tally)
        if waiting is not None:         # looked at a step late: the device need not be waited for
            losses += _finite(waiting, run.step - 1, first, out)
        waiting = outcome
        run.step += 1
    assert waiting is not None
    losses += _finite(waiting, run.step - 1, first, out)
    rate = (run.step - first) * config.batch / max(time.monotonic() - began, 1e-9)
    predicted, labelled, right = tally.everywhere(fabric)
    return {'step': str(run.step), 'loss': f'{np.mean(losses or [0.0]):.4f}',
            'accuracy': f'{right / max(labelled.sum(), 1):.4f}',
            'learning_rate': f'{run.optimiser.param_groups[0]["lr"]:.3g}',
            'crops_per_s': f'{rate:.1f}',
            **columns(predicted, labelled, known, config.collapse)}


def _finite(outcome: Tensor, step: int, kept: int, out: Path) -> list[float]:
    """Give the loss of a step, none where no pixel was labelled."""
    loss, amount, gradient = outcome.tolist()
    if not math.isfinite(loss + gradient):
        good = f'{checkpoint.LAST}, is of step {kept}' if kept else 'is none: it was the start'
        raise TrainingError(f'{out}: the loss is {loss}, its gradient {gradient} long, at step '
                            f'{step}; the last good checkpoint, {good}')
    return [loss] if amount else []


def _step(run: _Run, batch: Tensors, tally: Tally) -> Tensor:
    """Take one step; returns loss, how much was labelled, length of the gradient."""
    config, fabric = run.config, run.fabric
    for group in run.optimiser.param_groups:
        group['lr'] = learning_rate(run.step, config)
    state = np.random.SeedSequence((config.seed, run.step, fabric.global_rank))
    torch.manual_seed(int(state.generate_state(1)[0]))
    rgb, labels = (t.to(fabric.device, non_blocking=True) for t in batch)
    target = labels.long()
    amount = _sum(fabric, run.objective.amount(target))
    run.optimiser.zero_grad(set_to_none=True)
    total = torch.zeros((), device=fabric.device)
    for part in range(config.accumulate):
        mine = slice(part, None, config.accumulate)
        more = part + 1 < config.accumulate
        with fabric.no_backward_sync(run.wrapped, enabled=more):  # type: ignore[arg-type]
            loss = _loss(run, rgb[mine], target[mine], amount, tally)
            fabric.backward(loss * fabric.world_size)     # gradients are averaged over processes
        total += loss.detach()
    gradient = nn.utils.clip_grad_norm_(run.network.parameters(), config.clip or math.inf)
    run.optimiser.step()
    if run.soft is not None:
        run.soft.follow(run.network)
    return torch.stack([_sum(fabric, total), amount, gradient])


def _loss(run: _Run, rgb: Tensor, target: Tensor, amount: Tensor, tally: Tally) -> Tensor:
    """Compute what some crops add to the loss of their batch."""
    pixels = normalise(run.network, rgb.permute(0, 3, 1, 2).float())
    logits = run.wrapped(pixels)                         # (B, C, H/stride, W/stride)
    tally.add(logits.detach(), target)
    loss = run.objective(logits, target) / amount.clamp(min=1e-12)
    if run.soft is not None:
        with run.fabric.autocast():
            loss = loss + run.soft.loss(pixels, logits) * len(rgb) / run.config.batch
    return loss


def _sum(fabric: Fabric, mine: Tensor) -> Tensor:
    """Add up over all processes."""
    total: Tensor = fabric.all_reduce(mine, reduce_op='sum')  # type: ignore[assignment]
    return total


def _save(run: _Run, provenance: Provenance, out: Path) -> None:
    tensors = {**run.network.state_dict(), **checkpoint.optimiser_tensors(run.optimiser),
               **(run.soft.tensors() if run.soft else {})}
    checkpoint.save(out / checkpoint.LAST, tensors, provenance, run.step)
