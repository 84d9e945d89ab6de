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

"""
The moving average of a network as its own teacher of soft targets (IJCV extension).

The paper has an EMA teacher and soft targets; momentum, weight, temperature and the direction of
the divergence are our choice.
"""

from __future__ import annotations

import copy

from dseg_ros.config.student import EmaConfig
import torch
from torch import nn, Tensor
from torch.nn import functional

PREFIX = 'ema/'


class SoftTeacher:
    """Follows a network and tells it what it thinks."""

    def __init__(self, network: nn.Module, config: EmaConfig) -> None:
        """
        Start as a copy.

        :param network: the student.
        :param config: momentum, weight, temperature.
        """
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._config = config

    def loss(self, pixels: Tensor, logits: Tensor) -> Tensor:
        """
        Compute lambda T^2 KL(student || teacher) at temperature T, mean over pixels.

        :param pixels: (B, 3, H, W) normalised.
        :param logits: (B, C, h, w) of the student for these.
        """
        heat = self._config.temperature
        with torch.no_grad():
            teacher = (self.network(pixels).float() / heat).log_softmax(1)
        student = (logits / heat).log_softmax(1)
        divergence = functional.kl_div(teacher, student, reduction='none', log_target=True)
        return self._config.soft_weight * heat ** 2 * divergence.sum(1).mean()

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Move weights and running statistics a little towards the network's."""
        for mine, other in zip(self.network.state_dict().values(), network.state_dict().values()):
            if mine.is_floating_point():
                mine.lerp_(other, 1 - self._config.momentum)
            else:
                mine.copy_(other)

    def tensors(self) -> dict[str, Tensor]:
        """Name the weights for a checkpoint."""
        return {PREFIX + k: t for k, t in self.network.state_dict().items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take the weights from a checkpoint's tensors."""
        self.network.load_state_dict({k.removeprefix(PREFIX): t for k, t in tensors.items()
                                      if k.startswith(PREFIX)})
