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

"""Optimisers and how their learning rate goes over a run."""

from __future__ import annotations

import math

from dseg_ros.config.distill import TrainingConfig
from torch import nn
from torch.optim import AdamW, Optimizer, SGD


def build_optimiser(network: nn.Module, config: TrainingConfig) -> Optimizer:
    """Build the optimiser of a recipe."""
    if config.optimiser == 'sgd':
        return SGD(network.parameters(), lr=config.learning_rate, momentum=config.momentum,
                   weight_decay=config.weight_decay)
    return AdamW(network.parameters(), lr=config.learning_rate,
                 weight_decay=config.weight_decay)


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Return the learning rate of a step: one cycle for adamw, poly for sgd."""
    if config.optimiser == 'sgd':
        return poly(step, config.steps, config.learning_rate, config.poly_power)
    return one_cycle(step, config.steps, config.learning_rate)


def one_cycle(step: int, steps: int, peak: float) -> float:
    """Follow one cycle: cosine up from peak / 25 in the first quarter, cosine down to 0."""
    rise = 0.25 * steps
    if step < rise:
        return peak * (0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * step / rise)))
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))


def poly(step: int, steps: int, peak: float, power: float) -> float:
    """Fall as the share of steps that are left, to a power (Segmenter's schedule)."""
    return float(peak * (1 - step / steps) ** power)
