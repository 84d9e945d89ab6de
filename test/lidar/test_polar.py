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

"""Polar coordinates against numpy's."""

from dseg_ros.lidar.polar import polar
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np

COORDINATES = arrays(np.float32, st.tuples(st.just(3), st.integers(0, 40)),
                     elements=st.floats(-200, 200, width=32))


def find(xyz):
    """Call the fast pass."""
    turn, rho_m, range_m = (np.zeros(xyz.shape[1], np.float32) for _ in range(3))
    lost = polar(*np.ascontiguousarray(xyz), turn, rho_m, range_m)
    return lost, turn, rho_m, range_m


@given(COORDINATES)
@settings(max_examples=100, deadline=None)
def test_agrees_with_numpy(xyz):
    """Azimuth to 2e-6 rad, distances to single precision."""
    lost, turn, rho_m, range_m = find(xyz)
    x, y, z = xyz.astype(float)
    far = np.hypot(x, y) > 1e-3
    off = (turn - np.arctan2(y, x) / (2 * np.pi)) % 1
    assert lost == 0
    assert np.all((turn >= 0) & (turn < 1))
    assert np.all(np.minimum(off, 1 - off)[far] * 2 * np.pi < 2.5e-6)
    np.testing.assert_allclose(rho_m, np.hypot(x, y), rtol=1e-5, atol=1e-18)
    np.testing.assert_allclose(range_m, np.sqrt(x * x + y * y + z * z), rtol=1e-5, atol=1e-18)


def test_counts_points_that_are_not_finite():
    """In any coordinate: NaN and infinity."""
    xyz = np.ones((3, 5), np.float32)
    xyz[0, 1], xyz[1, 2], xyz[2, 4] = np.nan, np.inf, -np.inf
    assert find(xyz)[0] == 3
