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
The baseline without LiDAR: patches of whole images, described and clustered.

Our definition, made to show what the LiDAR brings: patches of 16 px at inference scale, described
by mean and deviation in CIELAB and a histogram of gradient directions (or by the patch tokens of
a backbone), standardised over the data set, k-means with as many clusters as the chain has
classes. Between the centres of patches distances are interpolated, so that borders are finer than
patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
from dseg_ros.pseudo.pseudo_classes import ClusterError
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

Floats = NDArray[np.float32]

PATCH_PX = 16
DIRECTIONS = 8
"""Bins of the gradient histogram, over half a turn."""

FEATURES = 2 * 3 + DIRECTIONS

_LEAST_DEVIATION = 1e-6


def describe_patches(rgb: NDArray[np.uint8], pixels: int) -> Floats:
    """
    Describe the patches of an image by colour, contrast and edges.

    :param rgb: (H, W, 3) uint8.
    :param pixels: the image is resized to about so many, its sides whole numbers of patches.
    :returns: (h, w, FEATURES) float32; lightness is relative to the image's mean and deviation.
    """
    scale = math.sqrt(pixels / (rgb.shape[0] * rgb.shape[1]))
    rows, columns = (max(1, round(side * scale / PATCH_PX)) for side in rgb.shape[:2])
    small = cv2.resize(rgb, (columns * PATCH_PX, rows * PATCH_PX), interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    lightness = lab[..., 0]
    lab[..., 0] = (lightness - lightness.mean()) / (lightness.std() + 1.0) * 20
    lab = lab / np.float32(20)
    by_patch = _patches(lab)                                       # (h, w, P, 3)
    mean, deviation = by_patch.mean(2), by_patch.std(2)
    return np.asarray(np.concatenate([mean, deviation, _edges(np.ascontiguousarray(lab[..., 0]))],
                                     axis=-1), np.float32)


def place(rows: int, columns: int) -> Floats:
    """Give the centres of patches, (h, w, 2) float32, -1..1 over the image."""
    y, x = ((np.arange(n) + 0.5) / n * 2 - 1 for n in (rows, columns))
    return np.asarray(np.stack(np.meshgrid(x, y), axis=-1), np.float32)


def _patches(channels: Floats) -> Floats:
    """Cut (H, W, F) into (h, w, PATCH_PX ** 2, F)."""
    rows, columns = (side // PATCH_PX for side in channels.shape[:2])
    cut = channels.reshape(rows, PATCH_PX, columns, PATCH_PX, -1).swapaxes(1, 2)
    return cut.reshape(rows, columns, PATCH_PX ** 2, -1)


def _edges(lightness: Floats) -> Floats:
    """Histogram gradient directions, (h, w, DIRECTIONS); the root of a patch's mean strength."""
    dx = cv2.Sobel(lightness, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(lightness, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(dx, dy)
    bins = (angle * (DIRECTIONS / math.pi)).astype(np.int64) % DIRECTIONS
    split = np.asarray(strength[..., None] * (bins[..., None] == np.arange(DIRECTIONS)),
                       np.float32)
    return np.asarray(np.sqrt(_patches(split).mean(2)), np.float32)


@dataclass(frozen=True, eq=False)
class PatchClasses:
    """
    Clusters of patches.

    :param centroids: (K, F) standardised.
    :param mean: (F,) of the features.
    :param scale: (F,) that a standardised feature was divided by.
    """

    centroids: Floats
    mean: Floats
    scale: Floats

    def predict(self, features: Floats, height: int, width: int) -> LabelMap:
        """
        Label an image.

        :param features: (h, w, F) of its patches.
        :param height: of the result [px].
        :param width: likewise.
        :returns: clusters, decided at a quarter of a patch; confidence tells how much nearer the
            nearest centroid is than the others (a softmax of squared distances).
        """
        x = (features - self.mean) / self.scale
        near = 2 * x @ self.centroids.T - (self.centroids ** 2).sum(1)       # (h, w, K)
        fine = tuple(n * 4 for n in near.shape[1::-1])
        near = np.stack([cv2.resize(np.ascontiguousarray(near[..., k]), fine)
                         for k in range(near.shape[2])], axis=-1)
        ids = near.argmax(2).astype(np.uint8)
        share = 1 / np.exp(near - near.max(2, keepdims=True)).sum(2)
        return LabelMap(*(np.asarray(cv2.resize(a, (width, height),
                                                interpolation=cv2.INTER_NEAREST), np.uint8)
                          for a in (ids, (share * 255).astype(np.uint8))))


def fit_patches(drives: Sequence[Floats], clusters: int, weight: Floats, inits: int,
                seed: int) -> PatchClasses:
    """
    Cluster patches with k-means.

    :param drives: (N, F) features of each drive; drives weigh alike.
    :param clusters: K.
    :param weight: (F,) what a standardised feature counts.
    :param inits: starts of k-means.
    :param seed: of k-means.
    :raises ClusterError: if there are fewer patches than clusters.
    """
    features = np.concatenate(drives) if drives else np.zeros((0, len(weight)), np.float32)
    if len(features) < clusters:
        raise ClusterError(f'{len(features)} image patches for {clusters} clusters')
    share = np.concatenate([np.full(len(d), 1 / max(len(d), 1)) for d in drives])
    mean = np.average(features, axis=0, weights=share)
    deviation = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=share))
    deviation[deviation < _LEAST_DEVIATION] = 1.0
    scale = deviation / np.maximum(weight, _LEAST_DEVIATION)
    means = KMeans(clusters, n_init=inits, random_state=seed)
    means.fit((features - mean) / scale, sample_weight=share * len(features) / len(drives))
    return PatchClasses(*(np.asarray(a, np.float32)
                          for a in (means.cluster_centers_, mean, scale)))
