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

"""Ground in the concentric zone model: every fast step against a simple one, then the street."""

import math

from dseg_ros.config.lidar import GroundConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.lidar.patch_planes import fit_plane, level_below, lowest_mean
from dseg_ros.lidar.patch_zones import assign_patches, make_zones, sort_by_patch
from dseg_ros.lidar.patchwork import PatchworkGround
from dseg_ros.lidar.polar import polar
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

SLOW = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def find_ground(x, y, z, **options):
    """Find the ground of points; give it with the height of the LiDAR."""
    merged = options.pop('merged', False)
    turn, rho_m, range_m = (np.zeros(len(x), np.float32) for _ in range(3))
    polar(x, y, z, turn, rho_m, range_m)
    ground = np.zeros(len(x), bool)
    height = PatchworkGround(GroundConfig(**options))(x, y, z, turn, rho_m, ground,
                                                      merged=merged)
    return ground, height


def iou(found, true):
    """Compute the intersection over union."""
    return np.count_nonzero(found & true) / np.count_nonzero(found | true)


@given(SEEDS, st.integers(0, 300))
@SLOW
def test_points_are_sorted_into_their_patches(seed, n):
    """Zones as Patchwork++ lays them out; the sort keeps every point."""
    rng = np.random.default_rng(seed)
    zones = make_zones(GroundConfig())
    turn = rng.random(n).astype(np.float32)
    rho_m = rng.uniform(0, 120, n).astype(np.float32)
    xyz = rng.normal(size=(3, n)).astype(np.float32)
    patch, count = np.zeros(n, np.int32), np.zeros(zones.patches, np.int32)
    assign_patches(turn, rho_m, zones.ring_at, patch, count)
    edges = np.concatenate([np.linspace(2.7, 12.3625, 3), np.linspace(12.3625, 22.025, 5)[1:],
                            np.linspace(22.025, 41.35, 5)[1:], np.linspace(41.35, 80, 5)[1:]])
    away = np.abs(rho_m[:, None] - edges).min(axis=1) > 0.03 if n else np.zeros(0, bool)
    ring = np.clip(np.searchsorted(edges, rho_m) - 1, 0, 13)
    expected = zones.first[ring] + np.floor(turn * zones.sectors[ring]).astype(int)
    np.testing.assert_array_equal(patch[away], expected[away])
    np.testing.assert_array_equal(count, np.bincount(patch, minlength=zones.patches))
    start, points = np.zeros(zones.patches + 1, np.int32), np.zeros((3, n), np.float32)
    sort_by_patch(*xyz, patch, count, start, points)
    np.testing.assert_array_equal(points, xyz[:, np.argsort(patch, kind='stable')])
    np.testing.assert_array_equal(start, np.concatenate([[0], np.cumsum(count)]))


@given(SEEDS, st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(10, 200))
@SLOW
def test_fit_plane_agrees_with_least_squares(seed, a, b, n):
    """With all points within reach."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-3, 3, (2, n))
    points = np.stack([x, y, a * x + b * y - 1.7 + rng.normal(0, 0.02, n)]).astype(np.float32)
    fa, fb, fc, variance, support = fit_plane(points, n, 0.0, 0.0, 0.0, 0.0, -1.7, 10.0)
    design = np.stack([x, y, np.ones(n)], axis=1)
    expected = np.linalg.lstsq(design, points[2].astype(float), rcond=None)[0]
    assert support == n and math.sqrt(variance) < 0.035
    np.testing.assert_allclose([fa, fb, fc], expected, atol=0.01)


def test_fit_plane_leaves_out_what_is_above_its_reach():
    """A wall does not lift the ground."""
    rng = np.random.default_rng(0)
    ground = np.stack([*rng.uniform(-2, 2, (2, 50)), np.zeros(50)])
    wall = np.stack([np.full(50, 2.0), rng.uniform(-2, 2, 50), rng.uniform(0.5, 2, 50)])
    points = np.concatenate([ground, wall], axis=1).astype(np.float32)
    *plane, _, support = fit_plane(points, 100, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2)
    assert support == 50
    np.testing.assert_allclose(plane, 0, atol=1e-6)


@given(SEEDS, st.integers(1, 80))
@SLOW
def test_lowest_mean_lies_among_the_lowest(seed, n):
    """Above the lowest point by no more than twice what holds twenty points."""
    z = np.random.default_rng(seed).normal(0, 1, n).astype(np.float32)
    lowest, mean = lowest_mean(z, -1.0)
    kept = np.sort(z[z >= -1.0])
    if not len(kept):
        assert lowest == mean == np.inf
        return
    assert lowest == kept[0]
    reach = max(0.03, 2 * (kept[:20][-1] - kept[0]))
    assert kept[0] - 1e-6 <= mean <= kept[0] + reach + 1e-4


@given(SEEDS, st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(-3, 0))
@SLOW
def test_level_below_is_that_of_the_road(seed, a, b, height):
    """Half of the patches see something else; some nothing."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-20, 20, (2, 160)).astype(np.float32)
    low = a * x + b * y + height + rng.normal(0, 0.02, 160)
    hidden = rng.random(160) < 0.5
    low[hidden] += rng.uniform(0.3, 3, np.count_nonzero(hidden))
    low[rng.random(160) < 0.1] = np.inf
    found = level_below(low.astype(np.float32), x, y)
    np.testing.assert_allclose(found[:2], (a, b), rtol=0, atol=0.05)
    assert found[2] == pytest.approx(height, abs=0.35)


