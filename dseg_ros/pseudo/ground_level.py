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

"""The level of the ground: how high things stand over it, and where it steps up."""

from __future__ import annotations

from dseg_ros.pseudo.components import voxelise
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree


def step_up(centre_m: NDArray[np.float64], level_m: NDArray[np.float64],
            radius_m: float) -> NDArray[np.float64]:
    """
    Measure how far ground cells lie over the lower ground around them: a pavement over its road.

    :param centre_m: (G, 2) cells [m].
    :param level_m: (G,) their heights [m].
    :param radius_m: what is around [m].
    :returns: (G,) height over the 10th percentile of the at most 120 nearest cells [m], >= 0.
    """
    k = min(120, len(level_m))
    _, index = cKDTree(centre_m).query(centre_m, k, distance_upper_bound=radius_m)
    around = np.sort(np.append(level_m, np.inf)[index.reshape(len(level_m), k)], axis=1)
    # Row by row np.nanpercentile gives the same in ten times the time.
    position = 0.1 * (np.isfinite(around).sum(1) - 1)
    before = position.astype(np.int64)
    rows = np.arange(len(around))
    low, high = around[rows, before], around[rows, np.minimum(before + 1, k - 1)]
    part = position - before
    low_level = np.where(part > 0, low + part * (np.where(part > 0, high, low) - low), low)
    return np.asarray(np.maximum(level_m - low_level, 0))


def height_above_ground(points_m: NDArray[np.float64], ground_m: NDArray[np.float64],
                        edge_m: float) -> NDArray[np.float64]:
    """
    Measure heights above the ground nearby.

    :param points_m: (N, 3) [m].
    :param ground_m: (G, 3) ground points [m]; without any, the lowest point stands for it.
    :param edge_m: edge of the cells that the ground is averaged in [m].
    :returns: (N,) [m]; the ground's height is that of its four nearest cells, nearer ones
        weighing more.
    """
    if not len(ground_m):
        return np.asarray(points_m[:, 2] - points_m[:, 2].min())
    cells = voxelise(ground_m[:, :2], edge_m)
    level = np.bincount(cells.of_point, ground_m[:, 2]) / cells.count
    k = min(4, len(level))
    distance, index = cKDTree(cells.centre_m).query(points_m[:, :2], k)
    weight = 1.0 / (0.5 + distance.reshape(-1, k)) ** 2
    ground = (level[index.reshape(-1, k)] * weight).sum(1) / weight.sum(1)
    return np.asarray(points_m[:, 2] - ground)
