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

"""The recipe of the whole chain."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.runtime import ExportConfig
from dseg_ros.config.schema import Config, ConfigError, option, section
from dseg_ros.config.student import EmaConfig, require_same_network, StudentConfig


@dataclass(frozen=True)
class DriveAndSegmentConfig(Config):
    """From a data set to a model: pseudo-classes, teacher, merge, student, EMA rounds, export."""

    train_student: bool = option(
        True, 'Train a student, which EMA rounds start from; without, the teacher is the model.')
    ema_rounds: bool = option(True, 'Go on with EMA rounds after the student (IJCV extension).')
    cluster: ClusterConfig = section(ClusterConfig, 'Pseudo-classes.')
    teacher: TrainingConfig = section(TrainingConfig, 'Teacher.')
    student: StudentConfig = section(StudentConfig, 'Merge, dense labels, student.')
    ema: EmaConfig = section(EmaConfig, 'EMA rounds.')
    export: ExportConfig = section(ExportConfig, 'Export.')

    def check(self) -> None:
        """Let networks be of one size where weights pass on, and run at the scale of training."""
        if self.train_student and self.student.start == 'teacher':
            require_same_network(self.teacher.model, self.student.training.model)
        name, trained = ('student.training', self.student.training) if self.train_student else (
            'teacher', self.teacher)
        if self.export.network_pixels not in (0, trained.network_pixels):
            raise ConfigError(f'export.network_pixels: {self.export.network_pixels}, but '
                              f'{name}.network_pixels is {trained.network_pixels}')
