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
A small depthwise encoder-decoder for images, trained from scratch (our choice).

0.2 M parameters: a teacher that two CPU cores train in minutes and a vehicle's CPU runs in a few
milliseconds. The paper's teacher, Segmenter, has its place beside it.
"""

from __future__ import annotations

import torch
from torch import nn, Tensor

STRIDE = 16
"""Input sides must be multiples of this [px]."""

OUTPUT_STRIDE = 4
"""Logits come at the input's size divided by this."""


def _unit(cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1,
          dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(cin, cout, kernel, stride, dilation * (kernel // 2), dilation, groups,
                  bias=False),
        nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class Separable(nn.Module):
    """Depthwise 3x3, then pointwise convolution; residual where the shape stays."""

    def __init__(self, cin: int, cout: int, stride: int = 1, dilation: int = 1) -> None:
        """Build it."""
        super().__init__()
        self.depthwise = _unit(cin, cin, 3, stride, cin, dilation)
        self.pointwise = _unit(cin, cout, 1)
        self.residual = cin == cout and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to (B, cout, H / stride, W / stride)."""
        y: Tensor = self.pointwise(self.depthwise(x))
        return x + y if self.residual else y


class TinySegmenter(nn.Module):
    """
    Encoder to stride 16 with a global context term, decoder back to stride 4.

    :param classes: C, number of pseudo-classes.
    :param width: channels at stride 2; the deeper ones grow in proportion (24: 0.2 M parameters).
    """

    stride = STRIDE
    output_stride = OUTPUT_STRIDE
    normalisation = 'per_image'

    def __init__(self, classes: int, width: int = 24) -> None:
        """Build it with random weights."""
        super().__init__()
        c2, c4, c8, c16 = width, width * 5 // 3, width * 3, width * 6
        self.at2 = _unit(3, c2, 3, stride=2)
        self.at4 = nn.Sequential(Separable(c2, c4, 2), Separable(c4, c4))
        self.at8 = nn.Sequential(Separable(c4, c8, 2), Separable(c8, c8), Separable(c8, c8))
        self.at16 = nn.Sequential(
            Separable(c8, c16, 2), *(Separable(c16, c16, 1, d) for d in (1, 2, 4, 1, 2)))
        self.context = nn.Conv2d(c16, c16, 1)
        self.skip8, self.lift8 = _unit(c8, c8, 1), _unit(c16, c8, 1)
        self.skip4, self.lift4 = _unit(c4, c4, 1), _unit(c8, c4, 1)
        self.refine8, self.refine4 = Separable(c8, c8), Separable(c4, c4)
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


def build(classes: int, width: int, seed: int) -> TinySegmenter:
    """Build a network whose random weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TinySegmenter(classes, width)
