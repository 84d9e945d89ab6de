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
"""At least so many points give the mean height that begins a patch's fit."""

_ROUNDS = 3
_LOW_M = 0.03
"""They lie at first within this above the lowest [m]."""

_SLOPES = 4
_SLOPE_STEP = 0.03
"""The road under the LiDAR rises by up to 12 percent, in steps of 3."""

_VOTE_LOW_M = -8.0
_VOTE_M = 0.1
_VOTE_BINS = 120
"""It lies 8 m below to 4 m above the LiDAR frame (a frame may be on the ground)."""

_SHARE = 0.5
"""A plane that rests on less of its patch may be the foot of a wall, a bumper or a bonnet."""

_TALL_M = 2.0
"""No ground within a patch is higher than this above its lowest points [m]."""


@njit(nogil=True, cache=True, error_model='numpy', fastmath={'reassoc'})
def lowest_mean(z: Floats, floor_m: float) -> tuple[float, float]:
    """
    Average the lowest points of a patch: those within a reach that holds enough of them.

    :param z: (K,) [m].
    :param floor_m: points below are reflections and do not count.
    :returns: the lowest, and the mean of the low points [m]; inf if there is none.
    """
    floor, low = np.float32(floor_m), np.float32(np.inf)
    for k in range(len(z)):
        value = z[k] if z[k] >= floor else np.float32(np.inf)
        low = value if value < low else low
    if low == np.inf:
        return np.inf, np.inf
    one, zero = np.float32(1), np.float32(0)
    enough = np.float32(min(_LOWEST, len(z)))
    reach = np.float32(_LOW_M)
    while True:
        taken, total = zero, zero
        for k in range(len(z)):
            above = z[k] - low
            use = one if above >= zero and above < reach else zero
            taken += use
            total += use * above
        if taken >= enough or reach > _TALL_M:
            return float(low), float(low + total / taken)
        reach *= np.float32(2)


@njit(nogil=True, cache=True, error_model='numpy')
def patch_lows(z: Floats, start: Ints, lowest: Floats, low: Floats) -> None:
    """
    Find the low height of every patch.

    :param z: (N,) sorted by patch [m].
    :param lowest: (P,) out: the lowest point, inf for patches with too few points [m].
    :param low: (P,) out: mean of the lowest points, likewise [m].
    """
    for p in range(len(low)):
        first, last = start[p], start[p + 1]
        lowest[p] = low[p] = np.inf
        if last - first >= _MIN_POINTS:
            lowest[p], low[p] = lowest_mean(z[first:last], -np.inf)


@njit(nogil=True, cache=True, error_model='numpy')
def lift_lows(z: Floats, start: Ints, floor_m: Floats, lowest: Floats, low: Floats) -> None:
    """
    Find the low height anew where reflections lie under the floor.

    :param floor_m: (P,) heights below which points are reflections [m].
    :param lowest: (P,) in and out, as low, from `patch_lows` [m].
    """
    for p in range(len(low)):
        if lowest[p] < floor_m[p]:
            lowest[p], low[p] = lowest_mean(z[start[p]:start[p + 1]], floor_m[p])


@njit(nogil=True, cache=True, error_model='numpy')
def level_below(low: Floats, x: Floats, y: Floats) -> tuple[float, float, float]:
    """
    Find the ground under the LiDAR by a vote of the patches around it.

    Cars and walls hide the ground of some patches, but rarely at one height, or on one slope.

    :param low: (P,) low height per patch, inf where unknown [m].
    :param x: (P,) middle of the patch [m]; y likewise.
    :returns: a, b, c of z = a x + b y + c [m]; c is NaN if no patch knows one.
    """
    votes = np.zeros(_VOTE_BINS + 1, np.int32)
    best, support = (0.0, 0.0, np.nan), 0.0
    for i in range(-_SLOPES, _SLOPES + 1):
        for j in range(-_SLOPES, _SLOPES + 1):
            a, b = i * _SLOPE_STEP, j * _SLOPE_STEP
            votes[:] = 0
            for p in range(len(low)):
                if low[p] != np.inf:
                    k = int((low[p] - a * x[p] - b * y[p] - _VOTE_LOW_M) / _VOTE_M)
                    if 0 <= k < _VOTE_BINS:
                        votes[k] += 1
            for k in range(_VOTE_BINS):
                # the flatter of two slopes, if they explain about as much
                vote = votes[k] + votes[k + 1] - 1.0 * (abs(i) + abs(j))
                if vote > support:
                    best, support = (a, b, _VOTE_LOW_M + (k + 1) * _VOTE_M), vote
    return best


