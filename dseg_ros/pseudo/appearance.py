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

"""The colour and texture that the cameras saw at each LiDAR point."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
from dseg_ros.geometry import hidden, project_xyz
from dseg_ros.types import Cloud, View
import numpy as np
from numpy.typing import NDArray

CHANNELS = ('lightness', 'a', 'b', 'texture')
"""Columns of an appearance; lightness is relative to the image's mean and deviation."""

_AREA_PX = 640 * 360
"""Images are reduced to about this many pixels: a point's colour is that of its surroundings."""


def describe_image(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """
    Turn an image into appearance channels, reduced in size.

    :param rgb: (H, W, 3) uint8.
    :returns: (h, w, 4) float32 as in CHANNELS; a, b in CIELAB units / 20, texture as the log of
        the local deviation of the lightness in 7x7.
    """
    scale = min(1.0, (_AREA_PX / (rgb.shape[0] * rgb.shape[1])) ** 0.5)
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lightness = lab[..., 0]
    mean = cv2.blur(lightness, (7, 7))
    variance = cv2.blur(lightness * lightness, (7, 7)) - mean * mean
    texture = np.log1p(np.sqrt(np.maximum(variance, 0)))
    smooth = cv2.blur(lab, (3, 3))
    relative = (smooth[..., 0] - lightness.mean()) / (lightness.std() + 1.0)
    return np.asarray(np.stack([relative, smooth[..., 1] / 20, smooth[..., 2] / 20, texture],
                               axis=-1), np.float32)


def look(cloud: Cloud, view: View) -> NDArray[np.float32]:
    """
    Look up what a camera saw at each point.

    :param cloud: N points.
    :param view: the camera's image and where it stood.
    :returns: (N, 4) float32 as in CHANNELS, NaN where this camera does not see a point.
    """
    seen = project_xyz(cloud.x, cloud.y, cloud.z, view.camera, view.camera_T_lidar)
    clear = ~hidden(seen, view.camera)
    channels = describe_image(view.image.rgb)
    h, w, f = channels.shape
    row = ((seen.v_px[clear] + 0.5) * (h / view.camera.height)).astype(np.int64)
    column = ((seen.u_px[clear] + 0.5) * (w / view.camera.width)).astype(np.int64)
    out = np.full((len(cloud), f), np.nan, np.float32)
    out[seen.rows[clear]] = channels[row.clip(0, h - 1), column.clip(0, w - 1)]
    return out


def average(looks: Sequence[NDArray[np.float32]], points: int) -> NDArray[np.float32]:
    """
    Average what several cameras saw.

    :param looks: (N, F) each, NaN where a camera did not see a point.
    :param points: N.
    :returns: (N, F), NaN where none saw it.
    """
    if not looks:
        return np.full((points, len(CHANNELS)), np.nan, np.float32)
    stack = np.stack(looks)                                   # (cameras, N, F)
    number = np.isfinite(stack).sum(0)
    total = np.nansum(stack, axis=0)
    with np.errstate(invalid='ignore'):
        return np.asarray(np.where(number > 0, total / number, np.nan), np.float32)
