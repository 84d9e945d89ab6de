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

"""What the camera sees of the points: z-buffer and parallax."""

from dseg_ros.geometry import EMPTY, hidden, project_xyz, visible_raster
from dseg_ros.types import Camera
import numpy as np
import pytest

CAMERA = Camera('eye', 640, 360, np.array([[500, 0, 320], [0, 500, 180], [0, 0, 1.0]]))


def arrays(*points):
    """Separate the coordinates of points."""
    return tuple(np.ascontiguousarray(np.concatenate(points).astype(np.float32).T))


def wall(z, left, right, step=0.1):
    """Sample an upright wall in front of the camera."""
    x, y = np.meshgrid(np.arange(left, right, step), np.arange(-1, 1, step))
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], axis=1)


@pytest.mark.parametrize('cell_px', [1, 4])
def test_the_nearest_point_of_a_cell_wins(cell_px):
    """Two points on one ray: the nearer one, in whatever order they come."""
    for points in ([[0, 0, 5], [0, 0, 9]], [[0, 0, 9], [0, 0, 5]]):
        raster = visible_raster(*arrays(np.array(points)), CAMERA, np.eye(4), cell_px)
        assert raster.nearest.shape == (-(-360 // cell_px), -(-640 // cell_px))
        row = raster.nearest[180 // cell_px, 320 // cell_px]
        assert raster.projection.depth_m[row] == 5
        assert (raster.nearest != EMPTY).sum() == 1


def test_raster_against_a_plain_loop():
    """Random points: every cell holds the nearest of its points."""
    rng = np.random.default_rng(0)
    x, y, z = arrays(rng.uniform(-1, 1, (4000, 3)) * [8, 4, 0] + [0, 0, 10]
                     + rng.uniform(0, 20, (4000, 1)) * [0, 0, 1])
    out = np.empty((90, 160), np.int32)
    raster = visible_raster(x, y, z, CAMERA, np.eye(4), 4, out)
    assert raster.nearest is out
    seen = raster.projection
    expected = {}
    for j in range(len(seen.rows)):
        cell = int((seen.v_px[j] + 0.5) / 4), int((seen.u_px[j] + 0.5) / 4)
        expected[cell] = min(expected.get(cell, np.inf), seen.depth_m[j])
    got = {(r, c): seen.depth_m[out[r, c]] for r, c in np.argwhere(out != EMPTY)}
    assert got == expected
    with pytest.raises(ValueError, match=r'\(10, 10\).*\(90, 160\)'):
        visible_raster(x, y, z, CAMERA, np.eye(4), 4, np.empty((10, 10), np.int32))


def test_a_wall_behind_a_car_is_hidden_and_beside_it_is_not():
    """Points that the LiDAR saw over a nearer object are reported, all others are kept."""
    front, back = wall(8, -1, 1), wall(20, -6, 6)
    x, y, z = arrays(front, back)
    seen = project_xyz(x, y, z, CAMERA, np.eye(4))
    gone = np.zeros(len(x), bool)
    gone[seen.rows[hidden(seen, CAMERA)]] = True
    assert not gone[:len(front)].any()
    behind = (abs(back[:, 0] / 20) < 0.9 / 8) & (abs(back[:, 1] / 20) < 0.9 / 8)
    beside = abs(back[:, 0] / 20) > 1.3 / 8
    assert gone[len(front):][behind].all()
    assert not gone[len(front):][beside].any()


def test_what_is_beside_a_pole_is_seen():
    """Nearer points on one side alone hide nothing: the wall left and right of a pole stays."""
    y = np.arange(-1, 1, 0.05)
    pole = np.stack([np.zeros(y.size), y, np.full(y.size, 8.0)], axis=1)
    x, y, z = arrays(pole, wall(20, -3, 3, 0.05))
    seen = project_xyz(x, y, z, CAMERA, np.eye(4))
    gone = hidden(seen, CAMERA)
    beside = abs(seen.u_px - 320) > 4
    assert beside.sum() > 1000 and not gone[beside].any()


def test_a_road_does_not_hide_itself():
    """Rings on flat ground, seen at grazing angles out to 60 m, stay visible."""
    elevation = np.deg2rad(np.arange(-24, -1.5, 0.4))
    azimuth = np.deg2rad(np.arange(-40, 40, 0.2))
    reach, angle = (a.ravel() for a in np.meshgrid(1.73 / np.tan(-elevation), azimuth))
    road = np.stack([reach * np.sin(angle), np.full(reach.shape, 1.65), reach * np.cos(angle)],
                    axis=1)
    seen = project_xyz(*arrays(road), CAMERA, np.eye(4))
    assert len(seen.rows) > 3000
    assert not hidden(seen, CAMERA).any()
