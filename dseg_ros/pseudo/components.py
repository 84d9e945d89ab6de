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

"""Voxels, their local shape, and their connected components: what the LiDAR saw, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Voxels:
    """
    Occupied cells of a grid.

    :param of_point: (N,) int64 voxel of each point.
    :param cell: (V, D) int64 integer coordinates.
    :param centre_m: (V, D) float64 mean of the points in it.
    :param count: (V,) int64 points in it.
    """

    of_point: NDArray[np.int64]
    cell: NDArray[np.int64]
    centre_m: NDArray[np.float64]
    count: NDArray[np.int64]

    def mean(self, values: NDArray[np.float32]) -> Floats:
        """
        Average point values per voxel, NaN left out.

        :param values: (N,) float32.
        :returns: (V,) float32, NaN where no point has a value.
        """
        known = np.isfinite(values)
        index = self.of_point[known]
        total = np.bincount(index, values[known], len(self.count))
        number = np.bincount(index, minlength=len(self.count))
        with np.errstate(invalid='ignore'):
            return np.asarray(np.where(number > 0, total / number, np.nan), np.float32)


def voxelise(points_m: NDArray[np.float64], edge_m: float) -> Voxels:
    """
    Group points by cells of a grid.

    :param points_m: (N, D) [m], N >= 1.
    :param edge_m: edge of a cell [m].
    """
    cells = np.floor(points_m / edge_m).astype(np.int64)
    low = cells.min(0)
    shape = cells.max(0) - low + 1
    flat = np.ravel_multi_index(tuple((cells - low).T), tuple(shape))
    found, of_point, count = np.unique(flat, return_inverse=True, return_counts=True)
    centre = np.stack([np.bincount(of_point, points_m[:, d]) / count
                       for d in range(points_m.shape[1])], axis=1)
    cell = np.stack(np.unravel_index(found, tuple(shape)), axis=1) + low
    return Voxels(of_point, cell, centre, count)


def local_shape(centre_m: NDArray[np.float64], neighbours: int, radius_m: float) -> Floats:
    """
    Describe the surroundings of each voxel by the spread of its neighbours.

    :param centre_m: (V, 3) voxel centres [m].
    :param neighbours: how many nearest centres.
    :param radius_m: farthest of them [m].
    :returns: (V, 5) float32: linearity, planarity, scattering, |z| of the normal, |z| of the
        main axis; NaN where fewer than four neighbours lie within the radius.
    """
    tree = cKDTree(centre_m)
    k = min(neighbours, len(centre_m))
    _, index = tree.query(centre_m, k, distance_upper_bound=radius_m)
    index = index.reshape(len(centre_m), k)
    inside = index < len(centre_m)
    near = np.concatenate([centre_m, np.zeros((1, 3))])[index]       # (V, k, 3)
    number = inside.sum(1)
    mean = (near * inside[..., None]).sum(1) / number[:, None]
    offset = (near - mean[:, None]) * inside[..., None]
    spread = np.einsum('vki,vkj->vij', offset, offset) / number[:, None, None]
    values, axes = np.linalg.eigh(spread)                            # ascending
    s3, s2, s1 = np.sqrt(np.maximum(values, 0)).T
    s1 = np.maximum(s1, 1e-6)
    shape = np.stack([(s1 - s2) / s1, (s2 - s3) / s1, s3 / s1,
                      np.abs(axes[:, 2, 0]), np.abs(axes[:, 2, 2])], axis=1)
    shape[number < 4] = np.nan
    return np.asarray(shape, np.float32)


def smoothed(shape: Floats, centre_m: NDArray[np.float64], component: NDArray[np.int64],
             neighbours: int, radius_m: float) -> Floats:
    """
    Average local shapes over neighbours of the same component: a window is part of its wall.

    :param shape: (V, F), NaN where unknown.
    :param centre_m: (V, 3) [m].
    :param component: (V,).
    :param neighbours: how many nearest voxels, itself among them.
    :param radius_m: farthest of them [m].
    :returns: (V, F) float32, NaN where no neighbour has a shape.
    """
    k = min(neighbours, len(centre_m))
    _, index = cKDTree(centre_m).query(centre_m, k, distance_upper_bound=radius_m)
    index = index.reshape(len(centre_m), k)
    same = np.append(component, -1)[index] == component[:, None]
    near = np.concatenate([shape, np.full((1, shape.shape[1]), np.nan, np.float32)])[index]
    known = same[..., None] & np.isfinite(near)
    with np.errstate(invalid='ignore'):
        mean = np.where(known, near, 0).sum(1) / known.sum(1)
    return np.asarray(mean, np.float32)


def connect(cell: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """
    Label connected voxels (26 neighbours) of the same group.

    :param cell: (V, 3) integer coordinates.
    :param group: (V,) voxels of different groups stay apart.
    :returns: (V,) component 0..K-1.
    """
    pairs = cKDTree(cell).query_pairs(1.8, output_type='ndarray')
    pairs = pairs[group[pairs[:, 0]] == group[pairs[:, 1]]]
    graph = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])),
                       (len(cell), len(cell)))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


@dataclass(frozen=True, eq=False)
class Extents:
    """Size of components: long and short horizontal extent, lowest and highest height [m]."""

    long_m: NDArray[np.float64]
    short_m: NDArray[np.float64]
    bottom_m: NDArray[np.float64]
    top_m: NDArray[np.float64]


def measure(component: NDArray[np.int64], centre_m: NDArray[np.float64],
            height_m: NDArray[np.float64]) -> Extents:
    """
    Measure components along their main horizontal axis.

    :param component: (V,) component of each voxel, 0..K-1.
    :param centre_m: (V, 3) [m].
    :param height_m: (V,) above the local ground [m].
    :returns: (K,) each.
    """
    count = np.bincount(component)
    xy = centre_m[:, :2]
    mean = np.stack([np.bincount(component, xy[:, d]) / count for d in (0, 1)], axis=1)
    dx, dy = (xy - mean[component]).T
    sxx, syy, sxy = (np.bincount(component, w) for w in (dx * dx, dy * dy, dx * dy))
    angle = (0.5 * np.arctan2(2 * sxy, sxx - syy))[component]
    along = np.cos(angle) * dx + np.sin(angle) * dy
    across = -np.sin(angle) * dx + np.cos(angle) * dy
    sides = [_extent(component, v, len(count)) for v in (along, across)]
    bottom, top = _limits(component, height_m, len(count))
    return Extents(np.maximum(*sides), np.minimum(*sides), bottom, top)


def _limits(group: NDArray[np.int64], values: NDArray[np.float64],
            count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, group, values)
    np.maximum.at(high, group, values)
    return low, high


def _extent(group: NDArray[np.int64], values: NDArray[np.float64],
            count: int) -> NDArray[np.float64]:
    low, high = _limits(group, values, count)
    return high - low


def reaches(component: NDArray[np.int64], of_point: NDArray[np.int64],
            elevation_deg: NDArray[np.float64], top_deg: float) -> NDArray[np.bool_]:
    """
    Find components that go on above what the LiDAR sees: how high they are is not known.

    :param component: (V,) component of each voxel, 0..K-1.
    :param of_point: (N,) voxel of each point.
    :param elevation_deg: (N,) elevation of each point over the LiDAR's horizon [deg].
    :param top_deg: elevation near that of the uppermost beam [deg].
    :returns: (K,) bool.
    """
    highest = np.full(int(component.max()) + 1, -np.inf)
    np.maximum.at(highest, component[of_point], elevation_deg)
    return np.asarray(highest > top_deg)
