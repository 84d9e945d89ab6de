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
"""Segmenter up to its masks at one value per patch, in a form that traces for every size."""

from __future__ import annotations

from dseg_ros.models.segmenter import Segmenter, STRIDE
import onnx
import torch
from torch import nn, Tensor
from torch.nn import functional

_CUBIC_A = -0.5
"""Coefficient of torch's bicubic kernel where it is antialiased."""


def _resized(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a position embedding (1, width, g, g) as timm does in training."""
    return functional.interpolate(grid, size=size, mode='bicubic', antialias=True,
                                  align_corners=False)


class ResizedLike(nn.Module):
    """
    `_resized` to the size of another tensor, in operators that every inference library has.

    What is resized along an axis is a weighted mean over it: a product with a matrix. ONNX has
    an operator for it, but TensorRT does not know that one.
    """

    def forward(self, grid: Tensor, like: Tensor) -> Tensor:
        """Resize (1, width, g, g) to the last two sides of `like`."""
        rows = _cubic_weights(like.shape[2], grid.shape[2])
        columns = _cubic_weights(like.shape[3], grid.shape[3])
        return rows @ grid @ columns.T


def _cubic_weights(count: int, size: int) -> Tensor:
    """
    Compute how much each of the old places counts at each of the new ones.

    :param count: of new places; free while tracing.
    :param size: of old places.
    :returns: (count, size) float32; rows sum to 1.
    """
    new, old = torch.arange(count), torch.arange(size)
    number = new[-1] + 1                  # count as a tensor, so that it stays free
    away = (2 * new[:, None] + 1) * size - (2 * old + 1) * number   # whole numbers: exact
    x = away.abs().float() / (2 * torch.clamp(number, min=size)).float()
    a = _CUBIC_A
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    weights = torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
    return weights / weights.sum(1, keepdim=True)


class Patches(nn.Module):
    """
    Segmenter without its enlargement.

    :param segmenter: the network.
    :param size: (h, w) of all inputs [px]: their position embedding becomes a constant, which
        every inference library understands. None: it is interpolated in the graph.
    """

    def __init__(self, segmenter: Segmenter, size: tuple[int, int] | None) -> None:
        """Borrow the network's parts."""
        super().__init__()
        self.encoder, self.decoder = segmenter.encoder, segmenter.decoder
        embedding, token = segmenter.encoder.pos_embed, segmenter.encoder.cls_token
        assert embedding is not None and token is not None
        before = segmenter.encoder.num_prefix_tokens
        height, width = segmenter.encoder.patch_embed.grid_size
        self.prefix = nn.Parameter(token.detach() + embedding[:, :before].detach())
        grid = embedding[:, before:].detach().reshape(1, height, width, -1).permute(0, 3, 1, 2)
        self.fixed = size is not None
        if size is not None:
            grid = _resized(grid, (size[0] // STRIDE, size[1] // STRIDE))
        self.grid = nn.Parameter(grid)
        self.embedding = ResizedLike()

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (N, 3, h, w) to masks (N, K, h / STRIDE, w / STRIDE)."""
        x = self.encoder.patch_embed(pixels).permute(0, 3, 1, 2)         # (N, width, h', w')
        height, width = x.shape[2], x.shape[3]
        x = x + (self.grid if self.fixed else self.embedding(self.grid, x))
        prefix = self.prefix.expand(x.shape[0], -1, -1)
        x = torch.cat([prefix, x.flatten(2).transpose(1, 2)], 1)         # (N, 1 + h'w', width)
        for block in self.encoder.blocks:
            x = block(x)
        x = self.encoder.norm(x)
        masks = self.decoder(x[:, self.prefix.shape[1]:])                # (N, h'w', K)
        coarse: Tensor = masks.transpose(1, 2).reshape(-1, masks.shape[2], height, width)
        return coarse


def position_nodes(traced: onnx.ModelProto) -> list[str]:
    """
    Name the nodes that interpolate a position embedding in a traced `Patches`.

    They run once per image, and the weights of a cubic kernel are small differences of places:
    what lowers precision leaves them alone.
    """
    return [node.name for node in traced.graph.node if node.name.startswith('/embedding/')]
