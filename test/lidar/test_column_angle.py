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

"""Ground by column angles: its filter, its growth and the street."""

from dseg_ros.config.lidar import GroundConfig, ProposalsConfig
from dseg_ros.lidar.column_angle import (angle_image, dilate_columns, grow_ground,
                                         SAVITZKY_GOLAY, smooth_columns)
from dseg_ros.lidar.proposals import ProposalExtractor
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest
from scipy.signal import savgol_coeffs

SLOW = settings(max_examples=150, deadline=None)


@pytest.mark.parametrize('window', sorted(SAVITZKY_GOLAY))
def test_kernels_are_those_of_second_order(window):
    """As scipy computes them."""
    np.testing.assert_allclose(SAVITZKY_GOLAY[window], savgol_coeffs(window, 2), atol=1e-6)


def test_angles_of_a_plane_and_a_wall():
    """Level ground is 0, a wall is upright, nothing is NaN."""
    elevation = np.radians([-2, -4, -6, -8, -10, -12]).astype(np.float32)
    ground = (1.8 / -np.sin(elevation)).astype(np.float32)
    wall = (10 / np.cos(elevation)).astype(np.float32)
    image = np.stack([ground, wall, np.zeros(6, np.float32)], axis=1)
    angle = np.zeros_like(image)
    angle_image(image, elevation, angle)
    np.testing.assert_allclose(angle[1:, 0], 0, atol=1e-4)
    np.testing.assert_allclose(angle[1:, 1], np.pi / 2, atol=1e-4)
    assert np.isnan(angle[0]).all() and np.isnan(angle[:, 2]).all()


def test_smoothing_keeps_parabolas_and_gaps():
    """Second order goes through unchanged; windows with a gap are left alone."""
    rows = np.arange(12, dtype=np.float32)
    angle = np.stack([0.01 * rows ** 2, rows, np.where(rows == 5, np.nan, rows % 2)], axis=1)
    smooth = np.zeros_like(angle)
    smooth_columns(angle, SAVITZKY_GOLAY[7], smooth)
    np.testing.assert_allclose(smooth[:, :2], angle[:, :2], atol=1e-5)
    np.testing.assert_array_equal(smooth[3:8, 2], angle[3:8, 2])
    assert smooth[9, 2] == angle[9, 2]


def grown(image, angle, start, step):
    """Grow by trying every pixel until nothing changes."""
    rows, columns = image.shape
    ground = np.zeros(image.shape, bool)
    for c in range(columns):
        seen = np.flatnonzero(image[:, c] > 0)
        if len(seen) and angle[seen[-1], c] <= start:
            ground[seen[-1], c] = True
    while True:
        before = ground.copy()
        for r in range(rows):
            for c in range(columns):
                for rr, cc in ((r - 1, c), (r + 1, c), (r, (c - 1) % columns),
                               (r, (c + 1) % columns)):
                    if (0 <= rr < rows and image[r, c] > 0 and before[rr, cc]
                            and abs(angle[r, c] - angle[rr, cc]) < step):
                        ground[r, c] = True
        if (ground == before).all():
            return ground


@given(arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6)),
              elements=st.sampled_from([0.0, 0.0625, 0.125, 0.25, 0.75, np.nan])),
       st.integers(0, 2**32 - 1))
@SLOW
def test_growth_agrees_with_the_simple_version(angle, seed):
    """Any angles, any gaps, around the wrap."""
    image = (np.random.default_rng(seed).random(angle.shape) < 0.8).astype(np.float32)
    found = np.zeros(angle.shape, bool)
    stack = np.zeros(angle.size, np.int32)
    grow_ground(image, angle, 0.3, 0.13, stack, found)
    np.testing.assert_array_equal(found, grown(image, angle, 0.3, 0.13))


def test_dilation_goes_up_and_down_only():
    """Two rows to each side of one pixel."""
    ground = np.zeros((7, 3), bool)
    ground[3, 1] = True
    wide = np.zeros_like(ground)
    dilate_columns(ground, 2, wide)
    assert wide[:, 1].tolist() == [False, True, True, True, True, True, False]
    assert not wide[:, [0, 2]].any()


@pytest.mark.parametrize('window', [5, 7, 9, 11])
def test_the_street_has_ground(scene, window):
    """Most of it, and little else, with every window."""
    config = ProposalsConfig(ground=GroundConfig(method='column_angle', smooth_window=window))
    found = ProposalExtractor(config)(scene.cloud).point_ids == 0
    true = scene.instance == 0
    assert np.count_nonzero(found & true) / np.count_nonzero(found | true) > 0.85
