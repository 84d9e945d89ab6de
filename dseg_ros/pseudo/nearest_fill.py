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
Nearest-point fill: every pixel takes the label of the projected point that is nearest to it.

An exact search in two passes that the compiler vectorises: down and up the columns for the nearest
point of each column, then along the rows over the columns within reach.
"""

from __future__ import annotations

from numba import njit
import numpy as np
from numpy.typing import NDArray

MOST_PX = 31
"""Largest radius: squared distance and column must fit the whole numbers of a float32."""

_FAR = 1 << 10
_COLUMNS = 64.0  # a key is squared distance times this plus column


@njit(nogil=True, cache=True)
def _row_reach(nearest, radius_px):  # type: ignore[no-untyped-def]
    """Find how far any point that can reach a row reaches."""
    rows, columns = nearest.shape
    reach = np.zeros(rows, np.int32)
    for r in range(rows):
        own = 0
        for c in range(columns):
            if nearest[r, c] >= 0:
                own = max(own, int(radius_px[nearest[r, c]]))
        for other in range(max(0, r - own), min(rows, r + own + 1)):
            reach[other] = max(reach[other], own)
    return reach


@njit(nogil=True, cache=True)
def _column_gaps(nearest, gaps):  # type: ignore[no-untyped-def]
    """Write how many rows above (positive) or below each pixel its column's nearest point is."""
    rows, columns = nearest.shape
    run = np.full(columns, _FAR, np.int32)
    for r in range(rows):
        for c in range(columns):
            run[c] = 0 if nearest[r, c] >= 0 else min(run[c] + 1, _FAR)
            gaps[r, c] = run[c]
    run[:] = _FAR
    for r in range(rows - 1, -1, -1):
        for c in range(columns):
            run[c] = 0 if nearest[r, c] >= 0 else min(run[c] + 1, _FAR)
            gaps[r, c] = -run[c] if run[c] < gaps[r, c] else gaps[r, c]


@njit(nogil=True, cache=True)
def _row_search(gaps, reach, own_key, keys):  # type: ignore[no-untyped-def]
    """Find for each pixel of a row the nearest point: (squared distance, column) in one number."""
    columns = gaps.shape[0]
    for c in range(columns):
        own_key[c] = np.float32(gaps[c]) * np.float32(gaps[c]) * np.float32(_COLUMNS)
        keys[c] = np.float32(1e9)
    for shift in range(-reach, reach + 1):
        add = np.float32(shift * shift * _COLUMNS + shift + reach)
        first, last = max(0, -shift), min(columns, columns - shift)
        theirs, best = own_key[first + shift:last + shift], keys[first:last]
        for i in range(last - first):
            key = theirs[i] + add
            best[i] = key if key < best[i] else best[i]


@njit(nogil=True, cache=True)
def fill(nearest, labels, radius_px, spans, use_hull, out):  # type: ignore[no-untyped-def]
    """
    Label each pixel by its nearest point, within that point's radius and its segment's hull.

    :param nearest: (H, W) int32 raster of points, negative where none.
    :param labels: (M,) of the points, of the type of `out`.
    :param radius_px: (M,) float32, at most MOST_PX.
    :param spans: as `hull_spans` returns them.
    :param use_hull: whether to keep to the hulls.
    :param out: (H, W), prefilled with what pixels without label get.
    """
    segment, first_row, offset, left, right = spans
    rows, columns = nearest.shape
    row_reach = _row_reach(nearest, radius_px)
    gaps = np.empty(nearest.shape, np.int32)
    _column_gaps(nearest, gaps)
    own_key, keys = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for r in range(rows):
        reach = row_reach[r]
        if reach == 0:
            continue
        _row_search(gaps[r], reach, own_key, keys)
        for c in range(columns):
            if keys[c] >= (reach + 1) * (reach + 1) * _COLUMNS:
                continue
            key = int(keys[c])
            squared = key >> 6
            column = c + (key & 63) - reach
            j = nearest[r - gaps[r, column], column]
            if squared > radius_px[j] * radius_px[j]:
                continue
            s = segment[j]
            if use_hull and s > 0:
                row = r - first_row[s]
                if row < 0 or row >= offset[s + 1] - offset[s]:
                    continue
                if c < left[offset[s] + row] or c > right[offset[s] + row]:
                    continue
            out[r, c] = labels[j]


Spans = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32],
              NDArray[np.float32]]


def hull_spans(segment: NDArray[np.int32], u_px: NDArray[np.float32], v_px: NDArray[np.float32]
               ) -> Spans:
    """
    Find the convex hull of each segment in the image, as the columns that it spans in each row.

    :param segment: (M,) int32 per point; 1.. have a hull, others none.
    :param u_px: (M,) float32.
    :param v_px: (M,) float32, not negative after rounding.
    :returns: what `fill` takes.
    """
    count = int(segment.max(initial=0)) + 1
    first_row = np.full(count, np.iinfo(np.int32).max, np.int32)
    last_row = np.full(count, -1, np.int32)
    _row_ranges(segment, v_px, first_row, last_row)
    heights = np.maximum(last_row.astype(np.int64) - first_row + 1, 0)
    offset = np.zeros(count + 1, np.int32)
    np.cumsum(heights, out=offset[1:])
    left = np.full(offset[-1], np.inf, np.float32)
    right = np.full(offset[-1], -np.inf, np.float32)
    _row_extremes(segment, u_px, v_px, first_row, offset, left, right)
    _convex(offset, left, -1.0)
    _convex(offset, right, 1.0)
    return segment, first_row, offset, left, right


@njit(nogil=True, cache=True)
def _row_ranges(segment, v_px, first_row, last_row):  # type: ignore[no-untyped-def]
    for j in range(segment.shape[0]):
        s = segment[j]
        if s > 0:
            row = int(v_px[j] + 0.5)
            first_row[s] = min(first_row[s], row)
            last_row[s] = max(last_row[s], row)


@njit(nogil=True, cache=True)
def _row_extremes(segment, u_px, v_px, first_row, offset,  # type: ignore[no-untyped-def]
                  left, right):
    for j in range(segment.shape[0]):
        s = segment[j]
        if s > 0:
            place = offset[s] + int(v_px[j] + 0.5) - first_row[s]
            left[place] = min(left[place], u_px[j] - 0.5)  # the pixel that the point is in
            right[place] = max(right[place], u_px[j] + 0.5)


@njit(nogil=True, cache=True)
def _convex(offset, edge, side):  # type: ignore[no-untyped-def]
    """Replace the extremes of each segment's rows by the convex chain around them, in place."""
    chain = np.empty(edge.shape[0], np.int32)
    for s in range(offset.shape[0] - 1):
        size = 0
        for i in range(offset[s], offset[s + 1]):
            if np.isinf(edge[i]):
                continue
            while size >= 2:
                a, b = chain[size - 2], chain[size - 1]
                turn = (edge[b] - edge[a]) * (i - a) - (edge[i] - edge[a]) * (b - a)
                if side * turn > 0:  # b lies outside the line from a to i: it stays
                    break
                size -= 1
            chain[size] = i
            size += 1
        for k in range(size - 1):
            a, b = chain[k], chain[k + 1]
            for i in range(a + 1, b):
                edge[i] = edge[a] + (edge[b] - edge[a]) * (i - a) / (b - a)
