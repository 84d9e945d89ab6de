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

"""The recipe pseudo-classes -> teacher: a network trained on partial labels."""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.distill.augment import class_frequency, Crops
from dseg_ros.distill.clustering import load_classes
from dseg_ros.distill.devices import launch
from dseg_ros.distill.loop import class_weights, silent, train, Warn
from dseg_ros.distill.training_data import data_hash, load_images
from dseg_ros.models.checkpoint import CONFIG, Provenance, write_atomically
from dseg_ros.pseudo.pseudo_classes import palette

Progress = Callable[[int, int], None]


def train_teacher(data: Path, classes: Path, out: Path, config: TrainingConfig,
                  loading: Progress, training: Progress, warn: Warn = silent,
                  workers: WorkersConfig = WorkersConfig(workers=1)) -> Path:
    """
    Train a teacher, or go on with one that was interrupted.

    Under torchrun every process calls this; the first one labels.

    :param data: the data set.
    :param classes: folder that `cluster` wrote for it.
    :param out: directory of the run.
    :param config: the recipe.
    :param loading: progress of labelling the images, in samples.
    :param training: progress of training, in steps.
    :param warn: is told of classes that get lost.
    :param workers: who labels.
    :returns: the finished weights.
    """
    names = load_classes(classes)[0].names
    made_of = Provenance(
        names, tuple((int(r), int(g), int(b)) for r, g, b in palette(names)),
        as_mapping(config), data_hash(classes))
    fabric = launch(config.execution, config.precision)
    with fabric.rank_zero_first():
        images = load_images(data, classes, config, loading, workers)
    if fabric.is_global_zero:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(out / CONFIG, json.dumps(made_of.recipe, indent=1))
    weights = class_weights(class_frequency(images, len(names)), config.class_weight_power)
    return train(Crops(images, config), weights, config, made_of, out,
                 training, warn=warn)
