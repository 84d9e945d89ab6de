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

"""Sensors that are derived from the data."""

from dseg_ros.config.lidar import RangeImageConfig
from dseg_ros.lidar.beams import beam_contrast, beams_from_elevations
from dseg_ros.lidar.polar import polar
from dseg_ros.lidar.rows import RowAssigner
from dseg_ros.lidar.sensor import derive_sensor, PRESETS_DEG
from dseg_ros.types import Cloud
import numpy as np
import pytest

BEAMS_DEG = PRESETS_DEG['hdl64']


def prepared(cloud):
    """Give azimuth and distance of the points."""
    turn, rho_m, range_m = (np.zeros(len(cloud), np.float32) for _ in range(3))
    polar(cloud.x, cloud.y, cloud.z, turn, rho_m, range_m)
    return turn, rho_m


def derive(cloud, **options):
    """Derive the sensor of a cloud."""
    return derive_sensor(cloud, *prepared(cloud), RangeImageConfig(**options))


def assigned(cloud, assigner):
    """Give the rows of a cloud."""
    row = np.full(len(cloud), -9, np.int16)
    return assigner(cloud, *prepared(cloud), row), row


def test_rings_become_rows_from_top_to_bottom(scene):
    """Rings are numbered from below here, rows never are."""
    sensor = derive(scene.cloud)
    assert sensor.rows_from == 'ring'
    np.testing.assert_array_equal(sensor.row_of_beam, np.arange(64)[::-1])
    # the uppermost beams see nothing but two walls
    np.testing.assert_allclose(np.degrees(sensor.elevation_rad), BEAMS_DEG, atol=0.05)


def test_beams_are_found_in_points_without_rings_or_order(scene):
    """The histogram of elevations shows all 64 where they stand."""
    order = np.random.default_rng(0).permutation(len(scene.cloud))
    sensor = derive(scene.without_rings(order))
    assert sensor.rows_from == 'elevation'
    found = np.degrees(sensor.elevation_rad)
    assert all(np.abs(found - beam).min() < 0.03 for beam in BEAMS_DEG)
    assert len(found) == 64


@pytest.mark.parametrize('clockwise', [False, True])
@pytest.mark.parametrize('start', [0.0, 0.5])
def test_beams_stored_one_after_the_other_become_rows(scene, clockwise, start):
    """As KITTI stores them; cut at +x or at -x, turning either way."""
    turn, _ = prepared(scene.cloud)
    along = (turn - start) % 1
    order = np.lexsort((-along if clockwise else along, -scene.cloud.ring.astype(int)))
    cloud = scene.without_rings(order)
    assigner = RowAssigner(RangeImageConfig())
    spinning, row = assigned(cloud, assigner)
    assert spinning and assigner.sensor.rows_from == 'scan'
    np.testing.assert_array_equal(row, 63 - scene.cloud.ring[order].astype(int))


def test_columns_follow_the_native_step(scene):
    """A column is a tenth wider than the step of 0.3 degrees."""
    assert abs(derive(scene.cloud, columns=0).columns - 1080) < 5
    assert derive(scene.cloud, columns=512).columns == 512


def test_scattered_points_have_no_sensor():
    """Points without beams, and too few to tell."""
    rng = np.random.default_rng(1)
    xyz = rng.normal(size=(3, 30000)).astype(np.float32) * np.float32(20)
    cloud = Cloud(0, 'merged', *xyz)
    assert derive(cloud) is None
    assert derive(Cloud(0, 'merged', *xyz[:, :100])) is None


def test_contrast_tells_beams_from_none(scene):
    """Well apart from the threshold on both sides."""
    turn, rho_m = prepared(scene.cloud)
    elevation = np.arctan2(scene.cloud.z, rho_m).astype(float)
    rng = np.random.default_rng(2)
    threshold = RangeImageConfig().beam_contrast
    assert beam_contrast(elevation, turn) > 3 * threshold
    blurred = elevation + rng.uniform(-0.01, 0.01, len(elevation))
    assert beam_contrast(blurred, turn) < threshold / 2


def test_two_lidars_that_share_ring_numbers_have_no_sensor(scene):
    """Rings whose elevations jump from point to point are none, and the beams blur."""
    rng = np.random.default_rng(3)
    moved = scene.cloud.xyz + np.array([1.5, 0.3, -0.9], np.float32)
    xyz = np.concatenate([scene.cloud.xyz, moved]) + rng.normal(0, 1e-3, (1, 3))
    ring = np.concatenate([scene.cloud.ring, scene.cloud.ring[::-1]])
    cloud = Cloud(0, 'both', *np.ascontiguousarray(xyz.T.astype(np.float32)), ring=ring)
    found = derive(cloud)
    assert found is None or found.rows_from != 'ring'


def test_a_preset_needs_no_data(scene):
    """The preset's beams, whatever the cloud."""
    sensor = derive(scene.cloud, sensor='vlp16')
    np.testing.assert_allclose(np.degrees(sensor.elevation_rad), np.linspace(15, -15, 16))


def test_an_unknown_ring_derives_the_sensor_anew(scene):
    """A first sweep may miss the upper beams."""
    low = scene.cloud.select(scene.cloud.ring < 40)
    assigner = RowAssigner(RangeImageConfig())
    assert assigned(low, assigner)[0]
    assert assigner.sensor.rows == 40
    _, row = assigned(scene.cloud, assigner)
    assert assigner.sensor.rows == 64
    np.testing.assert_array_equal(row, 63 - scene.cloud.ring.astype(int))


def test_a_sensor_is_kept_while_it_fits(scene):
    """Deriving is slow; a sweep that fits does not ask for it."""
    assigner = RowAssigner(RangeImageConfig())
    assigned(scene.cloud, assigner)
    first = assigner.sensor
    assigned(scene.cloud.select(scene.cloud.x > 0), assigner)
    assert assigner.sensor is first


def test_a_ring_that_no_lidar_has_is_named(scene):
    """A broken field is no sensor."""
    ring = scene.cloud.ring.copy()
    ring[7] = 4000
    cloud = Cloud(0, 'lidar', scene.cloud.x, scene.cloud.y, scene.cloud.z, ring=ring)
    with pytest.raises(ValueError, match='ring 4000'):
        assigned(cloud, RowAssigner(RangeImageConfig()))


@pytest.mark.parametrize('name', sorted(PRESETS_DEG))
def test_presets_can_be_derived_from_data(name):
    """Every preset's beams come back from points that it would see."""
    rng = np.random.default_rng(4)
    beams = PRESETS_DEG[name]
    turn = np.tile(np.arange(1800) / 1800, len(beams)).astype(np.float32)
    elevation = np.repeat(np.radians(beams), 1800) + rng.normal(0, 2e-5, len(turn))
    kept = rng.random(len(turn)) < 0.8
    found = np.degrees(beams_from_elevations(elevation[kept], turn[kept]))
    np.testing.assert_allclose(found, beams, atol=0.02)
