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

"""The Cityscapes training classes, and how classes are coloured."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SemanticClass:
    """A class with the colour that people know it by."""

    name: str
    rgb: tuple[int, int, int]


CITYSCAPES_19: tuple[SemanticClass, ...] = tuple(SemanticClass(*c) for c in (
    ('road', (128, 64, 128)), ('sidewalk', (244, 35, 232)), ('building', (70, 70, 70)),
    ('wall', (102, 102, 156)), ('fence', (190, 153, 153)), ('pole', (153, 153, 153)),
    ('traffic light', (250, 170, 30)), ('traffic sign', (220, 220, 0)),
    ('vegetation', (107, 142, 35)), ('terrain', (152, 251, 152)), ('sky', (70, 130, 180)),
    ('person', (220, 20, 60)), ('rider', (255, 0, 0)), ('car', (0, 0, 142)),
    ('truck', (0, 0, 70)), ('bus', (0, 60, 100)), ('train', (0, 80, 100)),
    ('motorcycle', (0, 0, 230)), ('bicycle', (119, 11, 32))))
"""Index = trainId (Cordts et al., The Cityscapes Dataset, CVPR 2016)."""

TRAIN_ID: dict[str, int] = {c.name: i for i, c in enumerate(CITYSCAPES_19)}


def distinct_palette(count: int) -> NDArray[np.uint8]:
    """
    Colours that stay apart, for proposals and pseudo-classes without a known colour.

    :param count: how many.
    :returns: (count, 3) uint8 RGB; golden-angle hues, so a longer palette extends a shorter one.
    """
    hues = (np.arange(count) * 0.6180339887) % 1.0
    tints = [colorsys.hsv_to_rgb(h, (0.9, 0.6)[i % 2], (1.0, 0.8)[i // 2 % 2])
             for i, h in enumerate(hues)]
    return (np.asarray(tints).reshape(count, 3) * 255).astype(np.uint8)
