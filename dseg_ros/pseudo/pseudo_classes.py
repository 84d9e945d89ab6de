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
Pseudo-classes: k-means over all that a data set's LiDAR saw, ground and the rest apart.

The paper clusters [CLS] features of masked crops, k = 30, id 0 = ground. Here (our choice) the
elements are voxels and ground cells, every drive and every component weighs about the same, and
small things take one class by vote. What lies between two clusters is noise and stays unlabelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dseg_ros.classes import distinct_palette
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.pseudo.clusters import ClusterError, Clusters, fit, NOISE
from dseg_ros.pseudo.geometry_features import Elements, NONE
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray

__all__ = ['ClusterError', 'Clusters', 'element_weights', 'fit', 'palette', 'PseudoClasses',
           'vote']

Floats = NDArray[np.float32]


def element_weights(elements: Elements, power: float) -> Floats:
    """Weigh elements by their component's size to the minus `power`."""
    size = np.bincount(elements.component)[elements.component] if len(
        elements.component) else np.zeros(0)
    return np.asarray(np.maximum(size, 1) ** -power, np.float32)


@dataclass(frozen=True, eq=False)
class PseudoClasses:
    """
    The classes of a data set: ids 0.. are ground, then objects, then the sky if there is one.

    :param ground: clusters of ground cells.
    :param objects: clusters of voxels.
    :param sky: whether the last id is the sky.
    """

    ground: Clusters
    objects: Clusters
    sky: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Name every class: nobody told us what they are."""
        return (*(f'ground_{i}' for i in range(len(self.ground.centroids))),
                *(f'object_{i}' for i in range(len(self.objects.centroids))),
                *(('sky',) if self.sky else ()))

    @property
    def sky_id(self) -> int | None:
        """Id of the sky."""
        return len(self.names) - 1 if self.sky else None

    def label(self, voxels: Elements, cells: Elements,
              config: ClusterConfig) -> NDArray[np.uint8]:
        """
        Give every point of a cloud its pseudo-class.

        :param voxels: what is not ground.
        :param cells: ground.
        :param config: when components vote.
        :returns: (N,) uint8, UNLABELLED where a point is not described or noise.
        """
        labels = np.full(len(voxels.of_point), UNLABELLED, np.uint8)
        grounds = len(self.ground.centroids)
        for elements, clusters, first in ((cells, self.ground, 0),
                                          (voxels, self.objects, grounds)):
            if len(elements.features):
                classes = clusters.assign_sure(elements.features)
                if first:
                    classes = vote(classes, elements, config)
                chosen = elements.of_point != NONE
                ids = np.where(classes == NOISE, UNLABELLED, first + classes).astype(np.uint8)
                labels[chosen] = ids[elements.of_point[chosen]]
        return labels


def vote(classes: NDArray[np.int64], elements: Elements,
         config: ClusterConfig) -> NDArray[np.int64]:
    """
    Let small components take one class: that of most of their points, be it noise.

    :param classes: (E,) class per voxel, or NOISE.
    :param elements: the voxels.
    :param config: how large a component may be.
    """
    small = (elements.long_m < config.vote_length_m) & (elements.top_m < config.vote_height_m)
    candidate = classes - NOISE                                  # 0 is noise
    count = int(candidate.max()) + 1
    flat = elements.component * count + candidate
    votes = np.bincount(flat, elements.points, (int(elements.component.max()) + 1) * count)
    winner = votes.reshape(-1, count).argmax(1) + NOISE
    return np.asarray(np.where(small, winner[elements.component], classes), np.int64)


SKY_RGB = (70, 130, 180)


def palette(names: Sequence[str]) -> NDArray[np.uint8]:
    """Colour classes for people: grounds grey-violet, sky blue, the rest apart from all these."""
    candidates = distinct_palette(2 * len(names))
    unlike_sky = np.abs(candidates.astype(int) - np.asarray(SKY_RGB)).sum(1) > 190
    colours: NDArray[np.uint8] = candidates[unlike_sky][:len(names)]
    for i, name in enumerate(names):
        if name.startswith('ground'):
            shade = 90 + 45 * int(name.rpartition('_')[2])
            colours[i] = (min(shade + 20, 255), min(shade, 255), min(shade + 20, 255))
        elif name == 'sky':
            colours[i] = SKY_RGB
    return colours
