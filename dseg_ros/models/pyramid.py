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

"""What our own networks have in common: an encoder to stride 16, a decoder back to stride 4."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn, Tensor

STRIDE = 16
"""Input sides must be multiples of this [px]."""

OUTPUT_STRIDE = 4
"""Logits come at the input's size divided by this."""


class Pyramid(nn.Module):
    """
    Encoder to stride 16 with a global context term, decoder back to stride 4.

    :param classes: C, number of pseudo-classes.
    :param encoder: to stride 2, 4, 8 and 16, each from the one before.
    :param channels: c4, c8, c16, what comes of the last three.
    :param unit: (cin, cout) -> a 1x1 convolution as the network has them.
    :param block: channels -> what refines a map of so many.
    """

    stride = STRIDE
    output_stride = OUTPUT_STRIDE
    normalisation = 'per_image'

    def __init__(self, classes: int, encoder: tuple[nn.Module, nn.Module, nn.Module, nn.Module],
                 channels: tuple[int, int, int], unit: Callable[[int, int], nn.Module],
                 block: Callable[[int], nn.Module]) -> None:
        """Build it with random weights."""
        super().__init__()
        c4, c8, c16 = channels
        self.at2, self.at4, self.at8, self.at16 = encoder
        self.context = nn.Conv2d(c16, c16, 1)
        self.skip8, self.lift8 = unit(c8, c8), unit(c16, c8)
        self.skip4, self.lift4 = unit(c4, c4), unit(c8, c4)
        self.refine8, self.refine4 = block(c8), block(c4)
        self.enlarge = nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False)
        self.head = nn.Conv2d(c4, classes, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """
        Compute logits.

        :param pixels: (B, 3, H, W) float, normalised; H and W multiples of STRIDE.
        :returns: (B, C, H / OUTPUT_STRIDE, W / OUTPUT_STRIDE).
        """
        logits: Tensor = self.head(self.features(pixels))
        return logits

    def features(self, pixels: Tensor) -> Tensor:
        """Compute what the head sees of the same pixels: (B, c4, H/4, W/4)."""
        x4: Tensor = self.at4(self.at2(pixels))          # (B, c4, H/4, W/4)
        x8: Tensor = self.at8(x4)                        # (B, c8, H/8, W/8)
        deep: Tensor = self.at16(x8)                     # (B, c16, H/16, W/16)
        deep = deep + self.context(deep.mean((2, 3), keepdim=True))
        mid = self.refine8(self.skip8(x8) + self.enlarge(self.lift8(deep)))
        fine: Tensor = self.refine4(self.skip4(x4) + self.enlarge(self.lift4(mid)))
        return fine


def parameter_count(model: nn.Module) -> int:
    """Count the trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def with_seed(seed: int, build: Callable[[], Pyramid]) -> Pyramid:
    """Build a network whose random weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()
