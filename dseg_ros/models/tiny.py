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

from dseg_ros.models.pyramid import Pyramid, with_seed
from torch import nn, Tensor


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


class TinySegmenter(Pyramid):
    """
    A pyramid of depthwise convolutions.

    :param classes: C, number of pseudo-classes.
    :param width: channels at stride 2; the deeper ones grow in proportion (24: 0.2 M parameters).
    """

    def __init__(self, classes: int, width: int = 24) -> None:
        """Build it with random weights."""
        c2, c4, c8, c16 = width, width * 5 // 3, width * 3, width * 6
        encoder = (
            _unit(3, c2, 3, stride=2),
            nn.Sequential(Separable(c2, c4, 2), Separable(c4, c4)),
            nn.Sequential(Separable(c4, c8, 2), Separable(c8, c8), Separable(c8, c8)),
            nn.Sequential(Separable(c8, c16, 2),
                          *(Separable(c16, c16, 1, d) for d in (1, 2, 4, 1, 2))))
        super().__init__(classes, encoder, (c4, c8, c16), lambda cin, cout: _unit(
            cin, cout, 1), lambda c: Separable(c, c))


def build(classes: int, width: int, seed: int) -> Pyramid:
    """Build a network whose random weights depend on the seed alone."""
    return with_seed(seed, lambda: TinySegmenter(classes, width))
