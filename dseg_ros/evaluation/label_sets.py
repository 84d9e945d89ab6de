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

"""Class lists of benchmarks, and how their files write ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dseg_ros.classes import CITYSCAPES_19, SemanticClass
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray


class LabelError(ValueError):
    """Ground truth that holds a value without meaning; the message names it."""


@dataclass(frozen=True)
class LabelSet:
    """
    The classes that a benchmark is scored with, and the pixel values that stand for them.

    :param name: for people.
    :param classes: index = class id.
    :param values: pixel value to class id or UNLABELLED; a colour is the value 0xRRGGBB.
    :param in_colour: ground truth is (H, W, 3) RGB, not (H, W).
    """

    name: str
    classes: tuple[SemanticClass, ...]
    values: Mapping[int, int]
    in_colour: bool = False

    @cached_property
    def _table(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        keys = sorted(self.values)
        return np.array(keys), np.array([self.values[key] for key in keys], np.uint8)

    def decode(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """
        Read ground truth.

        :param pixels: (H, W), or (H, W, 3) RGB where ground truth is coloured; uint8.
        :returns: (H, W) uint8 class ids, UNLABELLED where there is none.
        :raises LabelError: for another shape, or a value that the benchmark does not have.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 2 + self.in_colour:
            raise LabelError(f'ground truth is {pixels.shape} {pixels.dtype}, not '
                             f'(H, W{", 3" if self.in_colour else ""}) uint8')
        keys, ids = self._table
        written = pixels if not self.in_colour else pixels.astype(np.int64) @ (65536, 256, 1)
        at = np.minimum(np.searchsorted(keys, written), len(keys) - 1)
        unknown = written[keys[at] != written]
        if unknown.size:
            value = f'colour #{unknown[0]:06x}' if self.in_colour else f'id {unknown[0]}'
            raise LabelError(f'unknown {value} in {unknown.size} pixels of the ground truth; '
                             f'{self.name} has no such value')
        decoded: NDArray[np.uint8] = ids[at]
        return decoded


_CITYSCAPES_27 = (
    'road', 'sidewalk', 'parking', 'rail track', 'building', 'wall', 'fence', 'guard rail',
    'bridge', 'tunnel', 'pole', 'polegroup', 'traffic light', 'traffic sign', 'vegetation',
    'terrain', 'sky', 'person', 'rider', 'car', 'truck', 'bus', 'caravan', 'trailer', 'train',
    'motorcycle', 'bicycle')
_ONLY_IN_27 = {
    'parking': (250, 170, 160), 'rail track': (230, 150, 140), 'guard rail': (180, 165, 180),
    'bridge': (150, 100, 100), 'tunnel': (150, 120, 90), 'polegroup': (153, 153, 153),
    'caravan': (0, 0, 90), 'trailer': (0, 0, 110)}
CITYSCAPES_27 = tuple(SemanticClass(n, {
    **_ONLY_IN_27, **{c.name: c.rgb for c in CITYSCAPES_19}}[n]) for n in _CITYSCAPES_27)
"""Index = Cityscapes id - 7 (unsupervised segmentation is scored with these)."""

_FIRST_ID, _LAST_ID = 7, 33
_VOID = {**dict.fromkeys(range(_FIRST_ID), UNLABELLED), UNLABELLED: UNLABELLED}

IDS_AS_27 = LabelSet('Cityscapes, 27 classes', CITYSCAPES_27, {
    **_VOID, **{i: i - _FIRST_ID for i in range(_FIRST_ID, _LAST_ID + 1)}})
"""Files hold Cityscapes ids."""

_OF_NAME = {c.name: i for i, c in enumerate(CITYSCAPES_19)}
IDS_AS_19 = LabelSet('Cityscapes, 19 classes', CITYSCAPES_19, {
    **_VOID, **{i + _FIRST_ID: _OF_NAME.get(name, UNLABELLED)
                for i, name in enumerate(_CITYSCAPES_27)}})
"""Files hold Cityscapes ids; those that are not trained with are left out."""

TRAIN_IDS = LabelSet('Cityscapes, 19 classes', CITYSCAPES_19, {
    **{i: i for i in range(len(CITYSCAPES_19))}, UNLABELLED: UNLABELLED})
"""Files hold trainIds."""

_CAMVID: tuple[tuple[str, tuple[int, ...]], ...] = (
    ('sky', (0x808080,)),
    ('building', (0x800000, 0xc00080, 0x008040, 0x400040, 0x40c000)),
    ('pole', (0xc0c080, 0x000040)),
    ('road', (0x804080, 0x8000c0, 0xc00040)),
    ('pavement', (0x0000c0, 0x40c080, 0x8080c0)),
    ('tree', (0x808000, 0xc0c000)),
    ('sign', (0xc08080, 0x808040, 0x004040)),
    ('fence', (0x404080,)),
    ('car', (0x400080, 0x4080c0, 0xc080c0, 0xc04080, 0x804040)),
    ('pedestrian', (0x404000, 0xc08040, 0x4000c0, 0x408040)),
    ('bicyclist', (0x0080c0, 0xc000c0)))
"""The 11 classes that CamVid is mostly scored with: each with its own colour first, then the
others of the 32 labels that belong to it (archway, bridge, tunnel, wall to building, and so on;
Brostow et al., Pattern Recognition Letters 2009, grouped as by SegNet)."""

CAMVID_11 = tuple(SemanticClass(name, (c[0] >> 16, c[0] >> 8 & 255, c[0] & 255))
                  for name, c in _CAMVID)
CAMVID_COLOURS = LabelSet('CamVid, 11 classes', CAMVID_11, {
    0: UNLABELLED, **{c: i for i, (_, colours) in enumerate(_CAMVID) for c in colours}}, True)
"""Files as published: coloured, 32 labels."""

CAMVID_IDS = LabelSet('CamVid, 11 classes', CAMVID_11, {
    **{i: i for i in range(len(CAMVID_11))}, len(CAMVID_11): UNLABELLED})
"""Files of the SegNet edition: class ids, 11 = void."""
