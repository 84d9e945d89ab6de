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

"""Masks made visible."""

from __future__ import annotations

from dseg_ros.types import UNLABELLED
from numba import njit
import numpy as np
from numpy.typing import NDArray


def full_palette(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Extend a palette to every value that a mask can hold; what has no class is black.

    :param palette: (C, 3) uint8 RGB per class id.
    :returns: (256, 3) uint8.
    """
    full = np.zeros((256, 3), np.uint8)
    full[:len(palette)] = palette
    return full


def coloured(ids: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Colour a mask by class.

    :param ids: (H, W) uint8.
    :param palette: (256, 3) uint8 RGB.
    :returns: (H, W, 3) uint8 RGB.
    """
    return overlay(np.zeros((*ids.shape, 3), np.uint8), ids, palette, 1.0)


def overlay(rgb: NDArray[np.uint8], ids: NDArray[np.uint8], palette: NDArray[np.uint8],
            opacity: float) -> NDArray[np.uint8]:
    """
    Lay a mask over its image; where it is UNLABELLED the image stays as it is.

    :param rgb: (H, W, 3) uint8.
    :param ids: (H, W) uint8.
    :param palette: (256, 3) uint8 RGB.
    :param opacity: weight of the class colour, 0..1.
    :returns: (H, W, 3) uint8 RGB.
    :raises ValueError: if image and mask differ in size.
    """
    if rgb.shape != (*ids.shape, 3):
        raise ValueError(f'image is {rgb.shape}, its mask {ids.shape}')
    out = np.empty(rgb.shape, np.uint8)
    share = np.full((256, 1), round(opacity * 256), np.uint16)
    share[UNLABELLED] = 0
    _blend(np.ascontiguousarray(rgb).reshape(-1), np.ascontiguousarray(ids).reshape(-1),
           (palette * share).reshape(-1), (256 - share).reshape(-1), out.reshape(-1))
    return out


@njit(nogil=True, cache=True)
def _blend(rgb, ids, tint, keep, out):  # type: ignore[no-untyped-def]
    """Mix by class: out = (rgb * keep[class] + tint[class]) / 256, all arrays flat."""
    for i in range(ids.size):
        value = ids[i]
        weight = keep[value]
        out[3 * i] = (rgb[3 * i] * weight + tint[3 * value]) >> 8
        out[3 * i + 1] = (rgb[3 * i + 1] * weight + tint[3 * value + 1]) >> 8
        out[3 * i + 2] = (rgb[3 * i + 2] * weight + tint[3 * value + 2]) >> 8
