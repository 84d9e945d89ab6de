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

"""Where a training starts from: the weights of a finished run, all or all but its head."""

from __future__ import annotations

from pathlib import Path

from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.student import require_same_network
from dseg_ros.distill.prediction import network_of, training_of
from dseg_ros.models import checkpoint
from dseg_ros.models.networks import build
from torch import Tensor


def as_teacher(teacher: Path, model: ModelConfig, classes: int, seed: int) -> dict[str, Tensor]:
    """
    Take the weights of a student's teacher; a head of other classes, after a merge, starts anew.

    :param teacher: directory of the finished teacher.
    :param model: the student's network.
    :param classes: of the student.
    :param seed: of a new head.
    :raises ConfigError: if the teacher is another network.
    """
    tensors, made_of, _ = checkpoint.load(teacher / checkpoint.FINISHED)
    require_same_network(training_of(made_of).model, model)
    if len(made_of.class_names) == classes:
        return tensors
    return _with_new_head(tensors, model, classes, seed)


def under_new_head(run: Path, model: ModelConfig, classes: int, seed: int) -> dict[str, Tensor]:
    """
    Take a run's weights but those that depend on its classes, which are drawn anew.

    :param run: directory of a finished run.
    :param model: its network.
    :param classes: of the new head.
    :param seed: of the new head.
    :raises CheckpointError: for weights of another network.
    """
    tensors, made_of, _ = checkpoint.load(run / checkpoint.FINISHED)
    trained = network_of(made_of, tensors, run / checkpoint.FINISHED).state_dict()
    return _with_new_head(trained, model, classes, seed)


def _with_new_head(trained: dict[str, Tensor], model: ModelConfig, classes: int,
                   seed: int) -> dict[str, Tensor]:
    fresh: dict[str, Tensor] = build(model, classes, seed).state_dict()
    head = head_names(model)
    return {name: tensor if name in head else trained[name] for name, tensor in fresh.items()}


def head_names(model: ModelConfig) -> set[str]:
    """Name the weights whose shape depends on the number of classes."""
    one, other = (build(model, classes, 0).state_dict() for classes in (2, 3))
    return {name for name in one if one[name].shape != other[name].shape}
