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
Ground by planes in a concentric zone model, on points: needs neither rings nor a range image.

After Patchwork++ (Lee et al., IROS 2022): zones of rings and sectors that widen with distance, a
plane per patch from its lowest points, refined a few times, and a judgement per patch. Ours fits
by least squares over z, keeps no state between sweeps (the same cloud gives the same ground) and
replaces the learnt elevation and flatness limits by continuity with the nearer patches.
"""

from __future__ import annotations

import math

from dseg_ros.config.lidar import GroundConfig
from dseg_ros.lidar.patch_planes import fit_patches, level_below, lift_lows, patch_lows
from dseg_ros.lidar.patch_zones import assign_patches, make_zones, sort_by_patch
from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

_BEARINGS = 864
"""Directions that the ground is followed along: a multiple of every zone's sectors."""

_STEP_M = 0.3
"""A kerb, with the error of a plane [m]."""

_GRADE = 0.1
"""What ground may rise unseen between two patches [m/m]."""

_WALL = 0.4
"""A plane under most of its points may be the foot of a wall, a bumper or a bonnet: it must
continue the ground better, by this factor."""

_REACH_M = 3.0
"""Planes are extended towards each other by at most this [m]."""

_NEAR_RINGS = 4
_FLAT_M = 0.05
"""In the innermost rings, where points are dense, a bank is smoother than this; shrubs are not."""

_LEVEL_RINGS = 6
"""The two inner zones tell the level of the ground."""

_UNDER_M = 0.35
_UNDER_GRADE = 0.1
_UNDER_FROM_M = 10.0
"""Points this far below the ground, and a slope more from here on, are mirrored by paint."""


@njit(nogil=True, cache=True, error_model='numpy')
def plane_height(plane: NDArray[np.float64], p: int, x: float, y: float) -> float:
    """Evaluate the plane of patch p at x, y [m]."""
    return float(plane[p, 4] + plane[p, 2] * (x - plane[p, 0])
                 + plane[p, 3] * (y - plane[p, 1]))


@njit(nogil=True, cache=True, error_model='numpy')
def step_between(plane: NDArray[np.float64], q: int, p: int, here: float,
                 level: tuple[float, float, float]) -> tuple[float, float]:
    """
    Find the step from patch q up to p, half way along the bearing of p.

    :param q: the inner patch; -1 for the ground under the LiDAR.
    :param here: distance of p from the z axis [m].
    :param level: a, b, c of that ground, z = a x + b y + c [m].
    :returns: step and distance between the patches [m].
    """
    there = 0.0 if q < 0 else math.hypot(plane[q, 0], plane[q, 1])
    gap = max(here - there, 0.0)
    reach = min(gap / 2, _REACH_M)
    s = 1 - reach / here
    x, y = plane[p, 0] * s, plane[p, 1] * s
    own = plane_height(plane, p, x, y)
    if q < 0:
        return own - level[0] * x - level[1] * y - level[2], gap
    s = 1 + reach / there
    return own - plane_height(plane, q, plane[q, 0] * s, plane[q, 1] * s), gap


@njit(nogil=True, cache=True, error_model='numpy')
def judge_patches(plane: NDArray[np.float64], first: Ints, sectors: Ints,
                  level: tuple[float, float, float], max_slope: float, accepted: Bools) -> None:
    """
    Accept the patches whose planes continue the ground, from the inside out.

    Along each bearing the last accepted patch is remembered, the first being the ground under the
    LiDAR. Half way to the next patch the two planes may differ by a kerb and a little more per
    distance.

    :param plane: (P, 8) from `fit_patches`.
    :param accepted: (P,) out.
    """
    inner = np.full(_BEARINGS, -1)
    for ring in range(len(first)):
        width = _BEARINGS // sectors[ring]
        for sector in range(sectors[ring]):
            p = first[ring] + sector
            accepted[p] = False
            if plane[p, 6] == 0 or math.hypot(plane[p, 2], plane[p, 3]) > max_slope:
                continue
            here = math.hypot(plane[p, 0], plane[p, 1])
            off, limit, before = 0.0, 0.0, -2
            bearings = inner[sector * width:(sector + 1) * width]
            for b in range(width):
                q = bearings[b]
                if q != before:
                    step, gap = step_between(plane, q, p, here, level)
                    before = q
                off += step
                limit += _STEP_M + _GRADE * gap
            above = (plane[p, 4] - level[0] * plane[p, 0] - level[1] * plane[p, 1] - level[2])
            low = abs(above) < _STEP_M + _GRADE / 2 * here
            if plane[p, 7]:
                limit = min(limit * _WALL, width * _STEP_M)
            accepted[p] = (abs(off) < limit
                           and (low or ring >= _NEAR_RINGS or plane[p, 5] < _FLAT_M))
            if accepted[p]:
                bearings[:] = p


