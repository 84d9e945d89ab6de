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
Projection and z-buffer against their anchors, interleaved in one run; the ratio is what counts.

Run with `python -m pytest test/benchmarks/test_projection.py -s` to see the figures.
"""

from time import perf_counter

import cv2
from dseg_ros.geometry import hidden, project_xyz, rasterise, visible_raster
from dseg_ros.types import Camera
import numpy as np
import pytest

POINTS = 125_000
CAMERA_T_LIDAR = np.array([[0.0, -1, 0, 0.1], [0, 0, -1, -0.2], [1, 0, 0, -0.3], [0, 0, 0, 1]])
CAMERA = Camera('eye', 1920, 1080, np.array([[1000, 0, 960], [0, 1000, 540], [0, 0, 1.0]]),
                np.array([-0.12, 0.16, 0.0007, 0.0014, -0.01]))


@pytest.fixture(scope='module')
def points():
    """Provide a sweep of 64 beams with obstacles, as separate arrays: x, y, z."""
    rng = np.random.default_rng(0)
    elevation = np.deg2rad(np.linspace(2, -24.8, 64))
    azimuth = np.linspace(-np.pi, np.pi, POINTS // 64 + 1)
    azimuth, elevation = (a.ravel()[:POINTS] for a in np.meshgrid(azimuth, elevation))
    ground = np.where(elevation < -0.02, 1.73 / np.sin(np.maximum(-elevation, 0.02)), 90)
    reach = np.minimum(ground, 8 + 30 * np.abs(np.sin(7 * azimuth)) + rng.uniform(0, 1, POINTS))
    return tuple(a.astype(np.float32) for a in (
        reach * np.cos(elevation) * np.cos(azimuth), reach * np.cos(elevation) * np.sin(azimuth),
        reach * np.sin(elevation)))


def medians_ms(runs, **functions):
    """Time functions in turns."""
    times = {name: [] for name in functions}
    for i in range(runs + 1):
        for name, function in functions.items():
            start = perf_counter()
            function()
            if i:  # the first turn compiles
                times[name].append(perf_counter() - start)
    return {name: float(np.median(t)) * 1e3 for name, t in times.items()}


def test_projection_with_z_buffer(points):
    """Into full HD with distortion: much faster than OpenCV's projection alone and than NumPy."""
    x, y, z = points
    xyz = np.stack(points, axis=1)
    rotation, translation = cv2.Rodrigues(CAMERA_T_LIDAR[:3, :3])[0], CAMERA_T_LIDAR[:3, 3]
    out = np.empty((1080, 1920), np.int32)

    def numpy_z_buffer():
        """Project without distortion and sort by depth."""
        in_camera = xyz @ CAMERA_T_LIDAR[:3, :3].T.astype(np.float32) + np.float32(translation)
        in_camera = in_camera[in_camera[:, 2] > 0.05]
        u, v = ((in_camera[:, :2] / in_camera[:, 2:]) * 1000 + [960, 540]).T
        keep = (u >= 0) & (v >= 0) & (u < 1919) & (v < 1079)
        order = np.argsort(-in_camera[keep, 2])
        buffer = np.full((1080, 1920), np.inf, np.float32)
        buffer[v[keep][order].astype(int), u[keep][order].astype(int)] = in_camera[keep, 2][order]

    seen = project_xyz(x, y, z, CAMERA, CAMERA_T_LIDAR)
    times = medians_ms(
        15, projection=lambda: project_xyz(x, y, z, CAMERA, CAMERA_T_LIDAR),
        projection_z_buffer=lambda: visible_raster(x, y, z, CAMERA, CAMERA_T_LIDAR, out=out),
        z_buffer_4px=lambda: rasterise(seen, CAMERA, 4), hidden=lambda: hidden(seen, CAMERA),
        numpy_z_buffer=numpy_z_buffer,
        opencv_projection=lambda: cv2.projectPoints(
            xyz, rotation, translation, CAMERA.intrinsics, CAMERA.distortion))
    ours = times['projection_z_buffer']
    for name, ms in times.items():
        print(f'{name:22} {ms:7.2f} ms  {ms / ours:6.1f} x')
    assert len(seen.rows) > 15_000
    assert times['opencv_projection'] > 4 * ours
    assert times['numpy_z_buffer'] > 2 * ours
