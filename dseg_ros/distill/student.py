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

"""The recipe teacher -> student: merged classes, dense labels, a network that learns them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import json
import os
from pathlib import Path
import shutil

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.config.student import EmaConfig, StudentConfig
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.distill.augment import class_frequency, Crops
from dseg_ros.distill.clustering import load_classes
from dseg_ros.distill.devices import launch
from dseg_ros.distill.loop import class_weights, silent, train, Warn
from dseg_ros.distill.merging import merge_classes, merged
from dseg_ros.distill.prediction import training_of
from dseg_ros.distill.refining import dense_images, Sources
from dseg_ros.distill.same_run import require_same_run
from dseg_ros.distill.starting import as_teacher
from dseg_ros.distill.training_data import TrainingDataError
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import CONFIG, Provenance, write_atomically
import numpy as np
from torch import Tensor

Progress = Callable[[int, int], None]

_NEW_IDS = 'new_ids'
"""In a student's recipe: what its merge made of the pseudo-classes."""


def train_student(data: Path, classes: Path, teacher: Path, out: Path, config: StudentConfig,
                  merging: Progress, labelling: Progress, training: Progress,
                  warn: Warn = silent,
                  workers: WorkersConfig = WorkersConfig(workers=1)) -> Path:
    """
    Merge classes, label densely and train a student, or go on with what was interrupted.

    Under torchrun every process calls this; the first one merges and labels.

    :param data: the data set.
    :param classes: folder that `cluster` wrote for it; merge.json goes there.
    :param teacher: directory of the finished teacher.
    :param out: directory of the run; dense labels go into dense/.
    :param config: the recipe.
    :param merging: progress of the merge, in samples.
    :param labelling: progress of the dense labels, in samples.
    :param training: progress of training, in steps.
    :param warn: is told of classes that get lost.
    :param workers: who labels.
    :returns: the finished weights.
    """
    with launch(config.training.execution).rank_zero_first():
        after = merge_classes(data, classes, teacher, config.merge, merging,
                              config.training.execution.accelerator)
    sources = Sources(data, classes, teacher, after, config.refine, config.training)
    palette = checkpoint.load(teacher / checkpoint.FINISHED)[1].palette
    recipe = {**as_mapping(config.training), 'merge': as_mapping(config.merge),
              'refine': as_mapping(config.refine), 'start': config.start,
              _NEW_IDS: after.new_ids.tolist()}
    first = [int(np.flatnonzero(after.new_ids == k)[0]) for k in range(len(after.names))]
    made_of = Provenance(after.names, tuple(palette[k] for k in first), recipe, sources.sha256())
    start = None if config.start == 'scratch' else as_teacher(
        teacher, config.training.model, len(after.names), config.training.seed)
    return _learn(sources, made_of, out, labelling, training, warn, workers, start)


def train_ema(data: Path, classes: Path, student: Path, out: Path, config: EmaConfig,
              labelling: Callable[[int], Progress], training: Callable[[int], Progress],
              warn: Warn = silent,
              workers: WorkersConfig = WorkersConfig(workers=1)) -> Path:
    """
    Go on with a student for some rounds, or go on with a round that was interrupted.

    Under torchrun every process calls this; the first one labels.

    :param data: the data set.
    :param classes: folder that `cluster` wrote for it.
    :param student: directory of the finished student.
    :param out: directory of the run; round N is in round_N/.
    :param config: the recipe.
    :param labelling: gives the progress of a round's dense labels, in samples.
    :param training: gives the progress of a round's training, in steps.
    :param warn: is told of classes that get lost.
    :param workers: who labels.
    :returns: the finished weights: the moving average of the last round.
    :raises TrainingDataError: if the run is no student of these pseudo-classes.
    """
    found = load_classes(classes)[0]
    before = student
    for number in range(1, config.rounds + 1):
        tensors, made_of, _ = checkpoint.load(before / checkpoint.FINISHED)
        new_ids = np.asarray(made_of.recipe.get(_NEW_IDS, ()), np.uint8)
        if len(new_ids) != len(found.names):
            raise TrainingDataError(f'{student}: no student of the {len(found.names)} '
                                    f'pseudo-classes in {classes}')
        recipe = replace(training_of(made_of), steps=config.steps, seed=config.seed + number,
                         learning_rate=config.learning_rate, execution=config.execution)
        sources = Sources(data, classes, before,
                          merged(new_ids, found.names, len(found.ground.centroids)),
                          config.refine, recipe)
        own = {k: v for k, v in as_mapping(config).items() if k != 'rounds'}   # more may follow
        made_of = replace(made_of, data_sha256=sources.sha256(), recipe={
            **made_of.recipe, **as_mapping(recipe), 'ema': {**own, 'round': number}})
        before = out / f'round_{number}'
        last = _learn(sources, made_of, before, labelling(number), training(number), warn,
                      workers, tensors, config)
    with launch(config.execution).rank_zero_first():
        _publish(last, out)
    return out / checkpoint.FINISHED


def _publish(last: Path, out: Path) -> None:
    """Copy what the last round ended with to where the run's result is looked for."""
    if (out / checkpoint.FINISHED).exists() and (
            out / checkpoint.FINISHED).read_bytes() == last.read_bytes():
        return
    for name in (checkpoint.METRICS, CONFIG, checkpoint.FINISHED):
        part = out / f'{name}.part'
        shutil.copyfile(last.with_name(name), part)
        os.replace(part, out / name)


def _learn(sources: Sources, made_of: Provenance, out: Path, labelling: Progress,
           training: Progress, warn: Warn, workers: WorkersConfig,
           start: dict[str, Tensor] | None = None, ema: EmaConfig | None = None) -> Path:
    """Label and train; what is finished already is only checked."""
    config: TrainingConfig = sources.training
    finished = out / checkpoint.FINISHED
    if finished.exists():
        require_same_run(checkpoint.load(finished)[1], made_of, finished)
        return finished
    fabric = launch(config.execution, config.precision)
    with fabric.rank_zero_first():
        images = dense_images(sources, out, labelling, workers)
        if fabric.is_global_zero:
            write_atomically(out / CONFIG, json.dumps(made_of.recipe, indent=1))
    frequency = class_frequency(images, len(made_of.class_names))
    return train(Crops(images, config), class_weights(frequency, config.class_weight_power),
                 config, made_of, out, training, start, ema, warn)
