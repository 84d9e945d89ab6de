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
The sky, which no LiDAR return ever comes from: above every return, where one could have come.

Our choice. A column of the image shows sky above its highest return only if that return lies
clearly below the LiDAR's uppermost beam: then the beams above it found nothing. Where returns
reach the uppermost beam (a house beside the road) nothing is known about what is above.
"""

from __future__ import annotations

from dseg_ros.config.pseudo import SkyConfig
from dseg_ros.geometry import project_xyz, unproject
from dseg_ros.types import Camera, Cloud
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

_COLUMNS = 160
"""The image is judged in this many columns: several LiDAR azimuths fall into each."""


def sky_mask(cloud: Cloud, camera: Camera, camera_T_lidar: NDArray[np.float64],
             config: SkyConfig) -> NDArray[np.bool_]:
    """
    Find pixels that show the sky.

    :param cloud: all returns of the sweep.
    :param camera: the camera, at the size of the wanted mask (see geometry.scaled).
    :param camera_T_lidar: (4, 4).
    :param config: margins.
    :returns: (H, W) bool.
    """
    elevation = _pixel_elevation_deg(camera, camera_T_lidar)
    if not len(cloud):
        return np.zeros(elevation.shape, np.bool_)
    of_point = np.rad2deg(np.arctan2(cloud.z, np.hypot(cloud.x, cloud.y)))
    top_beam = float(np.percentile(of_point, 99.9))
    seen = project_xyz(cloud.x, cloud.y, cloud.z, camera, camera_T_lidar)
    column = ((seen.u_px + 0.5) * (_COLUMNS / camera.width)).astype(np.int64)
    highest = np.full(_COLUMNS, -np.inf)
    np.maximum.at(highest, column.clip(0, _COLUMNS - 1), of_point[seen.rows])
    highest[np.isinf(highest)] = np.inf                    # no return: nothing is known
    reach = 1 + 2 * round(config.side_share * _COLUMNS)
    highest = maximum_filter1d(highest, reach, mode='nearest')
    start = np.where(highest < top_beam - config.below_top_deg,
                     np.maximum(highest + config.above_return_deg, config.least_elevation_deg),
                     np.inf)
    pixel_column = (np.arange(camera.width) + 0.5) * (_COLUMNS / camera.width)
    return np.asarray(elevation > start[pixel_column.astype(np.int64)][None, :])


def _pixel_elevation_deg(camera: Camera,
                         camera_T_lidar: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the elevation over the LiDAR's horizon that each pixel looks at, (H, W) [deg]."""
    v, u = np.mgrid[0:camera.height, 0:camera.width]
    rays = unproject(np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float64), camera)
    sine = rays @ camera_T_lidar[:3, 2]                    # z of the LiDAR frame
    with np.errstate(invalid='ignore'):
        angle = np.rad2deg(np.arcsin(np.clip(sine, -1, 1)))
    return np.asarray(np.nan_to_num(angle, nan=-90.0).reshape(camera.height, camera.width))
