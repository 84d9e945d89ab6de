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

"""Oriented boxes and sums of the proposals."""

from __future__ import annotations

from dataclasses import dataclass
import math

from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Doubles = NDArray[np.float64]

_SLICES = 64
"""Slices of a proposal along its main axis; each gives two candidates for the hull."""


@njit(nogil=True, cache=True, error_model='numpy')
def sum_points(x: Floats, y: Floats, z: Floats, range_m: Floats, ids: Ints, count: Ints,
               mean: Doubles, moment: Doubles) -> None:
    """
    Sum up the points of every proposal.

    :param ids: (N,) proposal per point from 1; smaller ones are none.
    :param count: (M,) out: points.
    :param mean: (M, 4) out: mean x, y, z, range [m].
    :param moment: (M, 3) out: variance of x, of y, and covariance [m2].
    """
    count[:] = 0
    mean[:] = 0
    moment[:] = 0
    for i in range(len(ids)):
        m = ids[i] - 1
        if m >= 0:
            count[m] += 1
            mean[m, 0] += x[i]
            mean[m, 1] += y[i]
            mean[m, 2] += z[i]
            mean[m, 3] += range_m[i]
            moment[m, 0] += float(x[i]) * x[i]
            moment[m, 1] += float(y[i]) * y[i]
            moment[m, 2] += float(x[i]) * y[i]
    for m in range(len(count)):
        for k in range(4):
            mean[m, k] /= count[m]
        mx, my = mean[m, 0], mean[m, 1]
        moment[m, 0] = moment[m, 0] / count[m] - mx * mx
        moment[m, 1] = moment[m, 1] / count[m] - my * my
        moment[m, 2] = moment[m, 2] / count[m] - mx * my


@njit(nogil=True, cache=True, error_model='numpy')
def principal_axes(moment: Doubles, axis: Doubles) -> None:
    """
    Find the horizontal direction of largest spread.

    :param moment: (M, 3) variance of x, of y, covariance [m2].
    :param axis: (M, 2) out: unit vector.
    """
    for m in range(len(moment)):
        yaw = 0.5 * math.atan2(2 * moment[m, 2], moment[m, 0] - moment[m, 1])
        axis[m, 0], axis[m, 1] = math.cos(yaw), math.sin(yaw)


@njit(nogil=True, cache=True, error_model='numpy')
def extents(x: Floats, y: Floats, z: Floats, ids: Ints, mean: Doubles, axis: Doubles,
            extent: Doubles) -> None:
    """
    Find how far the points reach from their mean, along their axis, across it and upwards.

    :param extent: (M, 6) out: least and largest along, least and largest across, bottom, top [m].
    """
    for m in range(len(extent)):
        for k in range(3):
            extent[m, 2 * k] = np.inf
            extent[m, 2 * k + 1] = -np.inf
    for i in range(len(ids)):
        m = ids[i] - 1
        if m >= 0:
            dx, dy, dz = x[i] - mean[m, 0], y[i] - mean[m, 1], z[i] - mean[m, 2]
            along = dx * axis[m, 0] + dy * axis[m, 1]
            across = dy * axis[m, 0] - dx * axis[m, 1]
            e = extent[m]
            e[0] = along if along < e[0] else e[0]
            e[1] = along if along > e[1] else e[1]
            e[2] = across if across < e[2] else e[2]
            e[3] = across if across > e[3] else e[3]
            e[4] = dz if dz < e[4] else e[4]
            e[5] = dz if dz > e[5] else e[5]


@njit(nogil=True, cache=True, error_model='numpy')
def boxes_from_extents(mean: Doubles, axis: Doubles, extent: Doubles, centre: Floats,
                       size: Floats, yaw: Floats) -> None:
    """
    Turn extents into boxes.

    :param centre: (M, 3) out [m].
    :param size: (M, 3) out: length, width, height, length >= width [m].
    :param yaw: (M,) out: direction of the length, in (-pi/2, pi/2] [rad].
    """
    for m in range(len(mean)):
        ux, uy = axis[m, 0], axis[m, 1]
        e = extent[m]
        along, across = (e[0] + e[1]) / 2, (e[2] + e[3]) / 2
        centre[m, 0] = mean[m, 0] + along * ux - across * uy
        centre[m, 1] = mean[m, 1] + along * uy + across * ux
        centre[m, 2] = mean[m, 2] + (e[4] + e[5]) / 2
        length, width = e[1] - e[0], e[3] - e[2]
        if length < width:
            length, width = width, length
            ux, uy = -uy, ux
        size[m, 0], size[m, 1], size[m, 2] = length, width, e[5] - e[4]
        angle = math.atan2(uy, ux)
        if angle > math.pi / 2:
            angle -= math.pi
        elif angle <= -math.pi / 2:
            angle += math.pi
        yaw[m] = angle


