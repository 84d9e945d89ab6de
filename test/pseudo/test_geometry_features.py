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

"""Descriptions of a street that is known."""

from dataclasses import replace

from dseg_ros.config.pseudo import GeometryFeaturesConfig
from dseg_ros.pseudo.appearance import average, describe_image, look
from dseg_ros.pseudo.geometry_features import (
    describe, GROUND_FEATURES, intensity_rank, NONE, OBJECT_FEATURES)
from dseg_ros.types import Cloud, Proposals, View
import numpy as np
import pytest

Street = tuple[Cloud, Proposals, View, np.ndarray]


def column(name: str) -> int:
    """Find the column of a feature of objects."""
    return [n for n, _ in OBJECT_FEATURES].index(name)


def test_things_are_described_as_they_are(street: Street) -> None:
    """Heights, extents and shapes of cars, walls and poles come out right."""
    cloud, proposals, view, kind = street
    voxels, cells = describe(cloud, proposals, look(cloud, view), GeometryFeaturesConfig())
    assert voxels.features.shape[1] == len(OBJECT_FEATURES)
    assert cells.features.shape[1] == len(GROUND_FEATURES)

    def of(thing: int, name: str) -> float:
        rows = voxels.of_point[kind == thing]
        return float(np.nanmedian(voxels.features[rows, column(name)]))

    car, wall, pole = 1, 2, 3
    assert np.expm1(of(car, 'long')) == pytest.approx(4.2, abs=0.4)
    assert np.expm1(of(car, 'top')) == pytest.approx(1.4, abs=0.3)
    assert np.expm1(of(wall, 'top')) == pytest.approx(6.8, abs=0.4)
    assert of(pole, 'axis_z') > 0.95 and of(pole, 'linearity') > of(wall, 'linearity') + 0.3
    assert of(wall, 'planarity') > 0.4 and of(wall, 'normal_z') < 0.2


def test_every_point_in_range_is_in_an_element_of_its_kind(street: Street) -> None:
    """Ground points are in cells, the others in voxels, none in both."""
    cloud, proposals, view, kind = street
    config = GeometryFeaturesConfig(max_range_m=30.0)
    voxels, cells = describe(cloud, proposals, look(cloud, view), config)
    near = np.hypot(cloud.x, cloud.y) < 30
    assert np.array_equal(cells.of_point != NONE, near & (kind == 0))
    assert np.array_equal(voxels.of_point != NONE, near & (kind != 0))
    assert voxels.points.sum() == (near & (kind != 0)).sum()


def test_a_tinted_camera_sees_the_same_ground(street: Street) -> None:
    """Ground is told by how it differs from most of the ground, whatever the colour cast."""
    cloud, proposals, view, _ = street
    seen = look(cloud, view)
    tinted = seen + np.array([0.4, -0.8, 0.5, 0.3], np.float32)
    one, other = (describe(cloud, proposals, s, GeometryFeaturesConfig())[1].features
                  for s in (seen, tinted))
    assert np.nanmax(np.abs(one - other)) < 1e-4
    absolute = GeometryFeaturesConfig(ground_relative=False)
    one, other = (describe(cloud, proposals, s, absolute)[1].features for s in (seen, tinted))
    assert np.nanmax(np.abs(one - other)) > 0.5


def test_intensity_is_a_rank() -> None:
    """Sensors with other units give the same; a constant one says nothing."""
    z = np.zeros(4, np.float32)
    cloud = Cloud(0, 'l', z, z, z, intensity=np.array([3, 1, 4, 1], np.float32))
    other = replace(cloud, intensity=cloud.intensity * 1000 + 7)
    assert intensity_rank(cloud).tolist() == intensity_rank(other).tolist()
    assert intensity_rank(cloud).tolist() == pytest.approx([0.625, 0.25, 0.875, 0.25])
    assert np.isnan(intensity_rank(replace(cloud, intensity=z))).all()
    assert np.isnan(intensity_rank(replace(cloud, intensity=None))).all()


def test_without_ground_or_without_objects(street: Street) -> None:
    """Either may be missing, and so may everything."""
    cloud, proposals, view, _ = street
    config = GeometryFeaturesConfig()
    seen = look(cloud, view)
    for value in (Proposals.GROUND, 1):
        ids = np.full(len(cloud), value, np.int32)
        parts = describe(cloud, replace(proposals, point_ids=ids), seen, config)
        assert sum(len(p.features) > 0 for p in parts) == 1
    empty = cloud.select(np.zeros(0, np.int64))
    parts = describe(empty, replace(proposals, point_ids=np.zeros(0, np.int32)),
                     np.zeros((0, 4), np.float32), config)
    assert all(len(p.features) == 0 and len(p.of_point) == 0 for p in parts)


def test_arrays_of_another_cloud_are_refused(street: Street) -> None:
    """The lengths are named."""
    cloud, proposals, _, _ = street
    with pytest.raises(ValueError, match=r'\(3, 4\)'):
        describe(cloud, proposals, np.zeros((3, 4), np.float32), GeometryFeaturesConfig())


def test_colour_comes_from_the_right_pixels(street: Street) -> None:
    """Points above the horizon see the blue half, points below the grey one."""
    cloud, _, view, _ = street
    seen = look(cloud, view)
    in_view = np.isfinite(seen[:, 0])
    assert in_view.sum() > 1000 and not in_view[cloud.x < 0].any()
    slope = cloud.z / cloud.x
    blue = seen[:, 2]
    assert np.nanmax(blue[in_view & (slope > 0.05)]) < -1
    assert np.nanmin(blue[in_view & (slope < -0.05)]) > -0.5


def test_hidden_points_have_no_colour(street: Street) -> None:
    """What a nearer thing covers is not looked at."""
    cloud, _, view, _ = street
    front = np.stack(np.meshgrid(np.array([3.0]), np.arange(-3, 3, 0.03),
                                 np.arange(-1.8, 1.5, 0.03), indexing='ij'), -1).reshape(-1, 3)
    xyz = np.concatenate([cloud.xyz, front.astype(np.float32)])
    covered = Cloud(0, 'l', *(np.ascontiguousarray(c) for c in xyz.T))
    seen = np.isfinite(look(covered, view)[:, 0])
    behind = (np.abs(cloud.y / cloud.x) < 0.5) & (cloud.z / cloud.x < 0.3)
    assert seen[len(cloud):].mean() > 0.9 and seen[:len(cloud)][behind].mean() < 0.02


def test_cameras_are_averaged_where_they_see() -> None:
    """One camera's NaN does not spoil the other's value."""
    a = np.array([[1.0] * 4, [np.nan] * 4, [np.nan] * 4], np.float32)
    b = np.array([[3.0] * 4, [5.0] * 4, [np.nan] * 4], np.float32)
    result = average([a, b], 3)
    assert result[:2, 0].tolist() == [2.0, 5.0] and np.isnan(result[2]).all()
    assert np.isnan(average([], 2)).all()


def test_lightness_does_not_depend_on_exposure() -> None:
    """A darker picture of the same scene has the same relative lightness."""
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(40, 250, (6, 8, 1)), np.ones((40, 40, 3))).astype(np.uint8)
    light = describe_image(image)[..., 0]
    dark = describe_image((image * 0.6).astype(np.uint8))[..., 0]
    assert np.abs(light - dark).mean() < 0.1
