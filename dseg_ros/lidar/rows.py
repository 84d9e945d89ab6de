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

"""Rows of the range image for the sweeps of one LiDAR, whose beams are derived once and kept."""

from __future__ import annotations

from dseg_ros.config.lidar import RangeImageConfig
from dseg_ros.lidar.range_image import (elevation_table, rows_by_elevation, rows_by_ring,
                                        rows_by_scan)
from dseg_ros.lidar.sensor import check_rings, derive_sensor, Sensor
from dseg_ros.types import Cloud
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_MISFIT = 0.05
"""With more than this share of the points off its beams, a sensor is derived anew."""


class RowAssigner:
    """
    Assigns rows; derives the sensor on the first sweep and whenever it stops fitting.

    :param config: of the range image.
    """

    def __init__(self, config: RangeImageConfig) -> None:
        """Know no sensor yet."""
        self._config = config
        self._source: tuple[str, bool] | None = None
        self.sensor: Sensor | None = None

    def __call__(self, cloud: Cloud, turn: Floats, rho_m: Floats,
                 row: NDArray[np.int16]) -> bool:
        """
        Give every point its row.

        :param cloud: the sweep, with at least one point.
        :param turn: (N,) azimuth [turns].
        :param rho_m: (N,) distance from the z axis [m].
        :param row: (N,) out.
        :returns: False, with rows unset, for a sweep without a spinning scan pattern.
        :raises ValueError: for a ring number that no sensor has.
        """
        if cloud.ring is not None:
            check_rings(cloud.ring)
        if _source_of(cloud) == self._source and self.sensor is not None:
            if self._assign(cloud, turn, rho_m, row):
                return True
        self._know(derive_sensor(cloud, turn, rho_m, self._config), cloud)
        if self.sensor is None:
            return False
        self._assign(cloud, turn, rho_m, row)
        return True

    def adopt(self, sensor: Sensor | None, cloud: Cloud) -> None:
        """
        Take a sensor that was derived elsewhere.

        :param sensor: the sensor, or None to derive it from the next sweep.
        :param cloud: a sweep of it.
        """
        if sensor is not self.sensor or _source_of(cloud) != self._source:
            self._know(sensor, cloud)

    def _know(self, sensor: Sensor | None, cloud: Cloud) -> None:
        """Keep a sensor for clouds like this one."""
        self._source, self.sensor = _source_of(cloud), sensor
        if sensor is not None and sensor.rows_from == 'elevation':
            self._table, self._low, self._scale = elevation_table(sensor)

    def _assign(self, cloud: Cloud, turn: Floats, rho_m: Floats,
                row: NDArray[np.int16]) -> bool:
        """Assign rows; tell whether the known sensor fits."""
        sensor = self.sensor
        assert sensor is not None
        if sensor.rows_from == 'ring':
            assert cloud.ring is not None
            ring = np.ascontiguousarray(cloud.ring, np.uint16)
            return rows_by_ring(ring, sensor.row_of_beam, row) == 0
        if sensor.rows_from == 'scan':
            scans = rows_by_scan(turn, sensor.scan_start, sensor.clockwise, sensor.row_of_beam,
                                 row)
            return scans == len(sensor.row_of_beam)
        outside = rows_by_elevation(cloud.z, rho_m, self._table, self._low, self._scale, row)
        return self._config.sensor != 'auto' or outside <= _MISFIT * len(row)


def _source_of(cloud: Cloud) -> tuple[str, bool]:
    """Tell clouds of different sensors apart by what is said of them."""
    return cloud.frame, cloud.ring is not None
