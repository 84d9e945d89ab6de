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

"""Schedules: what a recipe makes of its learning rate."""

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.distill.optimisers import build_optimiser, learning_rate
import numpy as np
import pytest
from torch import nn


def test_one_cycle_rises_and_falls() -> None:
    """Low start, peak after a quarter, almost nothing at the end."""
    config = TrainingConfig(steps=100, learning_rate=1.0)
    rates = [learning_rate(s, config) for s in range(100)]
    assert rates[0] == pytest.approx(0.04) and max(rates) == pytest.approx(1.0)
    assert np.argmax(rates) == 25 and rates[-1] < 0.002
    assert all(a < b for a, b in zip(rates[:25], rates[1:26]))


def test_poly_falls_as_segmenter_does() -> None:
    """From the peak by (1 - step / steps) ^ 0.9; the optimiser has the recipe's momentum."""
    config = TrainingConfig(steps=100, learning_rate=0.01, optimiser='sgd', momentum=0.8)
    rates = [learning_rate(s, config) for s in range(100)]
    assert rates[0] == 0.01 and rates[50] == pytest.approx(0.01 * 0.5 ** 0.9)
    assert all(a > b > 0 for a, b in zip(rates, rates[1:]))
    assert build_optimiser(nn.Linear(1, 1), config).param_groups[0]['momentum'] == 0.8
