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
Fewer pseudo-classes: those that are alike become one, without a look at any ground truth.

Our choice: agglomerative, greedy; two classes are alike if their centroids are near and if a
teacher, trained on them, takes one for the other. Ground, objects and sky are never merged with
one another: geometry tells them apart better than either.
"""

from __future__ import annotations

from collections.abc import Sequence

from dseg_ros.pseudo.pseudo_classes import ClusterError, PseudoClasses
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]


def merge(classes: PseudoClasses, confusion: Floats, wanted: int,
          weight: float) -> NDArray[np.uint8]:
    """
    Merge the most alike pairs until the wished number is left.

    :param classes: K pseudo-classes.
    :param confusion: (K, K), row i: the sum of what the teacher gave each class over all pixels
        labelled i.
    :param wanted: classes to be left; 0 = merge nothing.
    :param weight: what confusion counts against the likeness of centroids, 0..1.
    :returns: (K,) new id of each class, 0..M-1 in the order of their first members.
    :raises ClusterError: if that many cannot be left.
    """
    kind = _kinds(classes)
    count = len(kind)
    least = len(set(kind.tolist()))
    if wanted and not least <= wanted <= count:
        raise ClusterError(f'merge.classes: {wanted}; {count} classes can be merged into {least} '
                           f'to {count}')
    group = np.arange(count)
    near = _nearness(classes)
    pixels = np.maximum(confusion.sum(1), 1e-9)
    while wanted and len(np.unique(group)) > wanted:
        keep, lose = _most_alike(group, kind, near, pixels, confusion, weight)
        group[group == lose] = keep
    return np.asarray(np.unique(group, return_inverse=True)[1], np.uint8)


def merged_names(names: Sequence[str], new_ids: NDArray[np.uint8]) -> tuple[str, ...]:
    """Name merged classes after all their members."""
    return tuple('+'.join(n for n, m in zip(names, new_ids) if m == k)
                 for k in range(int(new_ids.max()) + 1))


def _kinds(classes: PseudoClasses) -> NDArray[np.int64]:
    """Tell ground 0, objects 1 and sky 2 apart."""
    sizes = (len(classes.ground.centroids), len(classes.objects.centroids), int(classes.sky))
    return np.repeat(np.arange(3), sizes)


def _nearness(classes: PseudoClasses) -> Floats:
    """Rate pairs (K, K) by their centroids: 1 at the same place, 1/2 at the usual distance."""
    near = np.zeros((len(classes.names),) * 2)
    first = 0
    for clusters in (classes.ground, classes.objects):
        distance = cdist(clusters.centroids, clusters.centroids)
        own = slice(first, first + len(distance))
        apart = distance[np.triu_indices(len(distance), 1)]
        usual = float(np.median(apart)) if len(apart) else 1.0
        near[own, own] = 1 / (1 + distance / max(usual, 1e-9))
        first += len(distance)
    return near


def _most_alike(group: NDArray[np.int64], kind: NDArray[np.int64], near: Floats, pixels: Floats,
                confusion: Floats, weight: float) -> tuple[int, int]:
    """Find the pair of groups to merge, smaller id first."""
    heads = np.unique(group)
    member = (group == heads[:, None]).astype(float)            # (G, K)
    mass = member * pixels
    mass /= mass.sum(1, keepdims=True)
    mean_near = mass @ near @ mass.T
    taken = member @ confusion @ member.T
    share = taken / np.maximum(taken.sum(1, keepdims=True), 1e-9)
    own = np.diag(share)
    confused = (share + share.T) / np.maximum(own[:, None] + own + share + share.T, 1e-9)
    score = weight * confused + (1 - weight) * mean_near
    possible = np.triu(kind[heads][:, None] == kind[heads], 1)
    best = int(np.where(possible, score, -1.0).argmax())
    return int(heads[best // len(heads)]), int(heads[best % len(heads)])
