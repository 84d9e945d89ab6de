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

"""How good proposals are where the objects are known: ground IoU, and objects that are covered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dseg_ros.classes import TRAIN_ID
from dseg_ros.types import Proposals
import numpy as np
from numpy.typing import NDArray

GROUND_CLASSES = tuple(TRAIN_ID[name] for name in ('road', 'sidewalk', 'terrain'))
"""Classes (trainIds) that are ground."""


@dataclass(frozen=True, eq=False)
class ObjectCoverage:
    """
    How well each object is covered by its best proposal.

    :param instance: (K,) ids of the objects, ascending.
    :param points: (K,) points of each.
    :param iou: (K,) intersection over union, in points, with the best proposal; 0 without one.
    """

    instance: NDArray[np.int64]
    points: NDArray[np.int64]
    iou: NDArray[np.float64]

    def share(self, least_iou: float = 0.5) -> float:
        """Compute the share of the objects with at least this IoU; NaN without objects."""
        return float(np.mean(self.iou >= least_iou)) if len(self.iou) else float('nan')


def ground_iou(point_ids: NDArray[np.int32], label: NDArray[np.uint8]) -> float:
    """
    Compare found and true ground.

    :param point_ids: (N,) as in Proposals.
    :param label: (N,) true trainIds.
    :returns: intersection over union in points; NaN if there is no ground in either.
    :raises ValueError: if the arrays differ in length.
    """
    _check_aligned(point_ids, label)
    found, true = point_ids == Proposals.GROUND, np.isin(label, GROUND_CLASSES)
    either = np.count_nonzero(found | true)
    return np.count_nonzero(found & true) / either if either else float('nan')


def object_coverage(point_ids: NDArray[np.int32], instance: NDArray[Any],
                    min_points: int = 50) -> ObjectCoverage:
    """
    Find the best proposal of every object.

    :param point_ids: (N,) as in Proposals.
    :param instance: (N,) true object per point, 0 where there is none.
    :param min_points: objects with fewer points do not count.
    :raises ValueError: if the arrays differ in length.
    """
    _check_aligned(point_ids, instance)
    true = instance.astype(np.int64)
    found = np.maximum(point_ids, 0).astype(np.int64)
    width = int(found.max(initial=0)) + 1
    pairs, both = np.unique(true * width + found, return_counts=True)
    true_size, found_size = np.bincount(true), np.bincount(found)
    of_true, of_found = pairs // width, pairs % width
    iou = both / (true_size[of_true] + found_size[of_found] - both)
    best = np.zeros(len(true_size))
    matched = of_found > 0
    np.maximum.at(best, of_true[matched], iou[matched])
    kept = np.flatnonzero(true_size >= min_points)
    kept = kept[kept > 0]
    return ObjectCoverage(kept, true_size[kept], best[kept])


def _check_aligned(point_ids: NDArray[np.int32], truth: NDArray[Any]) -> None:
    if point_ids.shape != truth.shape:
        raise ValueError(f'{point_ids.shape} point ids, but {truth.shape} true values')
