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

"""A picture of images, predictions and the principal components of features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
from dseg_ros.dataset.show import choose
from dseg_ros.dataset.store import Dataset
from dseg_ros.evaluation.benchmarks import read_image
from dseg_ros.evaluation.features import FeatureError, Floats, RunDescriber
from dseg_ros.evaluation.pca import fit_colours
from dseg_ros.painting import coloured, full_palette
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
_WIDTH_PX = 480
_GAP_PX = 6


def image_files(paths: Sequence[Path]) -> list[Rgb]:
    """
    Read image files.

    :raises BenchmarkError: for a missing or damaged one.
    """
    return [read_image(path) for path in paths]


def images_of(data: Path, samples: int) -> list[Rgb]:
    """
    Read some images of a data set, spread over its drives.

    :param data: the data set.
    :param samples: how many samples; all their cameras are taken.
    """
    dataset = Dataset(data)
    return [view.image.rgb for key in choose(dataset, samples)
            for view in dataset[key].frame().views]


def write_sheet(run: Path, images: Sequence[Rgb], out: Path,
                progress: Callable[[int, int], None]) -> Path:
    """
    Draw a row per image: itself, what the network predicts, its features.

    :param run: folder of a finished training.
    :param images: (H, W, 3) uint8 each.
    :param out: the picture.
    :param progress: called with images done and in all.
    :raises FeatureError: for no images, or a picture that cannot be written.
    """
    network = RunDescriber(run)
    palette = full_palette(np.array(network.made_of.palette, np.uint8))
    seen: list[tuple[Rgb, Rgb, Floats]] = []
    for i, rgb in enumerate(images):
        features, probability = network.both(rgb)
        mask = coloured(probability.argmax(axis=2).astype(np.uint8), palette)
        seen.append((_small(rgb, cv2.INTER_AREA), _small(mask, cv2.INTER_NEAREST), features))
        progress(i + 1, len(images))
    colours = fit_colours([features for _, _, features in seen])
    rows = []
    for rgb, mask, features in seen:
        pca = cv2.resize(colours.picture(features), (rgb.shape[1], rgb.shape[0]),
                         interpolation=cv2.INTER_LINEAR)
        row = np.full((rgb.shape[0] + _GAP_PX, 3 * (_WIDTH_PX + _GAP_PX), 3), 255, np.uint8)
        for i, part in enumerate((rgb, mask, pca)):
            left = i * (_WIDTH_PX + _GAP_PX)
            row[:rgb.shape[0], left:left + _WIDTH_PX] = part
        rows.append(row)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        written = cv2.imwrite(str(out), np.concatenate(rows)[..., ::-1])
    except cv2.error:
        written = False
    if not written:
        raise FeatureError(f'{out}: cannot be written as a picture')
    return out


def _small(rgb: Rgb, how: int) -> Rgb:
    height = max(1, round(_WIDTH_PX * rgb.shape[0] / rgb.shape[1]))
    return np.asarray(cv2.resize(rgb, (_WIDTH_PX, height), interpolation=how), np.uint8)
