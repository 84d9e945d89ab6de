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

"""Shapes that are known: a wall is planar, a pole linear, a bush scattered."""

from dseg_ros.pseudo.components import (
    connect, local_shape, measure, reaches, smoothed, voxelise)
import numpy as np
import pytest


def grid(*axes: np.ndarray) -> np.ndarray:
    """Make all combinations of coordinates, (N, 3) float64."""
    return np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(-1, len(axes))


WALL = grid(np.arange(0, 6, 0.1), np.array([0.0]), np.arange(0, 3, 0.1))
POLE = grid(np.array([0.0]), np.array([0.0]), np.arange(0, 6, 0.05))
FLOOR = grid(np.arange(0, 6, 0.1), np.arange(0, 6, 0.1), np.array([0.0]))


def test_voxels_keep_every_point() -> None:
    """Counts add up, means lie within their cells, values are averaged without the unknown."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-5, 5, (2000, 3))
    voxels = voxelise(points, 0.5)
    assert voxels.count.sum() == 2000
    assert np.array_equal(np.floor(points / 0.5).astype(int), voxels.cell[voxels.of_point])
    assert np.array_equal(np.floor(voxels.centre_m / 0.5).astype(int), voxels.cell)
    values = points[:, 0].astype(np.float32)
    values[voxels.of_point == 3] = np.nan
    mean = voxels.mean(values)
    assert np.isnan(mean[3]) and np.isfinite(np.delete(mean, 3)).all()
    assert mean[0] == pytest.approx(values[voxels.of_point == 0].mean(), abs=1e-5)


@pytest.mark.parametrize(('points', 'column', 'others'), [
    (WALL, 1, (0, 2)), (POLE, 0, (1, 2)), (FLOOR, 1, (0, 2))])
def test_shape_says_what_it_is(points: np.ndarray, column: int,
                               others: tuple[int, int]) -> None:
    """The largest of linearity, planarity, scattering is the right one."""
    shape = local_shape(voxelise(points, 0.3).centre_m, 14, 1.5)
    middle = np.nanmedian(shape, axis=0)
    assert all(middle[column] > middle[o] + 0.2 for o in others)


def test_a_bush_scatters() -> None:
    """Points all over have no direction."""
    points = np.random.default_rng(0).uniform(0, 4, (4000, 3))
    scattering = np.nanmedian(local_shape(voxelise(points, 0.3).centre_m, 14, 1.5)[:, 2])
    wall = np.nanmedian(local_shape(voxelise(WALL, 0.3).centre_m, 14, 1.5)[:, 2])
    assert scattering > 0.4 > wall


def test_normals_and_axes_point_right() -> None:
    """A wall's normal lies flat, a floor's stands; a pole's axis stands."""
    wall, floor, pole = (np.nanmedian(local_shape(voxelise(p, 0.3).centre_m, 14, 1.5), axis=0)
                         for p in (WALL, FLOOR, POLE))
    assert wall[3] < 0.1 and floor[3] > 0.9 and pole[4] > 0.99


def test_lonely_voxels_have_no_shape() -> None:
    """Fewer than four neighbours give NaN, not a guess; a single voxel works."""
    assert np.isnan(local_shape(np.array([[0.0, 0, 0], [50, 0, 0]]), 14, 1.5)).all()
    assert np.isnan(local_shape(np.zeros((1, 3)), 14, 1.5)).all()


def test_components_join_over_corners_only_when_adjacent() -> None:
    """A diagonal neighbour connects, a gap of one cell separates."""
    cell = np.array([[0, 0, 0], [1, 1, 1], [3, 1, 1], [4, 1, 1], [9, 9, 9]])
    component = connect(cell, np.zeros(5, np.int64))
    assert component[0] == component[1] and component[2] == component[3]
    assert len(set(component.tolist())) == 3
    apart = connect(cell, np.array([0, 1, 0, 0, 0]))
    assert apart[0] != apart[1] and apart[2] == apart[3]


def test_extents_follow_the_object_not_the_axes() -> None:
    """A car turned by 30 degrees keeps its length and width."""
    car = grid(np.arange(0, 4.5, 0.1), np.arange(0, 1.8, 0.1), np.arange(0.2, 1.5, 0.1))
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turned = car @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    extents = measure(np.zeros(len(turned), np.int64), turned, turned[:, 2])
    assert extents.long_m[0] == pytest.approx(4.4, abs=0.15)
    assert extents.short_m[0] == pytest.approx(1.7, abs=0.15)
    assert (extents.bottom_m[0], extents.top_m[0]) == (pytest.approx(0.2), pytest.approx(1.4))


def test_shapes_are_averaged_within_a_component() -> None:
    """An unknown shape takes its neighbours', those of another thing do not count."""
    centre = np.array([[0.0, 0, 0], [0.3, 0, 0], [0.6, 0, 0], [50.0, 0, 0]])
    shape = np.array([[1.0], [np.nan], [5.0], [np.nan]], np.float32)
    result = smoothed(shape, centre, np.array([0, 0, 1, 2]), 3, 1.0)[:, 0]
    assert result[:3].tolist() == [1.0, 1.0, 5.0] and np.isnan(result[3])


def test_what_reaches_the_top_beam_goes_on() -> None:
    """A component counts by its highest point."""
    elevation = np.array([-5.0, 1.9, 0, 0.5])
    found = reaches(np.array([0, 0, 1]), np.array([0, 1, 2, 2]), elevation, 1.0)
    assert found.tolist() == [True, False]