@njit(nogil=True, cache=True, error_model='numpy', fastmath={'reassoc', 'contract'})
def fit_plane(points: Floats, n_points: int, cx: float, cy: float, a: float, b: float, c: float,
              reach: float) -> tuple[float, float, float, float, int]:
    """
    Fit z = a (x - cx) + b (y - cy) + c to the points less than `reach` above a given plane.

    The sums may be reordered (fastmath), nothing else: they then fill vector registers.

    :param points: (3, N) of which the first n_points count [m].
    :returns: a, b, c, variance of the residuals [m2] and the number of points.
    """
    zero, one = np.float32(0), np.float32(1)
    fx, fy, fa, fb, fc = (np.float32(cx), np.float32(cy), np.float32(a), np.float32(b),
                          np.float32(c))
    high = np.float32(reach)
    n = sx = sy = sz = sxx = sxy = syy = sxz = syz = szz = zero
    for k in range(n_points):
        x, y, z = points[0, k] - fx, points[1, k] - fy, points[2, k] - fc
        w = one if z - fa * x - fb * y < high else zero
        wx, wy, wz = w * x, w * y, w * z
        n += w
        sx += wx
        sy += wy
        sz += wz
        sxx += wx * x
        sxy += wx * y
        syy += wy * y
        sxz += wx * z
        syz += wy * z
        szz += wz * z
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
def low_points(points: Floats, first: int, last: int, low_m: float, high_m: float,
               kept: Floats) -> tuple[int, float, float]:
    """
    Copy the points of a patch between two heights: the fits then read no others.

    :param kept: (3, K) out.
    :returns: how many, and their middle, x and y [m].
    """
    n, cx, cy = 0, 0.0, 0.0
    low, high = np.float32(low_m), np.float32(high_m)
    for k in range(first, last):
        if low <= points[2, k] < high:
            kept[0, n], kept[1, n], kept[2, n] = points[0, k], points[1, k], points[2, k]
            cx += points[0, k]
            cy += points[1, k]
            n += 1
    return n, cx / n, cy / n


@njit(nogil=True, cache=True, error_model='numpy')
def fit_patches(points: Floats, start: Ints, low: Floats, floor_m: Floats,
                plane: NDArray[np.float64], seed_m: float, thickness_m: float) -> None:
    """
    Fit a plane to the low points of every patch.

    :param points: (3, N), sorted by patch.
    :param low: (P,) from `patch_lows`.
    :param floor_m: (P,) heights below which points are reflections [m].
    :param plane: (P, 8) out: centre x, y; a, b, c of z = a (x - cx) + b (y - cy) + c; standard
        deviation [m]; number of points that it rests on, 0 where there are too few; 1 if most
        points are above.
    """
    widest = 0
    for p in range(len(plane)):
        widest = max(widest, start[p + 1] - start[p])
    kept = np.empty((3, widest), np.float32)
    for p in range(len(plane)):
        plane[p, 6] = 0
        if low[p] == np.inf:
            continue
        first, last = start[p], start[p + 1]
        n, cx, cy = low_points(points, first, last, floor_m[p], low[p] + _TALL_M, kept)
        a, b, c, reach = 0.0, 0.0, float(low[p]), seed_m
        for _ in range(_ROUNDS):
            a, b, c, variance, support = fit_plane(kept, n, cx, cy, a, b, c, reach)
            reach = thickness_m * math.sqrt(1 + a * a + b * b)
        plane[p, 0], plane[p, 1] = cx, cy
        plane[p, 2], plane[p, 3], plane[p, 4] = a, b, c
        plane[p, 5], plane[p, 6] = math.sqrt(variance), support
        plane[p, 7] = support < _SHARE * (last - first)