def test_level_below_needs_a_patch():
    """None knows."""
    none = np.full(3, np.inf, np.float32)
    assert np.isnan(level_below(none, none, none)[2])


@pytest.mark.parametrize('street', ['scene', 'hill'])
def test_ground_of_the_street(street, request):
    """Against the truth; nothing higher than a kerb is ground."""
    seen = request.getfixturevalue(street)
    ground, height = find_ground(seen.cloud.x, seen.cloud.y, seen.cloud.z)
    assert height == pytest.approx(1.8, abs=0.15)
    assert iou(ground, seen.instance == 0) > 0.95
    slope = 0.06 if street == 'hill' else 0.0
    above = seen.cloud.z - slope * seen.cloud.x + 1.8
    assert np.mean(above[ground] > 0.2) < 0.005


def test_the_order_of_points_does_not_matter(scene):
    """Shuffled points have the same ground but for rounding."""
    order = np.random.default_rng(5).permutation(len(scene.cloud))
    ground, _ = find_ground(scene.cloud.x, scene.cloud.y, scene.cloud.z)
    shuffled = scene.without_rings(order)
    again, _ = find_ground(shuffled.x, shuffled.y, shuffled.z)
    assert np.mean(ground[order] == again) > 0.9999


def test_mirrored_points_do_not_pull_the_ground_down(scene):
    """Paint mirrors: twenty points in each near patch lie metres below the road."""
    rng = np.random.default_rng(6)
    count = 2000
    angle, rho_m = rng.uniform(0, 2 * np.pi, count), rng.uniform(3, 12, count)
    below = np.stack([rho_m * np.cos(angle), rho_m * np.sin(angle),
                      rng.uniform(-5, -3, count)]).astype(np.float32)
    x, y, z = np.concatenate([scene.cloud.xyz.T, below], axis=1)
    ground, height = find_ground(*(np.ascontiguousarray(v) for v in (x, y, z)), height_m=1.8)
    assert iou(ground[:len(scene.cloud)], scene.instance == 0) > 0.95
    assert height == 1.8


def test_a_bank_beside_the_road_is_ground():
    """Level to 8 m, then rising at 25 degrees; a roof at the same height is none."""
    rng = np.random.default_rng(7)
    n = 60000
    x, y = rng.uniform(-20, 20, (2, n))
    z = -1.8 + np.maximum(y - 8, 0) * math.tan(math.radians(25)) + rng.normal(0, 0.01, n)
    roof = (np.abs(x - 10) < 2) & (np.abs(y + 6) < 1)
    z[roof] = -0.3
    ground, _ = find_ground(*(v.astype(np.float32) for v in (x, y, z)))
    assert ground[(y > 8.5) & (y < 18)].mean() > 0.75
    assert not ground[roof].any()


def test_lidars_that_disagree_make_a_thicker_ground():
    """Two layers 0.18 m apart, as where merged LiDARs are calibrated by hand."""
    rng = np.random.default_rng(8)
    n = 40000
    x, y = rng.uniform(-25, 25, (2, n))
    z = np.where(rng.random(n) < 0.5, 0.0, 0.18) + rng.normal(0, 0.01, n)
    points = [v.astype(np.float32) for v in (x, y, z)]
    assert find_ground(*points, merged=True)[0].mean() > 0.99
    assert find_ground(*points)[0].mean() < 0.9


def test_too_few_points_have_no_ground():
    """Three points are nothing to fit."""
    ones = np.ones(3, np.float32)
    ground, height = find_ground(ones, ones, ones)
    assert not ground.any() and np.isnan(height)


def test_a_zone_without_width_is_refused():
    """The distances are named."""
    with pytest.raises(ConfigError, match='min_range_m'):
        GroundConfig(min_range_m=20.0, max_range_m=15.0)
