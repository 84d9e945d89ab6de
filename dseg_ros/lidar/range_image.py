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

"""The range image: one row per beam, one column per azimuth step, the nearest return per pixel."""

from __future__ import annotations

from dseg_ros.lidar.sensor import SCAN_JUMP, Sensor
from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Rows = NDArray[np.int16]

EMPTY = 0.0
"""Pixel without a return [m]."""

GROUND = -1.0
"""Pixel with ground alone [m]."""

_FAR_GROUND = np.float32(1e30)
_FAR_EMPTY = np.float32(2e30)
_TABLE = 8192
_SCAN_JUMP = np.float32(SCAN_JUMP)


def elevation_table(sensor: Sensor) -> tuple[Rows, float, float]:
    """
    Tabulate the nearest row by the tangent of elevation.

    :returns: (T,) rows; the tangent at its beginning, half a beam below the lowest; entries per
        unit of tangent.
    """
    beams = sensor.elevation_rad
    edges = (beams[1:] + beams[:-1]) / 2
    low = np.tan(beams[-1] - (edges[-1] - beams[-1]))
    high = np.tan(beams[0] + (beams[0] - edges[0]))
    tangent = low + (np.arange(_TABLE) + 0.5) * (high - low) / _TABLE
    rows = np.searchsorted(-np.tan(edges), -tangent).astype(np.int16)
    return rows, float(low), float(_TABLE / (high - low))


@njit(nogil=True, cache=True, error_model='numpy')
def rows_by_elevation(z: Floats, rho_m: Floats, table: Rows, low: float, scale: float,
                      row: Rows) -> int:
    """
    Give every point the row of the nearest beam.

    :param row: (N,) out; points above or below all beams go to the first or last row.
    :returns: number of points above or below all beams.
    """
    start, per = np.float32(low), np.float32(scale)
    last = len(table) - 1
    outside = 0
    for i in range(len(z)):
        k = int((z[i] / (rho_m[i] + np.float32(1e-6)) - start) * per)
        outside += k < 0 or k > last
        k = 0 if k < 0 else k
        k = last if k > last else k
        row[i] = table[k]
    return outside


@njit(nogil=True, cache=True, error_model='numpy')
def rows_by_ring(ring: NDArray[np.uint16], row_of_beam: Rows, row: Rows) -> int:
    """
    Give every point the row of its ring.

    :param row: (N,) out; -1 for a ring that the sensor has not.
    :returns: number of points of such rings.
    """
    outside = 0
    for i in range(len(ring)):
        known = ring[i] < len(row_of_beam)
        outside += not known
        row[i] = row_of_beam[ring[i]] if known else np.int16(-1)
    return outside


@njit(nogil=True, cache=True, error_model='numpy')
def rows_by_scan(turn: Floats, start: float, clockwise: bool, row_of_beam: Rows,
                 row: Rows) -> int:
    """
    Give every point the row of the scan that it is stored in.

    :param row: (N,) out; -1 beyond the sensor's last scan.
    :returns: number of scans.
    """
    scan = 0
    before = np.float32(0)
    begin, one = np.float32(start), np.float32(1)
    for i in range(len(turn)):
        along = turn[i] - begin
        along = along + one if along < 0 else along
        along = one - along if clockwise else along
        if i > 0 and along < before - _SCAN_JUMP:
            scan += 1
        before = along
        row[i] = row_of_beam[scan] if scan < len(row_of_beam) else np.int16(-1)
    return scan + 1


@njit(nogil=True, cache=True, error_model='numpy')
def fill_image(row: Rows, turn: Floats, range_m: Floats, ground: NDArray[np.bool_],
               image: Floats, pixel: Ints) -> None:
    """
    Put the nearest return above the ground into every pixel.

    :param row: (N,) row, -1 for points of no row.
    :param ground: (N,) points that only show that their pixel is not empty.
    :param image: (R, C) out: range [m], EMPTY or GROUND.
    :param pixel: (N,) out: flat index of the point's pixel, -1 for points of no row.
    """
    columns = np.int32(image.shape[1])
    width = np.float32(columns)
    for i in range(len(row)):
        place = np.int32(row[i]) * columns + np.int32(turn[i] * width)
        pixel[i] = place if row[i] >= 0 else np.int32(-1)
    flat = image.reshape(-1)
    flat[:] = _FAR_EMPTY
    for i in range(len(row)):
        p = pixel[i]
        if p < 0:
            continue
        # one minimum without a branch: which point of a pixel is nearest cannot be predicted
        value = _FAR_GROUND if ground[i] else range_m[i]
        flat[p] = min(flat[p], value)
    for k in range(len(flat)):
        value = flat[k]
        value = np.float32(GROUND) if value == _FAR_GROUND else value
        flat[k] = np.float32(EMPTY) if value == _FAR_EMPTY else value


@njit(nogil=True, cache=True, error_model='numpy')
def repair(image: Floats, rows: int, depth_m: float) -> None:
    """
    Fill empty pixels between two returns of a column that nearly agree (paper: 4 rows, 1 m).

    The filled ranges are interpolated linearly.

    :param image: (R, C) in and out [m].
    :param rows: the two returns are at most this many rows apart.
    :param depth_m: the two returns differ by less.
    """
    count, columns = image.shape
    for r in range(1, count - 1):
        for c in range(columns):
            above = image[r - 1, c]
            if image[r, c] != EMPTY or above <= 0:
                continue
            for below in range(r + 1, min(r + rows, count)):
                other = image[below, c]
                if other == EMPTY:
                    continue
                if other > 0 and abs(other - above) < depth_m:
                    step = (other - above) / np.float32(below - r + 1)
                    for k in range(r, below):
                        image[k, c] = above + step * np.float32(k - r + 1)
                break
