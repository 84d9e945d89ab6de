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

"""Small pictures of three things, with partial labels."""

from dseg_ros.config.distill import ModelConfig, TrainingConfig
from dseg_ros.distill.augment import TrainingImage
from dseg_ros.types import UNLABELLED
import numpy as np
import pytest


@pytest.fixture(scope='session')
def images() -> list[list[TrainingImage]]:
    """Give two drives: sky 2 above, road 1 below, red boxes 0; half of it is labelled."""
    rng = np.random.default_rng(0)
    drives = []
    for drive in range(2):
        drives.append([])
        for _ in range(3):
            rgb = rng.integers(60, 90, (120, 200, 3)).astype(np.uint8)
            labels = np.ones((120, 200), np.uint8)
            rgb[:50] += 120
            labels[:50] = 2
            left = int(rng.integers(0, 140))
            rgb[60:100, left:left + 50] = (220, 30, 30)
            labels[60:100, left:left + 50] = 0
            labels[rng.random((120, 200)) < 0.5] = UNLABELLED
            drives[-1].append(TrainingImage(rgb, labels, f'drive{drive}'))
    return drives


@pytest.fixture
def tiny() -> TrainingConfig:
    """Give a recipe that trains in a second."""
    return TrainingConfig(steps=12, batch=4, crop_height=64, crop_width=96,
                          network_pixels=64 * 96, checkpoint_every=4, threads=1,
                          model=ModelConfig(width=6))
