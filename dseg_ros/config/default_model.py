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

"""The recipe of the model that the package ships."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.runtime import ExportConfig
from dseg_ros.config.schema import Config, ConfigError, option, section
from dseg_ros.config.sim import WEATHERS


@dataclass(frozen=True)
class DefaultModelConfig(Config):
    """From simulated drives to a model, by the same steps as from recorded ones."""

    seeds: tuple[int, ...] = option(
        tuple(range(101, 113)), 'Streets to drive; tests and demo use seeds below 100.', low=100)
    weathers: tuple[str, ...] = option(
        ('day', 'day', 'day', 'day', 'day', 'day', 'day', 'day', 'night', 'fog', 'rain', 'day'),
        'Weather of each street.', choices=WEATHERS)
    seconds: float = option(20.0, 'Length of each drive [s].', low=1)
    every: int = option(10, 'Take every n-th of the ten images and sweeps per second: far apart, '
                        'each shows something new.', low=1)
    cluster: ClusterConfig = section(ClusterConfig, 'Pseudo-classes.')
    training: TrainingConfig = section(TrainingConfig, 'Training.')
    export: ExportConfig = section(ExportConfig, 'Export.')

    def check(self) -> None:
        """Every street has its weather; the model is run at the scale it was trained at."""
        if len(self.weathers) != len(self.seeds):
            raise ConfigError(f'weathers: {len(self.weathers)} for {len(self.seeds)} seeds')
        if self.export.network_pixels != self.training.network_pixels:
            raise ConfigError(f'export.network_pixels: {self.export.network_pixels}, but '
                              f'training.network_pixels is {self.training.network_pixels}')
