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

"""The sensors: beams and echoes of the LiDAR, rays of the camera."""

from __future__ import annotations

import cv2
from dseg_ros.classes import TRAIN_ID
from dseg_ros.config.sim import SimConfig
from dseg_ros.sim.camera import camera_of, pixel_rays
from dseg_ros.sim.drive import Drive, SimFrame
from dseg_ros.sim.lidar import beam_elevations
import numpy as np


def test_beams_are_those_of_an_hdl64() -> None:
    """64 beams from -24.3 to +2 degrees, denser in the upper half."""
    beams = np.degrees(beam_elevations())
    assert len(beams) == 64 and (np.diff(beams) > 0).all()
    assert abs(beams[0] + 24.33) < 0.1 and abs(beams[-1] - 2.0) < 0.1
    assert abs(np.diff(beams[:32]).mean() - 0.5) < 0.01
    assert abs(np.diff(beams[32:]).mean() - 1 / 3) < 0.01


def test_points_lie_on_their_beams(frames: list[SimFrame]) -> None:
    """Ring, elevation, azimuth and time of every point belong together."""
    for frame in frames:
        cloud = frame.cloud
        elevation = np.arctan2(cloud.z, np.hypot(cloud.x, cloud.y))
        assert np.abs(elevation - beam_elevations()[cloud.ring]).max() < 1e-4
        azimuth = np.arctan2(cloud.y, cloud.x)
        assert np.abs(np.pi - 2 * np.pi * cloud.time_s / 0.1 - azimuth).max() < 1e-3
        assert (np.diff(cloud.time_s) >= 0).all()


def test_ranges_are_noisy() -> None:
    """The flat road is measured with the configured noise."""
    spread = []
    for noise_m in (0.0, 0.05):
        drive = Drive(SimConfig(seconds=1.0, width=64, height=36, seed=7, lidar_columns=500,
                                range_noise_m=noise_m))
        cloud = drive.frame(0).cloud
        own = (cloud.ring == 12) & (cloud.label == TRAIN_ID['road']) & (np.abs(cloud.y) < 2)
        spread.append(float(np.abs(np.diff(np.linalg.norm(cloud.xyz[own], axis=1))).mean()))
    assert spread[1] > spread[0] + 0.02


def test_intensity_depends_on_the_material(frames: list[SimFrame]) -> None:
    """Signs reflect most, road and glass least; 0..255."""
    label = np.concatenate([frame.cloud.label for frame in frames])
    intensity = np.concatenate([frame.cloud.intensity for frame in frames])
    assert 0 <= intensity.min() and intensity.max() <= 255
    mean = {name: float(intensity[label == TRAIN_ID[name]].mean())
            for name in ('road', 'vegetation', 'traffic sign') if (label == TRAIN_ID[name]).any()}
    assert mean['road'] < mean['vegetation']
    if 'traffic sign' in mean:
        assert mean['vegetation'] < mean['traffic sign']


def test_pulses_get_lost(frames: list[SimFrame]) -> None:
    """Not every pulse returns, but most of those that meet something near do."""
    for frame in frames:
        assert 0.5 < len(frame.cloud) / (64 * 2000) < 0.98


def test_instances_are_objects(frames: list[SimFrame]) -> None:
    """The ground is no instance, things are; a car's points share one."""
    for frame in frames:
        label, instance = frame.cloud.label, frame.instance
        ground = np.isin(label, [TRAIN_ID['road'], TRAIN_ID['terrain'], TRAIN_ID['sidewalk']])
        assert (instance[ground] == 0).all()
        things = np.isin(label, [TRAIN_ID[n] for n in ('car', 'person', 'building', 'pole')])
        assert (instance[things] > 0).all()
        for one in np.unique(instance[label == TRAIN_ID['car']]):
            own = frame.cloud.select(instance == one)
            assert np.ptp(own.x) < 6.5 and np.ptp(own.y) < 6.5


def test_rays_pass_the_distorted_pixels() -> None:
    """Projecting the viewing rays with OpenCV's distortion gives the pixels back."""
    camera = camera_of(SimConfig(width=320, height=180))
    rays = pixel_rays(camera).reshape(180, 320, 3).astype(float)
    back = cv2.projectPoints(rays.reshape(-1, 3), np.zeros(3), np.zeros(3), camera.intrinsics,
                             camera.distortion)[0].reshape(180, 320, 2)
    v, u = np.mgrid[0:180, 0:320]
    assert np.abs(back - np.stack([u, v], axis=2)).max() < 1e-3
    straight = np.array([[320 / 2 / np.tan(np.radians(40)), 0, 0]])
    assert np.degrees(np.arctan2(rays[90, 319, 0], rays[90, 319, 2])) > 40.5, straight
