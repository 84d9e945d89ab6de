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

from dseg_ros.models.pyramid import Pyramid, with_seed
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


class ResidualSegmenter(Pyramid):
    """
    A pyramid of residual blocks.

    :param classes: C, number of pseudo-classes.
    :param width: channels at stride 2; they double with the stride.
    """

    def __init__(self, classes: int, width: int = 24) -> None:
        """Build it with random weights."""
        c2, c4, c8, c16 = width, 2 * width, 4 * width, 8 * width
        encoder = (
            nn.Sequential(_conv(3, c2, 3, 2), nn.ReLU()),
            nn.Sequential(Residual(c2, c4, 2), Residual(c4, c4)),
            nn.Sequential(Residual(c4, c8, 2), Residual(c8, c8)),
            nn.Sequential(Residual(c8, c16, 2), Residual(c16, c16, 1, 2),
                          Residual(c16, c16, 1, 4)))
        super().__init__(classes, encoder, (c4, c8, c16), lambda cin, cout: _conv(
            cin, cout, 1), lambda c: Residual(c, c))


def build(classes: int, width: int, seed: int) -> Pyramid:
    """Build a network whose random weights depend on the seed alone."""
    return with_seed(seed, lambda: ResidualSegmenter(classes, width))
