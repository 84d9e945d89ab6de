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

"""A sweep into the image: projection and z-buffer."""

from __future__ import annotations

from collections.abc import Iterator

from dseg_ros.bench.anchors.cameras import numpy_z_buffer, opencv_projection, Points
from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.rows import Limit, Row, Spec
from dseg_ros.bench.setting import POINTS, Setting
from dseg_ros.bench.timer import compare, interleaved
from dseg_ros.geometry import hidden, project_xyz, visible_raster
from dseg_ros.types import Camera
import numpy as np

RASTER, HIDDEN = 'projection and z-buffer, distorted, full HD', 'projection and hidden points'
OPENCV, NUMPY = 'cv2.projectPoints, no z-buffer', 'NumPy, no distortion'
SPECS = (
    Spec('projection', RASTER, OPENCV, (Limit('ours_ms', most=1.0),)),
    Spec('projection / NumPy', RASTER, NUMPY),
    Spec('hidden points', HIDDEN, OPENCV),
)
CAMERA_T_LIDAR = np.array([[0.0, -1, 0, 0.1], [0, 0, -1, -0.2], [1, 0, 0, -0.3], [0, 0, 0, 1]])


def camera(height: int = 1080, width: int = 1920) -> Camera:
    """Make a camera with lens distortion."""
    focal = width * 1000 / 1920
    return Camera('eye', width, height, np.array(
        [[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]]),
        np.array([-0.12, 0.16, 0.0007, 0.0014, -0.01]))


def street(points: int) -> Points:
    """
    Make x, y, z of what 64 beams see of a road with obstacles.

    :param points: how many.
    """
    rng = np.random.default_rng(0)
    elevation = np.deg2rad(np.linspace(2, -24.8, 64))
    azimuth = np.linspace(-np.pi, np.pi, points // 64 + 1)
    azimuth, elevation = (a.ravel()[:points] for a in np.meshgrid(azimuth, elevation))
    ground = np.where(elevation < -0.02, 1.73 / np.sin(np.maximum(-elevation, 0.02)), 90)
    reach = np.minimum(ground, 8 + 30 * np.abs(np.sin(7 * azimuth)) + rng.uniform(0, 1, points))
    flat = reach * np.cos(elevation)
    x, y, z = (a.astype(np.float32) for a in (
        flat * np.cos(azimuth), flat * np.sin(azimuth), reach * np.sin(elevation)))
    return x, y, z


def run(setting: Setting) -> Iterator[Row]:
    """Project the same points again and again."""
    eye, points = camera(), street(POINTS)
    out = np.empty((eye.height, eye.width), np.int32)
    timings = interleaved({
        RASTER: lambda _: visible_raster(*points, eye, CAMERA_T_LIDAR, out=out),
        HIDDEN: lambda _: hidden(project_xyz(*points, eye, CAMERA_T_LIDAR), eye),
        OPENCV: opencv_projection(points, eye, CAMERA_T_LIDAR),
        NUMPY: numpy_z_buffer(points, eye, CAMERA_T_LIDAR)}, setting.pick(80, 10), most_s=2.0)
    for spec in SPECS:
        yield compare(spec, timings, {}, points=POINTS)


BENCHMARK = Benchmark(f'{POINTS // 1000} k points into a full-HD image', SPECS, run, 6)
