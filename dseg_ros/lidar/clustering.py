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
Clusters by the angle criterion over the range image (Bogoslavskyi and Stachniss, IROS 2016).

Two neighbouring returns belong to one object iff the line through them makes an angle of more
than a threshold with the farther beam: tan(beta) = d2 sin(a) / (d1 - d2 cos(a)), d1 >= d2, with a
between the beams. The original walks the image breadth first; union-find gives the same clusters
in one pass.
"""

from __future__ import annotations

from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@njit(nogil=True, cache=True, error_model='numpy', inline='always')
def joined(range1_m: np.float32, range2_m: np.float32, sin_a: np.float32, cos_a: np.float32,
           tan_limit: np.float32) -> bool:
    """
    Tell whether two returns belong to one object.

    :param sin_a: sine of the angle between the beams; cos_a its cosine.
    :param tan_limit: tangent of the angle that beta has to exceed.
    """
    far = range1_m if range1_m > range2_m else range2_m
    near = range2_m if range1_m > range2_m else range1_m
    return bool(near * sin_a > tan_limit * (far - near * cos_a))


@njit(nogil=True, cache=True, error_model='numpy', inline='always')
def _find(parent: Ints, p: int) -> int:
    """Find the root of p, halving the way for the next time."""
    while parent[p] != p:
        parent[p] = parent[parent[p]]
        p = parent[p]
    return p


@njit(nogil=True, cache=True, error_model='numpy', inline='always')
def _unite(parent: Ints, p: int, q: int) -> None:
    """Join two trees; the smaller root stays."""
    p, q = _find(parent, p), _find(parent, q)
    if p < q:
        parent[q] = p
    elif q < p:
        parent[p] = q


@njit(nogil=True, cache=True, error_model='numpy')
def unite_pixels(image: Floats, row_angle: Floats, column_angle: Floats, gap: int,
                 tan_limit: float, parent: Ints) -> None:
    """
    Join neighbouring pixels of one object.

    :param image: (R, C) range [m]; pixels that are not positive belong to nothing.
    :param row_angle: (R,) angle between the beams of rows r - 1 and r [rad].
    :param column_angle: (R,) angle between the beams of two columns in row r [rad].
    :param gap: empty pixels that a neighbour in the row may be away (ground ends the search).
    :param parent: (R * C,) out: root of every pixel, its smallest flat index.
    """
    rows, columns = image.shape
    limit = np.float32(tan_limit)
    sin_c, cos_c = np.zeros(gap + 2, np.float32), np.zeros(gap + 2, np.float32)
    for r in range(rows):
        for k in range(gap + 2):
            sin_c[k] = np.sin(column_angle[r] * k)
            cos_c[k] = np.cos(column_angle[r] * k)
        sin_r, cos_r = np.float32(np.sin(row_angle[r])), np.float32(np.cos(row_angle[r]))
        for c in range(columns):
            here = image[r, c]
            p = r * columns + c
            parent[p] = p
            if here <= 0:
                continue
            k = 1
            left = image[r, c - 1] if c > 0 else np.float32(-1)
            while left == 0 and k <= gap and k < c:
                k += 1
                left = image[r, c - k]
            if left > 0 and joined(here, left, sin_c[k], cos_c[k], limit):
                parent[p] = parent[p - k]
            if r > 0:
                above = image[r - 1, c]
                if above > 0 and joined(here, above, sin_r, cos_r, limit):
                    if parent[p] != parent[p - columns]:
                        _unite(parent, p, p - columns)
        for c in range(min(gap + 1, columns)):
            here = image[r, c]
            if here > 0:
                for k in range(c + 1, gap + 2):
                    left = image[r, c - k + columns]
                    if left > 0 and joined(here, left, sin_c[k], cos_c[k], limit):
                        _unite(parent, r * columns + c, r * columns + c - k + columns)
                    if left != 0:
                        break
            if here != 0:
                break
    for p in range(rows * columns):
        parent[p] = parent[parent[p]]


@njit(nogil=True, cache=True, error_model='numpy')
def label_points(image: Floats, pixel: Ints, row: NDArray[np.int16], range_m: Floats,
                 ground: NDArray[np.bool_], column_angle: Floats, tan_limit: float, parent: Ints,
                 root: Ints, size: Ints) -> None:
    """
    Give every point above the ground the root of its object: its own pixel's, or a neighbour's.

    A pixel shows its nearest return; a point behind it that fails the criterion may still belong
    to one of the eight pixels around.

    :param root: (N,) out: root pixel, -1 for ground and points of nothing.
    :param size: (R * C,) out: points per root.
    """
    rows, columns = image.shape
    flat = image.reshape(-1)
    limit = np.float32(tan_limit)
    size[:] = 0
    for i in range(len(pixel)):
        p = pixel[i]
        root[i] = -1
        if ground[i] or p < 0:
            continue
        r = row[i]
        sin_a, cos_a = column_angle[r], np.float32(1)
        here = range_m[i]
        best = p if joined(here, flat[p], sin_a, cos_a, limit) else -1
        if best < 0:
            c = p - r * columns
            nearest = np.float32(np.inf)
            for rr in range(max(r - 1, 0), min(r + 2, rows)):
                for k in range(-1, 2):
                    q = rr * columns + (c + k) % columns
                    off = abs(flat[q] - here)
                    if (flat[q] > 0 and off < nearest
                            and joined(here, flat[q], sin_a, cos_a, limit)):
                        best, nearest = q, off
        if best >= 0:
            root[i] = parent[best]
            size[parent[best]] += 1


@njit(nogil=True, cache=True, error_model='numpy')
def number_clusters(root: Ints, ground: NDArray[np.bool_], size: Ints, min_points: int,
                    max_points: int, noise: int, ids: Ints) -> int:
    """
    Give numbers from 1 to the clusters of a right size, in the order of the points.

    :param root: (N,) root per point, -1 without one.
    :param size: (K,) in: points per root; it is overwritten.
    :param ids: (N,) out: 0 for ground, `noise` for points of no cluster.
    :returns: number of clusters.
    """
    count = 0
    for i in range(len(root)):
        r = root[i]
        if r < 0:
            ids[i] = 0 if ground[i] else noise
            continue
        if size[r] > 0:
            if min_points <= size[r] <= max_points:
                count += 1
                size[r] = -count
            else:
                size[r] = 0
        ids[i] = -size[r] if size[r] < 0 else noise
    return count
