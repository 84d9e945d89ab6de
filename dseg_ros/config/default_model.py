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

from dseg_ros.config.drive_and_segment import DriveAndSegmentConfig
from dseg_ros.config.schema import Config, ConfigError, option, section
from dseg_ros.config.sim import WEATHERS


@dataclass(frozen=True)
class DefaultModelConfig(Config):
    """From simulated drives, and recorded ones where given, to a model by the usual chain."""

    seeds: tuple[int, ...] = option(
        tuple(range(101, 113)), 'Streets to drive; tests and demo use seeds below 100.', low=100)
    weathers: tuple[str, ...] = option(
        ('day', 'day', 'day', 'day', 'day', 'day', 'day', 'day', 'night', 'fog', 'rain', 'day'),
        'Weather of each street.', choices=WEATHERS)
    seconds: float = option(20.0, 'Length of each drive [s].', low=1)
    every: int = option(10, 'Take every n-th of the ten images and sweeps per second: far apart, '
                        'each shows something new.', low=1)
    bags: tuple[str, ...] = option((), 'Recordings to learn from, too.')
    vehicles: tuple[str, ...] = option(
        (), "Parameter file of the vehicle of each recording, in their order; '' or none at all: "
        'topics are found by type.')
    chain: DriveAndSegmentConfig = section(DriveAndSegmentConfig, 'From the data set to a model.')

    def check(self) -> None:
        """Every street has its weather, every recording its vehicle; there is something at all."""
        if len(self.weathers) != len(self.seeds):
            raise ConfigError(f'weathers: {len(self.weathers)} for {len(self.seeds)} seeds')
        if self.vehicles and len(self.vehicles) != len(self.bags):
            raise ConfigError(f'vehicles: {len(self.vehicles)} for {len(self.bags)} bags')
        if not self.seeds and not self.bags:
            raise ConfigError('seeds, bags: neither a street nor a recording to learn from')
