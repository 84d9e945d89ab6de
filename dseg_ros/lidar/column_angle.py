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
Ground by the angles down the columns of the range image (Bogoslavskyi and Stachniss, PFG 2017).

Faster to explain than planes and much less right: it needs a spinning scan pattern and takes
gentle bonnets for ground. Ours keeps angles only between real returns; the original counts missing
ones as flat.
"""

from __future__ import annotations

import math

from dseg_ros.config.lidar import GroundConfig
from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

SAVITZKY_GOLAY: dict[int, NDArray[np.float32]] = {
    5: np.array([-3, 12, 17, 12, -3], np.float32) / np.float32(35),
    7: np.array([-2, 3, 6, 7, 6, 3, -2], np.float32) / np.float32(21),
    9: np.array([-21, 14, 39, 54, 59, 54, 39, 14, -21], np.float32) / np.float32(231),
    11: np.array([-36, 9, 44, 69, 84, 89, 84, 69, 44, 9, -36], np.float32) / np.float32(429),
}
"""Second-order smoothing by window length (Savitzky and Golay, 1964)."""

_SAME_M = 0.5
"""Points of a ground pixel this far behind its return are no ground [m]; our choice."""


@njit(nogil=True, cache=True, error_model='numpy')
def angle_image(image: Floats, elevation: Floats, angle: Floats) -> None:
    """
    Find the inclination of the line between each return and the one above it.

    :param image: (R, C) range [m], not positive where empty.
    :param elevation: (R,) of the rows [rad].
    :param angle: (R, C) out [rad], 0 = level, pi/2 = upright; NaN without two returns.
    """
    rows, columns = image.shape
    angle[0, :] = np.nan
    for r in range(1, rows):
        sin_h, cos_h = np.float32(math.sin(elevation[r - 1])), np.float32(
            math.cos(elevation[r - 1]))
        sin_l, cos_l = np.float32(math.sin(elevation[r])), np.float32(math.cos(elevation[r]))
        for c in range(columns):
            high, low = image[r - 1, c], image[r, c]
            if high > 0 and low > 0:
                angle[r, c] = math.atan2(abs(low * sin_l - high * sin_h),
                                         abs(low * cos_l - high * cos_h))
            else:
                angle[r, c] = np.nan


@njit(nogil=True, cache=True, error_model='numpy')
def smooth_columns(angle: Floats, kernel: Floats, smooth: Floats) -> None:
    """
    Smooth down the columns, where the whole window has angles; elsewhere keep them.

    :param kernel: (W,) odd.
    :param smooth: (R, C) out [rad].
    """
    rows, columns = angle.shape
    half = len(kernel) // 2
    smooth[:] = angle
    for r in range(half, rows - half):
        for c in range(columns):
            total = np.float32(0)
            for k in range(len(kernel)):
                total += kernel[k] * angle[r + k - half, c]
            if total == total:
                smooth[r, c] = total


@njit(nogil=True, cache=True, error_model='numpy')
def grow_ground(image: Floats, angle: Floats, start: float, step: float, stack: Ints,
                ground: Bools) -> None:
    """
    Grow the ground from the lowest return of every column over angles that change little.

    :param start: a lowest return steeper than this starts nothing [rad].
    :param step: neighbours differ by less [rad].
    :param stack: (R * C,) room to work in.
    :param ground: (R, C) out.
    """
    rows, columns = image.shape
    ground[:] = False
    depth = 0
    for c in range(columns):
        r = rows - 1
        while r > 0 and image[r, c] <= 0:
            r -= 1
        if image[r, c] > 0 and angle[r, c] <= start:
            ground[r, c] = True
            stack[depth] = r * columns + c
            depth += 1
    while depth > 0:
        depth -= 1
        r, c = stack[depth] // columns, stack[depth] % columns
        for k in range(4):
            rr = r + (k == 0) - (k == 1)
            cc = (c + (k == 2) - (k == 3)) % columns
            if 0 <= rr < rows and not ground[rr, cc] and image[rr, cc] > 0:
                if abs(angle[rr, cc] - angle[r, c]) < step:
                    ground[rr, cc] = True
                    stack[depth] = rr * columns + cc
                    depth += 1


@njit(nogil=True, cache=True, error_model='numpy')
def dilate_columns(ground: Bools, reach: int, wide: Bools) -> None:
    """
    Widen the ground up and down its columns.

    :param reach: rows to each side.
    :param wide: (R, C) out.
    """
    rows, columns = ground.shape
    for r in range(rows):
        for c in range(columns):
            any_ground = False
            for k in range(max(r - reach, 0), min(r + reach + 1, rows)):
                any_ground = any_ground or ground[k, c]
            wide[r, c] = any_ground


@njit(nogil=True, cache=True, error_model='numpy')
def ground_of_points(image: Floats, wide: Bools, pixel: Ints, range_m: Floats,
                     ground: Bools) -> None:
    """
    Mark the points of ground pixels, without those behind the return that was judged.

    :param ground: (N,) out.
    """
    flat, mask = image.reshape(-1), wide.reshape(-1)
    for i in range(len(pixel)):
        p = pixel[i]
        ground[i] = p >= 0 and mask[p] and range_m[i] - flat[p] < _SAME_M


class ColumnAngleGround:
    """
    Finds ground on a range image with buffers that it keeps; not thread-safe.

    :param config: its angles and the smoothing window.
    """

    def __init__(self, config: GroundConfig) -> None:
        """Take the thresholds."""
        self._start = math.radians(config.start_angle_deg)
        self._step = math.radians(config.step_angle_deg)
        self._kernel = SAVITZKY_GOLAY[config.smooth_window]
        self._reach = max(config.smooth_window - 2, 3) // 2
        self._shape: tuple[int, ...] = (0, 0)

    def __call__(self, image: Floats, elevation: Floats, pixel: Ints, range_m: Floats,
                 ground: Bools) -> None:
        """
        Find the ground of a sweep.

        :param image: (R, C) range of the nearest return [m], repaired.
        :param elevation: (R,) of the rows, from top to bottom [rad].
        :param pixel: (N,) pixel per point, -1 for none.
        :param range_m: (N,) [m].
        :param ground: (N,) out.
        """
        if self._shape != image.shape:
            self._shape = image.shape
            self._angle, self._smooth = np.empty_like(image), np.empty_like(image)
            self._mask = np.zeros(image.shape, np.bool_)
            self._wide = np.zeros(image.shape, np.bool_)
            self._stack = np.zeros(image.size, np.int32)
        angle_image(image, elevation, self._angle)
        smooth_columns(self._angle, self._kernel, self._smooth)
        grow_ground(image, self._smooth, self._start, self._step, self._stack, self._mask)
        dilate_columns(self._mask, self._reach, self._wide)
        ground_of_points(image, self._wide, pixel, range_m, ground)
