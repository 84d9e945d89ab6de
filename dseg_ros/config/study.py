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

"""Options of the study: which drives teach, which drives test, and the chain between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dseg_ros.config.camera_only import CameraOnlyConfig
from dseg_ros.config.drive_and_segment import DriveAndSegmentConfig
from dseg_ros.config.schema import (
    as_mapping, ConfigError, dotted, from_mapping, option, section)
from dseg_ros.config.sim import WEATHERS

FIRST_TRAINING_STREET = 1000
"""Streets of this number on are for training; those below test, whatever the seed."""


@dataclass(frozen=True)
class StudyConfig(DriveAndSegmentConfig):
    """
    The chain, on simulated drives with disjoint streets for training and test.

    Options of the chain keep their names. Seeds of the chain's parts are those of the study.
    """

    seeds: tuple[int, ...] = option((1, 2, 3), 'Each has streets and random numbers of its own.',
                                    low=1, high=999)
    train_streets: int = option(6, 'Streets of a seed, by day.', low=1, high=500)
    test_streets: int = option(3, 'Streets of each weather, the same for all seeds.', low=1,
                               high=200)
    weathers: tuple[str, ...] = option(WEATHERS, 'Light and weather of the test; day first.',
                                       choices=WEATHERS)
    seconds: float = option(16.0, 'Length of each drive [s].', low=0.1)
    every: int = option(10, 'Render every n-th of the ten images and sweeps per second: those in '
                        'between would show little new.', low=1)
    width: int = option(960, 'Image width [px].', low=64)
    height: int = option(540, 'Image height [px].', low=64)
    workers: int = option(0, 'Processes that render, harvest and describe; 0 for one per core; '
                          'of no influence on the result.', low=0, high=64)
    every_ring: int = option(1, "Keep every n-th of the LiDAR's 64 rings.", low=1, high=16)
    camera: CameraOnlyConfig = section(CameraOnlyConfig, 'The camera-only baseline.')

    def check(self) -> None:
        """Reject lists that hold nothing, or something twice."""
        super().check()
        for name in ('seeds', 'weathers'):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ConfigError(f'{name}: {list(values)} is not one or several different ones')

    def train_seeds(self, seed: int) -> list[int]:
        """List the streets that a seed trains with."""
        first = FIRST_TRAINING_STREET * seed
        return list(range(first, first + self.train_streets))

    def test_seeds(self, weather: str) -> list[int]:
        """List the streets of a weather's test, which no seed trains with."""
        first = 1 + WEATHERS.index(weather) * 200
        return list(range(first, first + self.test_streets))


def overridden(config: StudyConfig, overrides: Mapping[str, Any]) -> StudyConfig:
    """
    Change options by dotted name.

    :raises ConfigError: for an unknown option or a value that cannot be used.
    """
    return from_mapping(StudyConfig, {**dotted(as_mapping(config)), **dotted(overrides)})


def seeded(config: StudyConfig, seed: int) -> StudyConfig:
    """Give every part of the chain a seed; those that train draw crops of their own."""
    return overridden(config, {f'{part}.seed': 1000 * number + seed for number, part in enumerate((
        'teacher', 'student.training', 'ema'))} | {
            f'{part}.seed': seed for part in ('cluster', 'camera')})


STUDY_SIZES: dict[str, Any] = {
    **{f'{part}.{name}': value for part in ('teacher', 'student.training') for name, value in {
        'steps': 700, 'batch': 8, 'crop_height': 144, 'crop_width': 256,
        'network_pixels': 192 * 336, 'checkpoint_every': 50, 'threads': 1}.items()},
    'camera.network_pixels': 192 * 336, 'student.refine.superpixels': 400,
    'ema.refine.superpixels': 400, 'ema.rounds': 1, 'ema.steps': 300}
"""What a study takes where the user says nothing: three seeds take some forty minutes of one core;
the chain's own defaults are larger."""
