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

"""A street of boxes on a plane, seen by 64 beams: every point knows its object."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.types import Cloud
import numpy as np
from numpy.typing import NDArray

BEAMS_DEG = np.concatenate([np.linspace(2.0, -8.5, 32), np.linspace(-8.87, -24.87, 32)])
HEIGHT_M = 1.8


@dataclass(frozen=True)
class Scene:
    """
    A sweep with the truth.

    :param cloud: stored column by column, with rings from the lowest beam up.
    :param instance: (N,) 0 = ground, else the box from 1.
    :param boxes: (B, 6) centre x, y; length, width, height [m]; yaw [rad]; they stand on z = 0
        of the street.
    """

    cloud: Cloud
    instance: NDArray[np.int64]
    boxes: NDArray[np.float64]

    def without_rings(self, order: NDArray[np.int64] | None = None) -> Cloud:
        """Give the points without rings, in another order."""
        cloud = self.cloud
        order = np.arange(len(cloud)) if order is None else order
        return Cloud(cloud.stamp_ns, cloud.frame, cloud.x[order], cloud.y[order], cloud.z[order])


CARS = [(8, 3, 4.2, 1.8, 1.5, 0.05), (16, -3.5, 4.5, 1.9, 1.6, 0.0), (-9, 3.2, 4.2, 1.8, 1.5, 0.4),
        (-14, -3, 7.0, 2.4, 3.0, -0.1), (6, -6, 0.5, 0.5, 1.75, 0.0), (12, 7, 0.5, 0.5, 1.7, 0.0),
        (-4, 8, 0.3, 0.3, 4.0, 0.0), (0, 16, 20.0, 1.0, 8.0, 0.0), (2, -18, 30.0, 1.0, 6.0, 0.03),
        (-25, 8, 4.3, 1.8, 1.5, 1.2), (0.5, -5, 4.2, 1.8, 1.5, 0.0)]


def look(boxes: NDArray[np.float64], columns: int, seed: int, slope: float = 0.0,
         noise_m: float = 0.01) -> Scene:
    """Cast one ray per beam and column against the plane z = slope * x and the boxes."""
    elevation, azimuth = np.meshgrid(np.radians(BEAMS_DEG[::-1]),
                                     np.pi - (np.arange(columns) + 0.5) * 2 * np.pi / columns)
    ring = np.tile(np.arange(64), columns)
    ray = np.stack([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth),
                    np.sin(elevation)], axis=-1).reshape(-1, 3)
    with np.errstate(divide='ignore', invalid='ignore'):
        best = HEIGHT_M / (slope * ray[:, 0] - ray[:, 2])
        best[best <= 0] = np.inf
        instance = np.zeros(len(ray), np.int64)
        for number, (x, y, length, width, height, yaw) in enumerate(boxes, 1):
            c, s = np.cos(yaw), np.sin(yaw)
            turned = np.stack([c * ray[:, 0] + s * ray[:, 1], c * ray[:, 1] - s * ray[:, 0],
                               ray[:, 2]], axis=1)
            centre = np.array([c * x + s * y, c * y - s * x, height / 2 - HEIGHT_M + slope * x])
            half = np.array([length, width, height]) / 2
            low, high = (centre - half) / turned, (centre + half) / turned
            enter = np.minimum(low, high).max(axis=1)
            leave = np.maximum(low, high).min(axis=1)
            hit = (enter > 0) & (enter < leave) & (enter < best)
            best[hit], instance[hit] = enter[hit], number
    seen = best < 80.0
    best = best + np.random.default_rng(seed).normal(0, noise_m, len(best))
    xyz = (ray[seen] * best[seen, None]).astype(np.float32)
    cloud = Cloud(7, 'lidar', *(np.ascontiguousarray(xyz[:, k]) for k in range(3)),
                  ring=ring[seen].astype(np.uint16))
    return Scene(cloud, instance[seen], boxes)
