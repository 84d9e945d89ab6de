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

"""
From a sweep to 3D object proposals: Drive&Segment, section 3.1, as one object.

polar coordinates -> rows of the sensor -> ground -> range image, repaired -> clusters -> boxes
"""

from __future__ import annotations

from dataclasses import replace
import math
from typing import Any

from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.lidar.boxes import BoxFitter
from dseg_ros.lidar.clustering import label_points, number_clusters, unite_pixels
from dseg_ros.lidar.column_angle import ColumnAngleGround
from dseg_ros.lidar.density import density_clusters
from dseg_ros.lidar.patchwork import PatchworkGround
from dseg_ros.lidar.polar import polar
from dseg_ros.lidar.range_image import fill_image, repair
from dseg_ros.lidar.rows import RowAssigner
from dseg_ros.lidar.sensor import MIN_POINTS, Sensor
from dseg_ros.types import Cloud, Proposals
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LEAST_ANGLE = np.float32(math.radians(0.05))
"""Beams whose estimated elevations coincide are still this far apart [rad]."""


class ProposalExtractor:
    """
    Finds the proposals of one LiDAR's sweeps; keeps its buffers, so it is not thread-safe.

    :param config: methods and thresholds.
    """

    def __init__(self, config: ProposalsConfig) -> None:
        """Lay out what does not depend on the sensor; that is derived from the first sweep."""
        self._config = config
        self._tan_limit = math.tan(math.radians(config.clustering.angle_deg))
        self._assign_rows = RowAssigner(config.range_image)
        self._patchwork = PatchworkGround(config.ground)
        self._angle_ground = ColumnAngleGround(config.ground)
        self._fit_boxes = BoxFitter(config.box)
        self._shaped_for: Sensor | None = None
        self._room: list[NDArray[Any]] = [np.zeros(0)]
        self._reserve(1)

    @property
    def sensor(self) -> Sensor | None:
        """Tell what the last sweep was taken for; None without a spinning scan pattern."""
        return self._assign_rows.sensor

    def adopt(self, sensor: Sensor | None, cloud: Cloud) -> None:
        """
        Take a sensor that was derived elsewhere, so that parallel workers find the same.

        :param sensor: what another extractor's `sensor` was; None to derive it from the next
            sweep.
        :param cloud: a sweep of it.
        """
        self._assign_rows.adopt(sensor, cloud)

    def __call__(self, cloud: Cloud) -> Proposals:
        """
        Find ground and proposals.

        :param cloud: one sweep, z up; points that are not finite become noise.
        :returns: the proposals; none for an empty cloud.
        :raises ValueError: for a ring number that no sensor has; for depth_clustering or
            column_angle on a sweep without a spinning scan pattern.
        """
        x, y, z = (np.ascontiguousarray(a, np.float32) for a in (cloud.x, cloud.y, cloud.z))
        self._reserve(len(x))
        if polar(x, y, z, self._turn, self._rho_m, self._range_m):
            return self._of_finite_points(cloud)
        cloud = replace(cloud, x=x, y=y, z=z)
        method = self._choose_method(cloud)
        self._find_ground(x, y, z)
        if method == 'depth_clustering':
            count = self._cluster_by_angle()
        else:
            count = self._cluster_by_density(cloud.xyz)
        found = self._fit_boxes(x, y, z, self._ids, count)
        return Proposals(cloud.stamp_ns, cloud.frame, self._ids.copy(), found.count,
                         found.centroid_m, found.centre_m, found.size_m, found.yaw_rad,
                         found.range_m, method)

    def _of_finite_points(self, cloud: Cloud) -> Proposals:
        """Leave out points that are not finite, and call them noise."""
        finite = np.isfinite(cloud.x) & np.isfinite(cloud.y) & np.isfinite(cloud.z)
        if finite.all():
            raise ValueError(f'cloud {cloud.frame!r}: coordinates up to '
                             f'{np.abs(cloud.xyz).max()} m')
        found = self(cloud.select(finite))
        ids = np.full(len(cloud), Proposals.NOISE, np.int32)
        ids[finite] = found.point_ids
        return replace(found, point_ids=ids)

    def _reserve(self, n: int) -> None:
        """
        Make room for n points.

        Room only grows: sweeps differ in length, and fresh memory costs as much as a pass.
        """
        if n > len(self._room[0]):
            kinds = [np.float32] * 3 + [np.int16] + [np.int32] * 3 + [np.bool_]
            self._room = [np.zeros(n + n // 8, kind) for kind in kinds]
        (self._turn, self._rho_m, self._range_m, self._row, self._pixel, self._root, self._ids,
         self._ground) = (array[:n] for array in self._room)

    def _choose_method(self, cloud: Cloud) -> str:
        """Assign rows if the sweep has a scan pattern, and choose by that."""
        wanted = self._config.method
        column_angle = self._config.ground.method == 'column_angle'
        if not len(cloud):
            return 'dbscan' if wanted == 'auto' else wanted
        spinning = self._assign_rows(cloud, self._turn, self._rho_m, self._row)
        if spinning:
            self._shape_image()
            return 'dbscan' if wanted == 'dbscan' else 'depth_clustering'
        if len(cloud) >= MIN_POINTS and (wanted == 'depth_clustering' or column_angle):
            raise ValueError(
                f'cloud {cloud.frame!r} has no spinning scan pattern, so '
                f'{"ground.method column_angle" if column_angle else "method " + wanted} '
                'does not apply; use patchwork_like and dbscan')
        return 'dbscan'

    def _shape_image(self) -> None:
        """Make room for the image of a new sensor."""
        sensor = self.sensor
        if sensor is None or sensor is self._shaped_for:
            return
        self._shaped_for = sensor
        shape = (sensor.rows, sensor.columns)
        self._image = np.zeros(shape, np.float32)
        self._parent, self._size = (np.zeros(self._image.size, np.int32) for _ in range(2))
        self._elevation = sensor.elevation_rad.astype(np.float32)
        self._row_angle = np.maximum(np.append(0, -np.diff(self._elevation)), _LEAST_ANGLE)
        self._column_angle = (2 * math.pi / sensor.columns
                              * np.cos(self._elevation)).astype(np.float32)

    def _find_ground(self, x: Floats, y: Floats, z: Floats) -> None:
        """Fill in the ground flags."""
        if self._config.ground.method == 'patchwork_like' or self._shaped_for is None:
            self._patchwork(x, y, z, self._turn, self._rho_m, self._ground,
                            merged=self.sensor is None)
            return
        self._ground[:] = False
        self._fill_image()
        self._angle_ground(self._image, self._elevation, self._pixel, self._range_m,
                           self._ground)

    def _fill_image(self) -> None:
        """Make the repaired range image of the points above the ground."""
        config = self._config.range_image
        fill_image(self._row, self._turn, self._range_m, self._ground, self._image, self._pixel)
        if config.repair_rows > 1:
            repair(self._image, config.repair_rows, config.repair_depth_m)

    def _cluster_by_angle(self) -> int:
        """Fill in the ids by the angle criterion; count the proposals."""
        config = self._config.clustering
        self._fill_image()
        unite_pixels(self._image, self._row_angle, self._column_angle, config.gap_columns,
                     self._tan_limit, self._parent)
        label_points(self._image, self._pixel, self._row, self._range_m, self._ground,
                     self._column_angle, self._tan_limit, self._parent, self._root, self._size)
        return number_clusters(self._root, self._ground, self._size, config.min_points,
                               config.max_points, Proposals.NOISE, self._ids)

    def _cluster_by_density(self, xyz: Floats) -> int:
        """Fill in the ids by density; count the proposals."""
        config = self._config.clustering
        above = ~self._ground
        self._root[:] = -1
        self._root[above] = density_clusters(xyz[above], config)
        size = np.bincount(self._root[self._root >= 0], minlength=1).astype(np.int32)
        return number_clusters(self._root, self._ground, size, config.min_points,
                               config.max_points, Proposals.NOISE, self._ids)
