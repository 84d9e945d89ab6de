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

"""Inference by overlapping windows whose logits are averaged, as Drive&Segment evaluates."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

WINDOW_PX = 512
STEP_PX = 128
_MULTIPLE = 16


def slide(network: Callable[[Tensor], Tensor], pixels: Tensor, window_px: int = WINDOW_PX,
          step_px: int = STEP_PX, batch: int = 8) -> Tensor:
    """
    Run a network over windows of one image and average their logits.

    The last window of a row or column ends at the image's border. A side shorter than the window
    takes one window of its own length; it is padded with zeros to a multiple of 16 (our choice).

    :param network: maps (B, 3, h, w) to logits (B, K, h, w).
    :param pixels: (1, 3, H, W) float, normalised.
    :param window_px: side of a window [px], a multiple of 16.
    :param step_px: from one window to the next [px].
    :param batch: windows at once.
    :returns: (1, K, H, W) float32.
    :raises ValueError: for sizes that cannot be.
    """
    if window_px <= 0 or window_px % _MULTIPLE:
        raise ValueError(f'window of {window_px} px: not a positive multiple of {_MULTIPLE}')
    if not (0 < step_px <= window_px and batch > 0 and len(pixels) == 1):
        raise ValueError(f'step of {step_px} px, batch of {batch}, {len(pixels)} images: not a '
                         f'step of 1..{window_px} px, a batch and one image')
    height, width = int(pixels.shape[2]), int(pixels.shape[3])
    padded = functional.pad(pixels, (0, _missing(width, window_px), 0,
                                     _missing(height, window_px)))
    sides = [min(window_px, int(n)) for n in padded.shape[2:]]
    corners = [(y, x) for y in starts(int(padded.shape[2]), sides[0], step_px)
               for x in starts(int(padded.shape[3]), sides[1], step_px)]
    total = pixels.new_zeros(())
    count = torch.zeros(padded.shape[2:], device=pixels.device)
    for i in range(0, len(corners), batch):
        some = corners[i:i + batch]
        cut = torch.cat([padded[:, :, y:y + sides[0], x:x + sides[1]] for y, x in some])
        logits = network(cut).float()
        if i == 0:
            total = logits.new_zeros((logits.shape[1], *padded.shape[2:]))
        for (y, x), one in zip(some, logits):
            total[:, y:y + sides[0], x:x + sides[1]] += one
            count[y:y + sides[0], x:x + sides[1]] += 1
    return (total / count)[None, :, :height, :width]


def starts(length_px: int, window_px: int, step_px: int) -> list[int]:
    """List where windows begin so that the last one ends at the border [px]."""
    last = length_px - window_px
    return sorted({*range(0, last, step_px), last})


def _missing(length_px: int, window_px: int) -> int:
    """Count the pixels that a side lacks to be a multiple of 16; whole windows need none."""
    return 0 if length_px >= window_px else -length_px % _MULTIPLE