@njit(nogil=True, cache=True, error_model='numpy')
def hull_candidates(x: Floats, y: Floats, ids: Ints, mean: Doubles, axis: Doubles,
                    extent: Doubles, slices: Floats) -> None:
    """
    Keep, of every slice across a proposal's axis, the two outermost points.

    The hull of these misses the true one by less than a slice (1/64 of the length) and needs no
    sorting of points.

    :param slices: (M, 64, 4) out: along and across of the least, then of the largest across;
        NaN in empty slices [m].
    """
    slices[:] = np.nan
    for i in range(len(ids)):
        m = ids[i] - 1
        if m >= 0:
            dx, dy = x[i] - mean[m, 0], y[i] - mean[m, 1]
            along = dx * axis[m, 0] + dy * axis[m, 1]
            across = dy * axis[m, 0] - dx * axis[m, 1]
            span = extent[m, 1] - extent[m, 0] + 1e-9
            s = slices[m, min(int((along - extent[m, 0]) / span * _SLICES), _SLICES - 1)]
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
def least_area_axes(slices: Floats, axis: Doubles) -> None:
    """
    Turn every axis to that of the rectangle of least area: one side lies on an edge of the hull.

    :param slices: (M, 64, 4) from `hull_candidates`.
    :param axis: (M, 2) in and out: unit vector.
    """
    hull = np.empty((2 * _SLICES, 2))
    for m in range(len(axis)):
        lower = _chain(slices[m], 1.0, hull)
        n = lower + _chain(slices[m], -1.0, hull[lower:])
        best, cos_best, sin_best = np.inf, 1.0, 0.0
        for k in range(n):
            if k + 1 == lower or k + 1 == n:
                continue
            du, dv = hull[k + 1, 0] - hull[k, 0], hull[k + 1, 1] - hull[k, 1]
            norm = math.hypot(du, dv)
            if norm < 1e-6:
                continue
            c, s = du / norm, dv / norm
            low_u = low_v = np.inf
            high_u = high_v = -np.inf
            for j in range(n):
                u, v = c * hull[j, 0] + s * hull[j, 1], c * hull[j, 1] - s * hull[j, 0]
                low_u, high_u = min(low_u, u), max(high_u, u)
                low_v, high_v = min(low_v, v), max(high_v, v)
            area = (high_u - low_u) * (high_v - low_v)
            if area < best:
                best, cos_best, sin_best = area, c, s
        ux, uy = axis[m, 0], axis[m, 1]
        axis[m, 0] = ux * cos_best - uy * sin_best
        axis[m, 1] = uy * cos_best + ux * sin_best


@dataclass(frozen=True, eq=False)
class Boxes:
    """
    Boxes and sums of M proposals; fields as in types.Proposals.

    :param count: (M,) int32.
    :param centroid_m: (M, 3) float32.
    :param range_m: (M,) float32.
    :param centre_m: (M, 3) float32.
    :param size_m: (M, 3) float32.
    :param yaw_rad: (M,) float32.
    """

    count: Ints
    centroid_m: Floats
    range_m: Floats
    centre_m: Floats
    size_m: Floats
    yaw_rad: Floats


class BoxFitter:
    """
    Fits upright boxes.

    :param kind: 'pca' along the principal axis, 'min_area' around the least rectangle.
    """

    def __init__(self, kind: str) -> None:
        """Take the kind."""
        self._kind = kind

    def __call__(self, x: Floats, y: Floats, z: Floats, range_m: Floats, ids: Ints,
                 proposals: int) -> Boxes:
        """
        Fit a box to every proposal.

        :param x: (N,) [m]; y, z and range_m likewise.
        :param ids: (N,) proposal per point, 1..proposals; smaller ones are none.
        """
        m = proposals
        count, mean, moment = np.zeros(m, np.int32), np.zeros((m, 4)), np.zeros((m, 3))
        axis, extent = np.zeros((m, 2)), np.zeros((m, 6))
        sum_points(x, y, z, range_m, ids, count, mean, moment)
        principal_axes(moment, axis)
        extents(x, y, z, ids, mean, axis, extent)
        if self._kind == 'min_area':
            slices = np.zeros((m, _SLICES, 4), np.float32)
            hull_candidates(x, y, ids, mean, axis, extent, slices)
            least_area_axes(slices, axis)
            extents(x, y, z, ids, mean, axis, extent)
        centre, size = np.zeros((m, 3), np.float32), np.zeros((m, 3), np.float32)
        yaw = np.zeros(m, np.float32)
        boxes_from_extents(mean, axis, extent, centre, size, yaw)
        return Boxes(count, mean[:, :3].astype(np.float32), mean[:, 3].astype(np.float32),
                     centre, size, yaw)
