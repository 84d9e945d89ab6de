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

"""Images on which an exported model is compared with torch, and those that calibrate int8."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
from dseg_ros.dataset.store import Dataset
from dseg_ros.runtime.engine import ModelInfo
from dseg_ros.runtime.export.parity import ExportError
from dseg_ros.runtime.pictures import blobs
import numpy as np
from numpy.typing import NDArray

_COMPARED = 4
_SIZES = ((270, 480), (375, 1242), (480, 360), (97, 131))
"""Of the pictures for a model that takes any size [px]: shapes of cameras, and an odd one."""


def to_compare(info: ModelInfo, data: Path | None) -> list[NDArray[np.uint8]]:
    """
    Give images to compare with, of the size that the model takes.

    :param info: the model's metadata.
    :param data: a data set whose images are taken, resized where need be; None: coloured blobs.
    :raises DatasetError: if the data set cannot be read.
    :raises ExportError: if it holds no image.
    """
    if data is None:
        fixed = _fixed_size(info)
        return [blobs(*(fixed or size), seed) for seed, size in enumerate(_SIZES)]
    dataset = Dataset(data)
    images = list(_images(info, dataset, _spread(dataset.keys(), _COMPARED)))
    if not images:
        raise ExportError(f'{data}: no image to compare with')
    return images


def to_calibrate(info: ModelInfo, data: Path, count: int) -> Iterator[NDArray[np.uint8]]:
    """
    Give images that tell what values are usual, but those to compare with, where there are more.

    :param info: the model's metadata.
    :param data: a data set, of which all cameras are taken in turns.
    :param count: how many, at most; spread over the data set.
    :raises DatasetError: if the data set cannot be read.
    """
    dataset = Dataset(data)
    keys = dataset.keys()
    compared = set(_spread(keys, _COMPARED))
    others = [key for key in keys if key not in compared]
    return _images(info, dataset, _spread(others or keys, count))


def _spread(keys: Sequence[str], count: int) -> Sequence[str]:
    """Choose from all over them, from the first on."""
    chosen = min(count, len(keys))
    return [keys[i * len(keys) // chosen] for i in range(chosen)]


def _images(info: ModelInfo, dataset: Dataset, keys: Sequence[str]
            ) -> Iterator[NDArray[np.uint8]]:
    fixed = _fixed_size(info)
    for number, key in enumerate(keys):
        views = dataset[key].frame().views
        if not views:
            continue
        rgb = views[number % len(views)].image.rgb
        if fixed is not None and rgb.shape[:2] != fixed:
            rgb = np.asarray(cv2.resize(rgb, fixed[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        yield rgb


def _fixed_size(info: ModelInfo) -> tuple[int, int] | None:
    return (info.input_height, info.input_width) if info.input_height else None
