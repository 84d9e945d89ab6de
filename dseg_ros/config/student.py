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

"""Options of what follows the teacher: merge, refinement, student, EMA rounds."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.distill import ModelConfig, TrainingConfig
from dseg_ros.config.execution import ExecutionConfig
from dseg_ros.config.schema import as_mapping, Config, ConfigError, dotted, option, section


@dataclass(frozen=True)
class MergeConfig(Config):
    """Pseudo-classes that are alike become one."""

    classes: int = option(0, 'Classes that are left after the merge; 0 merges nothing.', low=0,
                          high=250)
    confusion: float = option(0.5, "What the teacher's confusion of two classes counts against "
                              'the likeness of their centroids.', low=0, high=1)


@dataclass(frozen=True)
class RefineConfig(Config):
    """From a teacher's probabilities to dense labels."""

    flip: bool = option(True, 'The teacher sees every image mirrored, too.')
    scales: tuple[float, ...] = option(
        (0.75, 1.0, 1.4), 'Sizes at which the teacher sees an image, relative to inference.',
        low=0.25, high=4)
    superpixels: int = option(800, 'SLIC superpixels per image; 0 = none.', low=0, high=20000)
    compactness: float = option(10.0, 'Compactness of the superpixels.', low=0.01, high=1000)
    superpixel_share: float = option(
        0.5, "What a superpixel's mean counts against the pixel itself.", low=0, high=1)
    lidar_share: float = option(
        0.0, 'What the label that came from the LiDAR counts against the teacher, who evens out '
        'what is wrong in single labels.', low=0, high=1)
    proposals: bool = option(True, 'A proposal takes one class, ground takes classes of ground.')
    proposal_length_m: float = option(
        6.5, 'Proposals longer than this stay divisible: walls, trees, trucks [m].', low=0)
    threshold: float = option(
        0.5, 'A pixel stays unlabelled below this share of what its class reaches in the image.',
        low=0, high=1)
    reach_percentile: float = option(95.0, 'Percentile of its scores that a class reaches.',
                                     low=0, high=100)

    def check(self) -> None:
        """Let the teacher look at least once."""
        if not self.scales:
            raise ConfigError('scales: []; name at least one')


@dataclass(frozen=True)
class StudentTrainingConfig(TrainingConfig):
    """
    One training run of a student, on dense labels.

    Classes weigh alike: weights make up for what the LiDAR reaches seldom, and dense labels have
    no such gaps. With the teacher's weights a student ends below its teacher.
    """

    seed: int = option(2, "Seed of weights, sampling and augmentation: not the teacher's crops "
                       'once more.', low=0)
    class_weight_power: float = option(
        0.0, 'A class weighs its frequency to the minus this power.', low=0, high=1)


@dataclass(frozen=True)
class StudentConfig(Config):
    """A student of a teacher's refined predictions."""

    merge: MergeConfig = section(MergeConfig, 'Merge.')
    refine: RefineConfig = section(RefineConfig, 'Dense labels.')
    training: StudentTrainingConfig = section(StudentTrainingConfig, 'Training.')
    start: str = option('teacher', "Weights to start from: the teacher's (where its network is "
                        'the same), or random ones or those of the backbone (scratch).',
                        choices=('teacher', 'scratch'))


_SHAPES = {
    'tiny': ('width',), 'residual': ('width',),
    'segmenter': tuple(f'segmenter.{name}' for name in (
        'width', 'depth', 'heads', 'mlp_ratio', 'decoder_layers', 'image_px'))}
"""Which options decide the shapes of a network's weights, by its kind."""


def require_same_network(teacher: ModelConfig, student: ModelConfig) -> None:
    """
    Refuse a student that cannot take its teacher's weights.

    :raises ConfigError: naming the first option of the networks' shapes that differs.
    """
    theirs, ours = (dotted(as_mapping(model)) for model in (teacher, student))
    for name in ('kind', *_SHAPES[student.kind]):
        if (value := ours[name]) != theirs[name]:
            raise ConfigError(f'model.{name}: {value!r}, but {theirs[name]!r} in the teacher; a '
                              'student of another network needs start: scratch')


@dataclass(frozen=True)
class EmaConfig(Config):
    """
    Rounds in which a network learns from the moving average of itself.

    Sizes, batch, augmentation and network are the student's; the paper's own numbers are not
    published, these are our choice.
    """

    rounds: int = option(2, 'Rounds; each labels the images anew.', low=1, high=20)
    seed: int = option(2, 'Seed of sampling and augmentation; a round adds its number.', low=0)
    steps: int = option(600, 'Optimiser steps of a round.', low=1)
    learning_rate: float = option(1e-3, 'Highest of the schedule of a round.', low=1e-7, high=1)
    momentum: float = option(0.99, 'What the average keeps of itself in a step; with 0.999 a '
                             'round of 600 steps would hardly move it.', low=0, high=1)
    soft_weight: float = option(1.0, 'Weight of the soft targets (lambda).', low=0, high=100)
    temperature: float = option(2.0, 'Temperature of the soft targets.', low=0.1, high=20)
    refine: RefineConfig = section(RefineConfig, 'Dense labels of a round.')
    execution: ExecutionConfig = section(ExecutionConfig, 'Where the rounds run.')
