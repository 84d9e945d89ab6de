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

"""Rectangles of least area around the proposals, seen from above."""

from __future__ import annotations

import math

from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Doubles = NDArray[np.float64]

SLICES = 64
"""Slices of a proposal along its main axis; each gives two candidates for the hull."""


@njit(nogil=True, cache=True, error_model='numpy')
def hull_candidates(points: Floats, start: Ints, mean: Doubles, axis: Doubles, extent: Doubles,
                    slices: Floats) -> None:
    """
    Keep, of every slice across a proposal's axis, the two outermost points.

    The hull of these misses the true one by less than a slice (1/64 of the length) and needs no
    sorting of points.

    :param points: (3, N) from `gather`; start too.
    :param slices: (M, 64, 4) out: along and across of the least, then of the largest across;
        NaN in empty slices [m].
    """
    slices[:] = np.nan
    for m in range(len(mean)):
        mx, my = np.float32(mean[m, 0]), np.float32(mean[m, 1])
        ux, uy = np.float32(axis[m, 0]), np.float32(axis[m, 1])
        begin = np.float32(extent[m, 0])
        per = np.float32(SLICES / (extent[m, 1] - extent[m, 0] + 1e-3))
        for k in range(start[m], start[m + 1]):
            dx, dy = points[0, k] - mx, points[1, k] - my
            along, across = dx * ux + dy * uy, dy * ux - dx * uy
            s = slices[m, max(int((along - begin) * per), 0)]
            if not s[1] <= across:
                s[0], s[1] = along, across
            if not s[3] >= across:
                s[2], s[3] = along, across


@njit(nogil=True, cache=True, error_model='numpy')
def _chain(slices: Floats, sign: float, hull: Doubles) -> int:
    """Build the lower (sign 1) or upper (-1) hull of ordered candidates; return its length."""
    n = 0
    column = 0 if sign > 0 else 2
    for k in range(len(slices)):
        u, v = slices[k, column], slices[k, column + 1]
        if math.isnan(u):
            continue
        while n >= 2 and sign * ((hull[n - 1, 0] - hull[n - 2, 0]) * (v - hull[n - 2, 1])
                                 - (hull[n - 1, 1] - hull[n - 2, 1])
                                 * (u - hull[n - 2, 0])) <= 0:
            n -= 1
        hull[n, 0], hull[n, 1] = u, v
        n += 1
    return n


@njit(nogil=True, cache=True, error_model='numpy')
def _spans(points: Doubles, n: int, c: float, s: float) -> tuple[float, float, float, float]:
    """Find the extent of n points along and across a direction (c, s)."""
    low_u = low_v = np.inf
    high_u = high_v = -np.inf
    for j in range(n):
        u, v = c * points[j, 0] + s * points[j, 1], c * points[j, 1] - s * points[j, 0]
        low_u, high_u = min(low_u, u), max(high_u, u)
        low_v, high_v = min(low_v, v), max(high_v, v)
    return low_u, high_u, low_v, high_v


@njit(nogil=True, cache=True, error_model='numpy')
def _off_edges(points: Doubles, n: int, c: float, s: float) -> float:
    """Sum up how far n points are from the nearest side of their rectangle along (c, s)."""
    low_u, high_u, low_v, high_v = _spans(points, n, c, s)
    total = 0.0
    for j in range(n):
        u, v = c * points[j, 0] + s * points[j, 1], c * points[j, 1] - s * points[j, 0]
        total += min(min(u - low_u, high_u - u), min(v - low_v, high_v - v))
    return total


@njit(nogil=True, cache=True, error_model='numpy')
def _directions(hull: Doubles, n: int, edges: Doubles) -> int:
    """List direction (c, s) and rectangle's area of every edge of a hull; return how many."""
    count = 0
    for k in range(n):
        du, dv = hull[(k + 1) % n, 0] - hull[k, 0], hull[(k + 1) % n, 1] - hull[k, 1]
        norm = math.hypot(du, dv)
        if norm > 1e-6:
            c, s = du / norm, dv / norm
            low_u, high_u, low_v, high_v = _spans(hull, n, c, s)
            edges[count, 0], edges[count, 1] = c, s
            edges[count, 2] = (high_u - low_u) * (high_v - low_v)
            count += 1
    return count


@njit(nogil=True, cache=True, error_model='numpy')
def _candidates(slices: Floats, points: Doubles) -> int:
    """List the outermost points of all slices; return how many."""
    n = 0
    for k in range(len(slices)):
        if not math.isnan(slices[k, 0]):
            points[n, 0], points[n, 1] = slices[k, 0], slices[k, 1]
            points[n + 1, 0], points[n + 1, 1] = slices[k, 2], slices[k, 3]
            n += 2
    return n


@njit(nogil=True, cache=True, error_model='numpy')
def least_area_axes(slices: Floats, axis: Doubles) -> None:
    """
    Turn every axis to that of the rectangle of least area: one side lies on an edge of the hull.

    For an L, as a car shows two sides, the rectangles along its legs and along its open side are
    equally large; of those within a tenth of the least area the one whose sides are closest to
    the points is taken (our choice).

    :param slices: (M, 64, 4) from `hull_candidates`.
    :param axis: (M, 2) in and out: unit vector.
    """
    hull, points = np.empty((2 * SLICES, 2)), np.empty((2 * SLICES, 2))
    edges = np.empty((2 * SLICES, 3))
    for m in range(len(axis)):
        lower = _chain(slices[m], 1.0, hull)
        upper = _chain(slices[m], -1.0, points)
        for k in range(upper):
            hull[lower + k] = points[upper - 1 - k]
        count = _directions(hull, lower + upper, edges)
        if count == 0:
            continue
        n = _candidates(slices[m], points)
        least = edges[:count, 2].min()
        best, best_off = 0, np.inf
        for k in range(count):
            if edges[k, 2] <= 1.1 * least + 1e-6:
                off = _off_edges(points, n, edges[k, 0], edges[k, 1])
                if off < best_off:
                    best, best_off = k, off
        c, s = edges[best, 0], edges[best, 1]
        ux, uy = axis[m, 0], axis[m, 1]
        axis[m, 0], axis[m, 1] = ux * c - uy * s, uy * c + ux * s
