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

from dseg_ros.lidar.rectangles import hull_candidates, least_area_axes, SLICES
from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Doubles = NDArray[np.float64]


@njit(nogil=True, cache=True, error_model='numpy')
def gather(x: Floats, y: Floats, z: Floats, ids: Ints, start: Ints, points: Floats) -> None:
    """
    Sort the points by proposal.

    :param ids: (N,) proposal per point from 1; smaller ones are none.
    :param start: (M + 1,) out: proposal m + 1 holds columns start[m]..start[m + 1].
    :param points: (3, N) out: x, y, z of the points of proposals [m].
    """
    start[:] = 0
    last = len(start) - 1
    for i in range(len(ids)):
        if ids[i] > 0 and ids[i] < last:
            start[ids[i] + 1] += 1
    for m in range(1, last + 1):
        start[m] += start[m - 1]
    for i in range(len(ids)):
        if ids[i] > 0:
            k = start[ids[i]]
            start[ids[i]] = k + 1
            points[0, k], points[1, k], points[2, k] = x[i], y[i], z[i]


@njit(nogil=True, cache=True, error_model='numpy', fastmath={'reassoc', 'contract'})
def sum_points(points: Floats, start: Ints, mean: Doubles, moment: Doubles) -> None:
    """
    Sum up the points of every proposal.

    The sums may be reordered (fastmath), nothing else: they then fill vector registers. Second
    moments are taken about the first point, so that single precision does for them.

    :param points: (3, N) from `gather`; start too.
    :param mean: (M, 4) out: mean x, y, z, range [m].
    :param moment: (M, 3) out: variance of x, of y, and covariance [m2].
    """
    zero = np.float32(0)
    for m in range(len(mean)):
        first, last = start[m], start[m + 1]
        x, y, z = points[0, first], points[1, first], points[2, first]
        sx = sy = sz = sr = sxx = syy = sxy = zero
        for k in range(first, last):
            px, py, pz = points[0, k], points[1, k], points[2, k]
            dx, dy = px - x, py - y
            sx += dx
            sy += dy
            sz += pz - z
            sr += math.sqrt(px * px + py * py + pz * pz)
            sxx += dx * dx
            syy += dy * dy
            sxy += dx * dy
        n = last - first
        mx, my = sx / n, sy / n
        mean[m, 0], mean[m, 1], mean[m, 2], mean[m, 3] = x + mx, y + my, z + sz / n, sr / n
        moment[m, 0], moment[m, 1] = sxx / n - mx * mx, syy / n - my * my
        moment[m, 2] = sxy / n - mx * my


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
def extents(points: Floats, start: Ints, mean: Doubles, axis: Doubles, extent: Doubles) -> None:
    """
    Find how far the points reach from their mean, along their axis, across it and upwards.

    :param points: (3, N) from `gather`; start too.
    :param extent: (M, 6) out: least and largest along, least and largest across, bottom, top [m].
    """
    huge = np.float32(np.inf)
    for m in range(len(extent)):
        mx, my = np.float32(mean[m, 0]), np.float32(mean[m, 1])
        ux, uy = np.float32(axis[m, 0]), np.float32(axis[m, 1])
        u0 = v0 = z0 = huge
        u1 = v1 = z1 = -huge
        for k in range(start[m], start[m + 1]):
            dx, dy, z = points[0, k] - mx, points[1, k] - my, points[2, k]
            u, v = dx * ux + dy * uy, dy * ux - dx * uy
            u0, u1 = (u if u < u0 else u0), (u if u > u1 else u1)
            v0, v1 = (v if v < v0 else v0), (v if v > v1 else v1)
            z0, z1 = (z if z < z0 else z0), (z if z > z1 else z1)
        extent[m, 0], extent[m, 1], extent[m, 2], extent[m, 3] = u0, u1, v0, v1
        extent[m, 4], extent[m, 5] = z0 - mean[m, 2], z1 - mean[m, 2]


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
        self._points = np.zeros((3, 0), np.float32)

    def __call__(self, x: Floats, y: Floats, z: Floats, ids: Ints, proposals: int) -> Boxes:
        """
        Fit a box to every proposal.

        :param x: (N,) [m]; y and z likewise.
        :param ids: (N,) proposal per point, 1..proposals; smaller ones are none.
        """
        m = proposals
        start = np.zeros(m + 2, np.int32)
        if self._points.shape[1] < len(x):
            self._points = np.zeros((3, len(x) + len(x) // 8), np.float32)
        points = self._points
        mean, moment = np.zeros((m, 4)), np.zeros((m, 3))
        axis, extent = np.zeros((m, 2)), np.zeros((m, 6))
        gather(x, y, z, ids, start, points)
        sum_points(points, start, mean, moment)
        principal_axes(moment, axis)
        extents(points, start, mean, axis, extent)
        if self._kind == 'min_area':
            slices = np.zeros((m, SLICES, 4), np.float32)
            hull_candidates(points, start, mean, axis, extent, slices)
            least_area_axes(slices, axis)
            extents(points, start, mean, axis, extent)
        centre, size = np.zeros((m, 3), np.float32), np.zeros((m, 3), np.float32)
        yaw = np.zeros(m, np.float32)
        boxes_from_extents(mean, axis, extent, centre, size, yaw)
        return Boxes(np.diff(start[:-1]), mean[:, :3].astype(np.float32),
                     mean[:, 3].astype(np.float32), centre, size, yaw)
