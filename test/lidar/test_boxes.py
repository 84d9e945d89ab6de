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

"""Boxes against numpy, and rectangles against a search over all angles."""

import math

from dseg_ros.lidar.boxes import BoxFitter
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

SEEDS = st.integers(0, 2**32 - 1)
SLOW = settings(max_examples=40, deadline=None)


def fit(kind, xyz, ids):
    """Fit boxes to points."""
    x, y, z = np.ascontiguousarray(xyz.T.astype(np.float32))
    return BoxFitter(kind)(x, y, z, ids.astype(np.int32), int(ids.max(initial=0)))


def corners(rng, n, length, width, yaw):
    """Draw an L of points, as a car shows two sides."""
    along = np.where(rng.random(n) < 0.5, rng.uniform(0, length, n), 0.0)
    across = np.where(along > 0, 0.0, rng.uniform(0, width, n))
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([c * along - s * across + 12, s * along + c * across - 7,
                     rng.uniform(-1.5, 0, n)], axis=1)


@pytest.mark.parametrize('kind', ['pca', 'min_area'])
@given(SEEDS, st.integers(1, 5), st.integers(5, 200))
@SLOW
def test_sums_and_boxes_agree_with_numpy(kind, seed, proposals, n):
    """Counts, means and a box that holds every point of its proposal."""
    rng = np.random.default_rng(seed)
    ids = np.concatenate([np.arange(1, proposals + 1), rng.integers(-1, proposals + 1, n)])
    xyz = rng.normal(size=(len(ids), 3)) * [3, 1, 1] + rng.uniform(-60, 60, (1, 3))
    found = fit(kind, xyz, ids)
    for m in range(proposals):
        own = xyz[ids == m + 1].astype(np.float32).astype(float)
        assert found.count[m] == len(own)
        np.testing.assert_allclose(found.centroid_m[m], own.mean(axis=0), atol=2e-4)
        assert found.range_m[m] == pytest.approx(np.linalg.norm(own, axis=1).mean(), abs=2e-3)
        yaw = found.yaw_rad[m]
        c, s = math.cos(yaw), math.sin(yaw)
        local = (own - found.centre_m[m]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        assert np.all(np.abs(local) <= found.size_m[m] / 2 + 2e-3)
        assert found.size_m[m, 0] >= found.size_m[m, 1]
        assert -math.pi / 2 < yaw <= math.pi / 2 + 1e-6


def test_pca_follows_the_longest_spread():
    """A bar at 30 degrees."""
    along = np.linspace(-3, 3, 61)
    yaw = math.radians(30)
    xyz = np.stack([along * math.cos(yaw), along * math.sin(yaw), np.zeros(61)], axis=1)
    found = fit('pca', xyz, np.ones(61))
    assert found.yaw_rad[0] == pytest.approx(yaw, abs=1e-5)
    np.testing.assert_allclose(found.size_m[0], [6, 0, 0], atol=1e-4)


@given(SEEDS, st.floats(-1.5, 1.5), st.floats(2.5, 6), st.floats(0.8, 2.4))
@SLOW
def test_least_rectangle_is_as_small_as_a_search_finds(seed, yaw, length, width):
    """Within the tenth that closer sides are worth, and the slices' error."""
    rng = np.random.default_rng(seed)
    xyz = corners(rng, 150, length, width, yaw)
    found = fit('min_area', xyz, np.ones(150))
    angles = np.radians(np.arange(0, 90, 0.05))
    u = xyz[:, 0] * np.cos(angles)[:, None] + xyz[:, 1] * np.sin(angles)[:, None]
    v = xyz[:, 1] * np.cos(angles)[:, None] - xyz[:, 0] * np.sin(angles)[:, None]
    least = (np.ptp(u, axis=1) * np.ptp(v, axis=1)).min()
    assert found.size_m[0, 0] * found.size_m[0, 1] <= least * 1.12 + 0.01


def test_least_rectangle_straightens_an_l():
    """Principal axes turn an L askew; its rectangle does not."""
    xyz = corners(np.random.default_rng(0), 400, 4.2, 1.8, 0.3)
    found = fit('min_area', xyz, np.ones(400))
    assert found.yaw_rad[0] == pytest.approx(0.3, abs=0.02)
    np.testing.assert_allclose(found.size_m[0, :2], [4.2, 1.8], atol=0.1)
    assert abs(fit('pca', xyz, np.ones(400)).yaw_rad[0] - 0.3) > 0.1


@pytest.mark.parametrize('kind', ['pca', 'min_area'])
def test_no_proposals_have_no_boxes(kind):
    """Nothing in, nothing out, of the right shapes."""
    found = fit(kind, np.ones((5, 3)), np.array([0, -1, 0, 0, -1]))
    assert found.count.shape == (0,) and found.centroid_m.shape == (0, 3)
    assert found.size_m.shape == found.centre_m.shape == (0, 3)


@pytest.mark.parametrize('kind', ['pca', 'min_area'])
def test_a_single_point_has_a_box_without_size(kind):
    """No division by nothing."""
    found = fit(kind, np.array([[3.0, 4.0, 0.0]]), np.array([1]))
    np.testing.assert_allclose(found.centre_m[0], [3, 4, 0], atol=1e-6)
    np.testing.assert_allclose(found.size_m[0], 0, atol=1e-6)
    assert found.range_m[0] == pytest.approx(5)
