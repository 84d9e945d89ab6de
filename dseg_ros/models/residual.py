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
A small residual encoder-decoder of dense 3x3 convolutions, trained from scratch (our choice).

At width 24 2 M parameters: several times the computations of the tiny network, on matrix units
hardly more time to train, but too slow for a vehicle without a GPU.
"""

from __future__ import annotations

from dseg_ros.models.tiny import OUTPUT_STRIDE, STRIDE
import torch
from torch import nn, Tensor


def _conv(cin: int, cout: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(cin, cout, kernel, stride, dilation * (kernel // 2), dilation, bias=False),
        nn.BatchNorm2d(cout))


class Residual(nn.Module):
    """Two 3x3 convolutions beside a short cut (He et al., CVPR 2016)."""

    def __init__(self, cin: int, cout: int, stride: int = 1, dilation: int = 1) -> None:
        """Build it."""
        super().__init__()
        self.first = _conv(cin, cout, 3, stride)
        self.second = _conv(cout, cout, 3, 1, dilation)
        self.short = nn.Identity() if cin == cout and stride == 1 else _conv(cin, cout, 1, stride)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to (B, cout, H / stride, W / stride)."""
        y: Tensor = self.act(self.second(self.act(self.first(x))) + self.short(x))
        return y


class ResidualSegmenter(nn.Module):
    """
    Encoder to stride 16 with a global context term, decoder back to stride 4.

    :param classes: C, number of pseudo-classes.
    :param width: channels at stride 2; they double with the stride.
    """

    stride = STRIDE
    output_stride = OUTPUT_STRIDE
    normalisation = 'per_image'

    def __init__(self, classes: int, width: int = 24) -> None:
        """Build it with random weights."""
        super().__init__()
        c2, c4, c8, c16 = width, 2 * width, 4 * width, 8 * width
        self.at2 = nn.Sequential(_conv(3, c2, 3, 2), nn.ReLU())
        self.at4 = nn.Sequential(Residual(c2, c4, 2), Residual(c4, c4))
        self.at8 = nn.Sequential(Residual(c4, c8, 2), Residual(c8, c8))
        self.at16 = nn.Sequential(Residual(c8, c16, 2), Residual(c16, c16, 1, 2),
                                  Residual(c16, c16, 1, 4))
        self.context = nn.Conv2d(c16, c16, 1)
        self.skip8, self.lift8 = _conv(c8, c8, 1), _conv(c16, c8, 1)
        self.skip4, self.lift4 = _conv(c4, c4, 1), _conv(c8, c4, 1)
        self.refine8, self.refine4 = Residual(c8, c8), Residual(c4, c4)
        self.enlarge = nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False)
        self.head = nn.Conv2d(c4, classes, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """
        Compute logits.

        :param pixels: (B, 3, H, W) float, normalised; H and W multiples of stride.
        :returns: (B, C, H / output_stride, W / output_stride).
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


def build(classes: int, width: int, seed: int) -> ResidualSegmenter:
    """Build a network whose random weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResidualSegmenter(classes, width)
