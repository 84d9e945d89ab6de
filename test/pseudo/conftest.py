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

"""A street of boxes that is known exactly, with a camera looking along it."""

from dseg_ros.types import Camera, Cloud, Image, Proposals, View
import numpy as np
import pytest

CAMERA_T_LIDAR = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
"""The camera sits at the LiDAR and looks along +x."""


def grid(*axes: np.ndarray) -> np.ndarray:
    """Make all combinations of coordinates."""
    return np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(-1, 3)


def parts() -> dict[str, np.ndarray]:
    """Give the points of each thing; the LiDAR is 1.8 m above the road."""
    road = grid(np.arange(4, 40, 0.2), np.arange(-6, 6, 0.2), np.array([-1.8]))
    cars = [grid(np.arange(x, x + 4.2, 0.15), np.arange(y, y + 1.8, 0.15),
                 np.arange(-1.6, -0.3, 0.15)) for x, y in ((10, 2), (20, -4), (28, 2))]
    walls = [grid(np.arange(5, 40, 0.15), np.array([y]), np.arange(-1.5, 5, 0.15))
             for y in (-9.0, 9.0)]
    poles = [grid(np.array([x]), np.array([y]), np.arange(-1.5, 3.5, 0.05))
             for x, y in ((12, -6.5), (22, 6.5), (32, -6.5))]
    return {'road': road, 'car': np.concatenate(cars), 'wall': np.concatenate(walls),
            'pole': np.concatenate(poles)}


@pytest.fixture(scope='session')
def street() -> tuple[Cloud, Proposals, View, np.ndarray]:
    """Give a cloud, its ground, a view, and the index of the thing that each point is of."""
    things = parts()
    xyz = np.concatenate(list(things.values())).astype(np.float32)
    kind = np.repeat(np.arange(len(things)), [len(p) for p in things.values()])
    intensity = np.array([10, 40, 80, 20], np.float32)[kind]
    cloud = Cloud(0, 'lidar', *(np.ascontiguousarray(c) for c in xyz.T), intensity=intensity)
    ids = np.where(kind == 0, Proposals.GROUND, 1).astype(np.int32)
    none, none3 = np.zeros(0, np.float32), np.zeros((0, 3), np.float32)
    proposals = Proposals(0, 'lidar', ids, np.zeros(0, np.int32), none3, none3, none3, none,
                          none, 'test')
    k = np.array([[300.0, 0, 319.5], [0, 300.0, 179.5], [0, 0, 1]])
    rgb = np.full((360, 640, 3), 120, np.uint8)
    rgb[:180] = (90, 140, 220)
    view = View('front', Image(rgb, 0, 'camera'), Camera('camera', 640, 360, k), CAMERA_T_LIDAR)
    return cloud, proposals, view, kind