@njit(nogil=True, cache=True, error_model='numpy')
def accept_beside(plane: NDArray[np.float64], first: Ints, sectors: Ints, max_slope: float,
                  accepted: Bools) -> None:
    """
    Accept smooth patches that continue an accepted one beside them: banks, seen over a gap.

    :param accepted: (P,) in and out.
    """
    for ring in range(len(first)):
        n = sectors[ring]
        for turn in range(4 * n):
            side = 1 if turn < 2 * n else -1
            p = first[ring] + (side * turn) % n
            q = first[ring] + (side * (turn + 1)) % n
            if (accepted[q] or not accepted[p] or plane[q, 6] == 0 or plane[q, 5] > _FLAT_M
                    or math.hypot(plane[q, 2], plane[q, 3]) > max_slope):
                continue
            x, y = (plane[p, 0] + plane[q, 0]) / 2, (plane[p, 1] + plane[q, 1]) / 2
            step = plane_height(plane, q, x, y) - plane_height(plane, p, x, y)
            accepted[q] = abs(step) < _STEP_M


@njit(nogil=True, cache=True, error_model='numpy')
def mark_ground(x: Floats, y: Floats, z: Floats, patch: Ints, plane: NDArray[np.float64],
                accepted: Bools, thickness_m: float, ground: Bools) -> None:
    """
    Mark the points less than `thickness_m` above the plane of an accepted patch.

    :param patch: (N,) patch of each point.
    :param ground: (N,) out.
    """
    top = np.empty((len(plane), 3), np.float32)
    for p in range(len(plane)):
        a, b = plane[p, 2], plane[p, 3]
        reach = thickness_m * math.sqrt(1 + a * a + b * b)
        top[p, 0], top[p, 1], top[p, 2] = a, b, -np.inf
        if accepted[p]:
            top[p, 2] = plane[p, 4] - a * plane[p, 0] - b * plane[p, 1] + reach
        else:
            top[p, 0] = top[p, 1] = 0
    for i in range(len(x)):
        p = patch[i]
        ground[i] = z[i] < top[p, 0] * x[i] + top[p, 1] * y[i] + top[p, 2]


class PatchworkGround:
    """
    Finds ground points with buffers that it keeps; not thread-safe.

    :param config: the distances and thicknesses.
    """

    def __init__(self, config: GroundConfig) -> None:
        """Lay out the patches."""
        self._config = config
        self._zones = make_zones(config)
        patches = self._zones.patches
        self._count = np.zeros(patches, np.int32)
        self._start = np.zeros(patches + 1, np.int32)
        self._low, self._lowest = np.zeros(patches, np.float32), np.zeros(patches, np.float32)
        self._plane = np.zeros((patches, 8))
        self._accepted = np.zeros(patches, np.bool_)
        rho = np.repeat(self._zones.middle_m, self._zones.sectors)
        turn = np.concatenate([(np.arange(n) + 0.5) / n for n in self._zones.sectors])
        self._x = (rho * np.cos(2 * math.pi * turn)).astype(np.float32)
        self._y = (rho * np.sin(2 * math.pi * turn)).astype(np.float32)
        self._under = _UNDER_M + _UNDER_GRADE * np.maximum(rho - _UNDER_FROM_M, 0.0)
        self._patch = np.zeros(0, np.int32)
        self._points = np.zeros((3, 0), np.float32)

    def __call__(self, x: Floats, y: Floats, z: Floats, turn: Floats, rho_m: Floats,
                 ground: Bools, *, merged: bool = False) -> float:
        """
        Find the ground of a sweep.

        :param x: (N,) [m]; y, z likewise.
        :param turn: (N,) azimuth [turns].
        :param rho_m: (N,) distance from the z axis [m].
        :param ground: (N,) out.
        :param merged: if several LiDARs made the sweep.
        :returns: height of the LiDAR frame above the ground [m], as given or estimated; NaN if
            there are too few points to tell, and no ground then.
        """
        config, zones, n = self._config, self._zones, len(x)
        if len(self._patch) < n:
            room = n + n // 8
            self._patch = np.zeros(room, np.int32)
            self._points = np.zeros((3, room), np.float32)
        patch = self._patch[:n]
        assign_patches(turn, rho_m, zones.ring_at, patch, self._count)
        sort_by_patch(x, y, z, patch, self._count, self._start, self._points)
        patch_lows(self._points[2], self._start, self._lowest, self._low)
        around = slice(zones.first[_LEVEL_RINGS])
        a, b, c = level_below(self._low[around], self._x[around], self._y[around])
        if config.height_m:
            c = -config.height_m
        if math.isnan(c):
            ground[:] = False
            return math.nan
        down = np.minimum(a * self._x + b * self._y, 0.0)
        floor = (down + c - self._under).astype(np.float32)
        lift_lows(self._points[2], self._start, floor, self._lowest, self._low)
        seed, thick = config.seed_m, config.thickness_m
        if merged:
            seed = thick = config.merged_thickness_m
        fit_patches(self._points, self._start, self._low, floor, self._plane, seed, thick)
        max_slope = math.tan(math.radians(config.max_slope_deg))
        judge_patches(self._plane, zones.first, zones.sectors, (a, b, c), max_slope,
                      self._accepted)
        accept_beside(self._plane, zones.first, zones.sectors, max_slope, self._accepted)
        mark_ground(x, y, z, patch, self._plane, self._accepted, thick, ground)
        return -c
