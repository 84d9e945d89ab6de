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

"""What others do to bring a sweep into an image."""

from __future__ import annotations

from collections.abc import Callable

import cv2
from dseg_ros.types import Camera
import numpy as np
from numpy.typing import NDArray

Points = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def opencv_projection(points: Points, camera: Camera,
                      camera_T_lidar: NDArray[np.float64]) -> Callable[[int], object]:
    """Make OpenCV's projection of the same points, already one array, without a z-buffer."""
    xyz = np.stack(points, axis=1)
    rotation, translation = cv2.Rodrigues(camera_T_lidar[:3, :3])[0], camera_T_lidar[:3, 3]
    return lambda _: cv2.projectPoints(xyz, rotation, translation, camera.intrinsics,
                                       camera.distortion)


def numpy_z_buffer(points: Points, camera: Camera,
                   camera_T_lidar: NDArray[np.float64]) -> Callable[[int], object]:
    """Make a projection without distortion and a z-buffer by sorting, in NumPy."""
    xyz = np.stack(points, axis=1)
    rotation = camera_T_lidar[:3, :3].T.astype(np.float32)
    translation = camera_T_lidar[:3, 3].astype(np.float32)
    focal, centre = camera.intrinsics[0, 0], camera.intrinsics[:2, 2]

    def run(_: int) -> object:
        seen = xyz @ rotation + translation
        seen = seen[seen[:, 2] > 0.05]
        u, v = ((seen[:, :2] / seen[:, 2:]) * focal + centre).T
        keep = (u >= 0) & (v >= 0) & (u < camera.width - 1) & (v < camera.height - 1)
        order = np.argsort(-seen[keep, 2])
        buffer = np.full((camera.height, camera.width), np.inf, np.float32)
        buffer[v[keep][order].astype(int), u[keep][order].astype(int)] = seen[keep, 2][order]
        return buffer
    return run
