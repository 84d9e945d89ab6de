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

"""Range image: rows, pixels and repair against simple versions of the same."""

from dseg_ros.lidar.range_image import (elevation_table, EMPTY, fill_image, GROUND, repair,
                                        rows_by_elevation, rows_by_ring, rows_by_scan)
from dseg_ros.lidar.sensor import PRESETS_DEG, Sensor
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np

SHAPE = st.tuples(st.integers(2, 9), st.integers(1, 7))
SLOW = settings(max_examples=150, deadline=None)


def repaired(image, rows, depth_m):
    """Fill the gaps of every column, one after the other."""
    out = image.copy()
    for column in range(image.shape[1]):
        seen = np.flatnonzero(image[:, column] != EMPTY)
        for above, below in zip(seen, seen[1:]):
            high, low = image[above, column], image[below, column]
            if (1 < below - above <= rows and high > 0 and low > 0
                    and abs(low - high) < depth_m):
                gap = np.arange(above + 1, below)
                out[gap, column] = np.interp(gap, [above, below], [high, low])
    return out


@given(arrays(np.float32, SHAPE, elements=st.sampled_from([EMPTY, GROUND, 5.0, 5.5, 6.5])),
       st.integers(2, 5))
@SLOW
def test_repair_agrees_with_the_simple_version(image, rows):
    """Empty pixels between two returns that nearly agree, and no others."""
    expected = repaired(image, rows, 1.0)
    repair(image, rows, 1.0)
    np.testing.assert_allclose(image, expected, rtol=1e-6)


@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
@SLOW
def test_every_pixel_holds_its_nearest_return(n, seed):
    """Ground shows only where nothing else does; points of no row show nowhere."""
    rng = np.random.default_rng(seed)
    row = rng.integers(-1, 3, n).astype(np.int16)
    turn = rng.random(n).astype(np.float32)
    range_m = rng.uniform(1, 9, n).astype(np.float32)
    ground = rng.random(n) < 0.4
    image, pixel = np.full((3, 8), -9, np.float32), np.zeros(n, np.int32)
    fill_image(row, turn, range_m, ground, image, pixel)
    column = (turn * 8).astype(int)
    np.testing.assert_array_equal(pixel, np.where(row >= 0, row * 8 + column, -1))
    for r in range(3):
        for c in range(8):
            here = (row == r) & (column == c)
            above = range_m[here & ~ground]
            expected = above.min() if len(above) else (GROUND if here.any() else EMPTY)
            assert image[r, c] == expected


def test_rows_by_elevation_takes_the_nearest_beam():
    """Uneven beams; what is above or below all of them is counted."""
    beams = np.radians(PRESETS_DEG['hdl64'])
    sensor = Sensor('elevation', beams, np.zeros(0, np.int16), 100)
    rng = np.random.default_rng(0)
    degrees = rng.uniform(-30, 6, 5000)
    rho_m = rng.uniform(1, 80, 5000).astype(np.float32)
    z = (rho_m * np.tan(np.radians(degrees))).astype(np.float32)
    row = np.zeros(5000, np.int16)
    outside = rows_by_elevation(z, rho_m, *elevation_table(sensor), row)
    nearest = np.abs(degrees[:, None] - PRESETS_DEG['hdl64']).argmin(axis=1)
    assert np.mean(row == nearest) > 0.985 and np.abs(row - nearest).max() <= 1
    far_off = (degrees > 2 + 0.34 / 2) | (degrees < -24.87 - 0.52 / 2)
    assert abs(outside - np.count_nonzero(far_off)) < 20


def test_rows_by_ring_counts_unknown_rings():
    """A ring beyond the sensor's gets no row."""
    row = np.zeros(4, np.int16)
    rings = np.array([0, 2, 3, 1], np.uint16)
    assert rows_by_ring(rings, np.array([2, 1, 0], np.int16), row) == 1
    assert row.tolist() == [2, 0, -1, 1]


def test_rows_by_scan_follows_the_storage():
    """A step back begins the next scan; small jitter does not."""
    turn = np.array([0.1, 0.5, 0.49, 0.9, 0.2, 0.6, 0.05], np.float32)
    row = np.zeros(7, np.int16)
    assert rows_by_scan(turn, 0.0, False, np.array([0, 1], np.int16), row) == 3
    assert row.tolist() == [0, 0, 0, 0, 1, 1, -1]
