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

"""The first three principal components of features as red, green and blue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dseg_ros.evaluation.features import FeatureError, Floats
import numpy as np
from numpy.typing import NDArray

_COLOURS = 3
_CLIP_PERCENT = 1.0


@dataclass(frozen=True, eq=False)
class Projection:
    """
    From features to colours.

    :param mean: (D,) of the features.
    :param axes: (3, D) directions of the greatest variance, greatest first.
    :param low: (3,) what becomes 0.
    :param high: (3,) what becomes 255.
    :param explained: (3,) share of the variance that each axis holds.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    explained: NDArray[np.float64]

    def picture(self, features: Floats) -> NDArray[np.uint8]:
        """Colour features (h, w, D): (h, w, 3) uint8."""
        along = (features - self.mean) @ self.axes.T
        share = (along - self.low) / np.maximum(self.high - self.low, 1e-12)
        return np.asarray(np.clip(share * 255, 0, 255).round(), np.uint8)


def fit_colours(features: Sequence[Floats]) -> Projection:
    """
    Find the principal components of several images together.

    Signs are fixed so that the largest entry of an axis is positive: equal features give equal
    pictures. The outermost percent of all cells at either end is clipped.

    :param features: (h, w, D) of each image.
    :raises FeatureError: for no images, fewer than three channels or fewer than three cells.
    """
    if not features:
        raise FeatureError('no images to find principal components in')
    flat = np.concatenate([f.reshape(-1, f.shape[-1]) for f in features]).astype(np.float64)
    cells, channels = flat.shape
    if min(cells, channels) < _COLOURS:
        raise FeatureError(f'{cells} cells of {channels} channels: three principal components '
                           'need three of each')
    mean = flat.mean(axis=0)
    variance, directions = np.linalg.eigh(np.cov(flat - mean, rowvar=False))
    axes = directions[:, ::-1][:, :_COLOURS].T
    largest = axes[np.arange(_COLOURS), np.abs(axes).argmax(axis=1)]
    axes = axes * np.where(largest < 0, -1.0, 1.0)[:, None]
    low, high = np.percentile((flat - mean) @ axes.T, [_CLIP_PERCENT, 100 - _CLIP_PERCENT],
                              axis=0)
    explained = variance[::-1][:_COLOURS] / max(float(variance.sum()), 1e-12)
    return Projection(mean, axes, low, high, explained)
