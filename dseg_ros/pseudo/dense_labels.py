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
From a teacher's probabilities to dense labels, held against what the LiDAR saw.

The paper refines the teacher's prediction with the geometry of the point cloud and lets it
supervise the student over the whole image; it does not say how. Our choice: the teacher's
probabilities are averaged half and half with their means over SLIC superpixels, the labels that
came from the LiDAR can be mixed in, a proposal takes the class of its mean, ground takes classes
of ground, and what stays well below the best of its class in the image is left unlabelled.
"""

from __future__ import annotations

from dseg_ros.config.student import RefineConfig
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import slic

Floats = NDArray[np.float32]


def dense_labels(rgb: NDArray[np.uint8], probability: Floats, partial: NDArray[np.uint8],
                 segments: NDArray[np.int32], grounds: int,
                 config: RefineConfig) -> NDArray[np.uint8]:
    """
    Label every pixel that the teacher, the image and the LiDAR agree enough about.

    :param rgb: (H, W, 3) uint8.
    :param probability: (H, W, C) float32 of the teacher.
    :param partial: (H, W) uint8 labels from the LiDAR, UNLABELLED elsewhere.
    :param segments: (H, W) int32: 1.. proposals that hold one thing, 0 ground, -1 neither.
    :param grounds: the first so many classes are ground.
    :param config: the recipe.
    :returns: (H, W) uint8, UNLABELLED where the score is too low.
    """
    score = _with_superpixels(rgb, probability, config)
    known = partial != UNLABELLED
    score[known] *= 1 - config.lidar_share
    score[known, partial[known]] += config.lidar_share
    if config.proposals:
        things = segments > 0
        score[things] = segment_means(score[things], segments[things])
        score[segments == 0, grounds:] = 0.0
    labels = np.asarray(score.argmax(2), np.uint8)
    best = np.take_along_axis(score, labels[..., None].astype(np.int64), 2)[..., 0]
    labels[best < _thresholds(labels, best, score.shape[2], config)[labels]] = UNLABELLED
    return labels


def segment_means(values: Floats, segment: NDArray[np.int64] | NDArray[np.int32]) -> Floats:
    """
    Replace values by the means of their segments.

    :param values: (N, C) float32.
    :param segment: (N,) integers from 0.
    """
    if not len(values):
        return values
    size = np.maximum(np.bincount(segment), 1)
    means = [np.bincount(segment, column) / size for column in values.T]
    return np.asarray(np.stack(means, 1).astype(np.float32)[segment])


def _with_superpixels(rgb: NDArray[np.uint8], probability: Floats, config: RefineConfig) -> Floats:
    if not config.superpixels or not config.superpixel_share:
        return probability.copy()
    pieces = slic(rgb, config.superpixels, config.compactness, max_num_iter=5, start_label=0)
    flat = probability.reshape(-1, probability.shape[2])
    mean = segment_means(flat, pieces.ravel()).reshape(probability.shape)
    share = np.float32(config.superpixel_share)
    return np.asarray((1 - share) * probability + share * mean)


def _thresholds(labels: NDArray[np.uint8], best: Floats, classes: int,
                config: RefineConfig) -> Floats:
    """Find the score (C,) below which a class is not believed in this image."""
    limit = np.zeros(classes, np.float32)
    for k in np.unique(labels):
        limit[k] = np.percentile(best[labels == k], config.reach_percentile) * config.threshold
    return limit
