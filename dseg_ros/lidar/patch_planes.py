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

"""A plane per patch of ground, from its lowest points."""

from __future__ import annotations

import math

from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_MIN_POINTS = 10
_LOWEST = 20
"""Points whose mean height begins a patch's fit."""

_ROUNDS = 3
_BIN_M = 0.02
_BINS = 64
_TALL_M = 2.0
"""No ground within a patch is higher than this above its lowest points [m]."""


@njit(nogil=True, cache=True, error_model='numpy')
def lowest_mean(z: Floats, floor_m: float) -> float:
    """
    Average the lowest points of a patch.

    :param z: (K,) [m].
    :param floor_m: points below are reflections and do not count.
    :returns: mean of the _LOWEST lowest [m]; inf if there is none.
    """
    floor, low = np.float32(floor_m), np.float32(np.inf)
    for k in range(len(z)):
        value = z[k] if z[k] >= floor else np.float32(np.inf)
        low = value if value < low else low
    if low == np.inf:
        return np.inf
    number = np.zeros(_BINS, np.int32)
    height = np.zeros(_BINS, np.float32)
    limit = low + np.float32(_BINS * _BIN_M * 0.999)
    for k in range(len(z)):
        above = z[k] - low
        if z[k] < limit and above >= 0:
            b = int(above * np.float32(1 / _BIN_M))
            number[b] += 1
            height[b] += above
    total, taken = 0.0, 0
    for b in range(_BINS):
        if number[b] == 0:
            continue
        use = min(number[b], _LOWEST - taken)
        total += height[b] / number[b] * use
        taken += use
        if taken == _LOWEST:
            break
    return float(low) + total / taken


@njit(nogil=True, cache=True, error_model='numpy')
def patch_lows(z: Floats, start: Ints, low: Floats, floor_m: Floats) -> None:
    """
    Find the low height of every patch.

    :param z: (N,) sorted by patch [m].
    :param floor_m: (P,) heights below which points are reflections [m].
    :param low: (P,) out, inf for patches with too few points [m].
    """
    for p in range(len(low)):
        first, last = start[p], start[p + 1]
        low[p] = np.inf
        if last - first >= _MIN_POINTS:
            low[p] = lowest_mean(z[first:last], floor_m[p])


@njit(nogil=True, cache=True, error_model='numpy')
def again_below(z: Floats, start: Ints, low: Floats, floor_m: Floats) -> None:
    """
    Correct the low heights of the patches whose lowest points lie under their floor.

    :param low: (P,) in and out [m].
    """
    for p in range(len(low)):
        if low[p] < floor_m[p] + np.float32(_BINS * _BIN_M):
            low[p] = lowest_mean(z[start[p]:start[p + 1]], floor_m[p])


@njit(nogil=True, cache=True, error_model='numpy', fastmath={'reassoc', 'contract'})
def fit_plane(points: Floats, first: int, last: int, cx: float, cy: float, a: float, b: float,
              c: float, reach: float) -> tuple[float, float, float, float, int]:
    """
    Fit z = a (x - cx) + b (y - cy) + c to the points less than `reach` above a given plane.

    The sums may be reordered (fastmath), nothing else: they then fill vector registers.

    :param points: (3, N) of which columns first..last count [m].
    :returns: a, b, c, variance of the residuals [m2] and the number of points.
    """
    zero, one = np.float32(0), np.float32(1)
    fx, fy, fa, fb, fc = (np.float32(cx), np.float32(cy), np.float32(a), np.float32(b),
                          np.float32(c))
    high = np.float32(reach)
    n = sx = sy = sz = sxx = sxy = syy = sxz = syz = szz = zero
    for k in range(first, last):
        dx, dy, dz = points[0, k] - fx, points[1, k] - fy, points[2, k] - fc
        w = one if dz - fa * dx - fb * dy < high else zero
        wx, wy, wz = w * dx, w * dy, w * dz
        n += w
        sx += wx
        sy += wy
        sz += wz
        sxx += wx * dx
        sxy += wx * dy
        syy += wy * dy
        sxz += wx * dz
        syz += wy * dz
        szz += wz * dz
    if n < 3:
        return a, b, c, np.inf, 0
    mx, my, mz = sx / n, sy / n, sz / n
    vxx, vxy, vyy = sxx / n - mx * mx + 1e-3, sxy / n - mx * my, syy / n - my * my + 1e-3
    vxz, vyz, vzz = sxz / n - mx * mz, syz / n - my * mz, szz / n - mz * mz
    det = vxx * vyy - vxy * vxy
    a = float((vxz * vyy - vyz * vxy) / det)
    b = float((vyz * vxx - vxz * vxy) / det)
    variance = max(float(vzz - a * vxz - b * vyz), 0.0)
    return a, b, float(c + mz - a * mx - b * my), variance, int(n)


@njit(nogil=True, cache=True, error_model='numpy')
def fit_patches(points: Floats, start: Ints, low: Floats, floor_m: Floats,
                plane: NDArray[np.float64], seed_m: float, thickness_m: float) -> None:
    """
    Fit a plane to the low points of every patch.

    :param points: (3, N), sorted by patch.
    :param low: (P,) from `patch_lows`.
    :param floor_m: (P,) heights below which points are reflections [m].
    :param plane: (P, 7) out: centre x, y; a, b, c of z = a (x - cx) + b (y - cy) + c; standard
        deviation [m]; number of points that it rests on, 0 where there are too few.
    """
    near = np.empty((3, points.shape[1]), np.float32)
    for p in range(len(plane)):
        plane[p, 6] = 0
        if low[p] == np.inf:
            continue
        n = 0
        cx, cy = 0.0, 0.0
        high = low[p] + np.float32(_TALL_M)
        for k in range(start[p], start[p + 1]):
            if floor_m[p] <= points[2, k] < high:
                near[0, n], near[1, n], near[2, n] = points[0, k], points[1, k], points[2, k]
                cx += points[0, k]
                cy += points[1, k]
                n += 1
        cx /= n
        cy /= n
        a, b, c, reach = 0.0, 0.0, float(low[p]), seed_m
        for _ in range(_ROUNDS):
            a, b, c, variance, support = fit_plane(near, 0, n, cx, cy, a, b, c, reach)
            reach = thickness_m * math.sqrt(1 + a * a + b * b)
        plane[p, 0], plane[p, 1] = cx, cy
        plane[p, 2], plane[p, 3], plane[p, 4] = a, b, c
        plane[p, 5], plane[p, 6] = math.sqrt(variance), support
