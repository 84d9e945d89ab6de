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

"""The drive: determinism, variety, and that camera, LiDAR and truth agree with each other."""

from __future__ import annotations

import cv2
from dseg_ros.classes import CITYSCAPES_19, TRAIN_ID
from dseg_ros.config.schema import ConfigError
from dseg_ros.config.sim import SimConfig
from dseg_ros.sim.drive import Drive, render, SimFrame
import numpy as np
from numpy.typing import NDArray
import pytest

SMALL = {'seconds': 1.0, 'width': 240, 'height': 135, 'lidar_columns': 400}


def project(frame: SimFrame, drive: Drive, moving: bool) -> tuple[NDArray, NDArray, NDArray]:
    """
    Project the points with OpenCV's camera model, an implementation that is not ours.

    :param moving: use every point's own firing time, else the static extrinsics.
    :returns: (M, 2) int pixels, (M,) distance to the camera [m], (M,) rows of the points.
    """
    cloud, start_ns = frame.cloud, drive.config.start_s * 10**9
    camera_T_base = np.linalg.inv(drive.base_T_camera)
    image_s = (frame.image.stamp_ns - start_ns) / 1e9
    sweep_s = (cloud.stamp_ns - start_ns) / 1e9
    times, row = np.unique(cloud.time_s, return_inverse=True)
    base_T_base = [np.linalg.inv(drive.odom_T_base(image_s)) @ drive.odom_T_base(sweep_s + t)
                   if moving else np.eye(4) for t in times.astype(float)]
    poses = (camera_T_base @ np.stack(base_T_base) @ drive.base_T_lidar)[row]
    points = np.einsum('nij,nj->ni', poses[:, :3, :3], cloud.xyz.astype(float)) + poses[:, :3, 3]
    front = (points[:, 2] > 1.0) & (np.hypot(points[:, 0], points[:, 1]) < 1.3 * points[:, 2])
    rows = np.flatnonzero(front)
    pixels = cv2.projectPoints(points[rows], np.zeros(3), np.zeros(3), drive.camera.intrinsics,
                               drive.camera.distortion)[0][:, 0]
    pixels = np.round(pixels).astype(int)
    height, width = frame.mask.shape
    seen = ((pixels >= 0) & (pixels < [width, height])).all(axis=1)
    return pixels[seen], np.linalg.norm(points[rows[seen]], axis=1), rows[seen]


def agreement(frame: SimFrame, drive: Drive, moving: bool) -> dict[str, float]:
    """Measure by class how many points that the camera sees too fall on their own class."""
    pixels, distance, rows = project(frame, drive, moving)
    u, v = pixels.T
    visible = np.abs(frame.range_m[v, u] - distance) < 0.5 + 0.03 * distance
    label, mask = frame.cloud.label[rows[visible]], frame.mask[v[visible], u[visible]]
    return {CITYSCAPES_19[k].name: float((mask[label == k] == k).mean())
            for k in np.unique(label) if (label == k).sum() > 150}


def test_points_sit_on_their_objects(drive: Drive, frames: list[SimFrame]) -> None:
    """Points fall on pixels of their own class when the motion between the stamps is known."""
    shares = [agreement(frame, drive, moving=True) for frame in frames]
    for name in set().union(*shares):
        mean = float(np.mean([s[name] for s in shares if name in s]))
        assert mean > (0.95 if name in ('road', 'car', 'building', 'truck', 'bus') else 0.75), name
    assert np.mean([s for share in shares for s in share.values()]) > 0.9


def test_thin_things_need_the_ego_motion(drive: Drive, frames: list[SimFrame]) -> None:
    """Points on poles and people miss them in the image if the motion is left out."""
    hits: dict[bool, list[float]] = {True: [], False: []}
    for frame in frames:
        for moving, share in hits.items():
            pixels, _, rows = project(frame, drive, moving)
            label = frame.cloud.label[rows]
            thin = np.isin(label, [TRAIN_ID[name] for name in ('pole', 'person', 'rider')])
            mask = frame.mask[pixels[thin, 1], pixels[thin, 0]]
            share.append(float((mask == label[thin]).mean()))
    assert np.mean(hits[True]) > np.mean(hits[False]) + 0.05


def test_the_camera_measures_the_same_distances(drive: Drive, frames: list[SimFrame]) -> None:
    """Camera and LiDAR agree about the distance of the road to a few centimetres."""
    for frame in frames:
        pixels, distance, rows = project(frame, drive, moving=True)
        own = frame.cloud.label[rows] == TRAIN_ID['road']
        seen = frame.range_m[pixels[own, 1], pixels[own, 0]]
        assert np.median(np.abs(seen - distance[own])) < 0.06


def test_ego_motion_distorts_the_sweep(drive: Drive) -> None:
    """A sweep of a driving vehicle differs from one that stands, by up to its way per turn."""
    still = Drive(SimConfig(**{**SMALL, 'speed_mps': 0.0, 'seed': 7}))
    driving = Drive(SimConfig(**{**SMALL, 'speed_mps': 10.0, 'seed': 7}))
    for one, way_m in ((still, 0.0), (driving, 1.0)):
        poses = [one.odom_T_base(t)[:3, 3] for t in (0.3, 0.4)]
        assert np.linalg.norm(poses[1] - poses[0]) == pytest.approx(way_m, rel=0.3, abs=0.02)
    frame = driving.frame(3)
    road = frame.cloud.select(frame.cloud.label == TRAIN_ID['road'])
    assert len(road) > 1000 and road.time_s.min() < 0.01 and road.time_s.max() > 0.09


def test_stamps(drive: Drive, frames: list[SimFrame]) -> None:
    """Sweeps come at 10 Hz; the image is 20..50 ms after the start of its sweep."""
    for frame in frames:
        assert frame.cloud.stamp_ns == drive.config.start_s * 10**9 + frame.index * 10**8
        assert 20e6 <= frame.image.stamp_ns - frame.cloud.stamp_ns <= 50e6


def test_equal_seeds_give_equal_drives() -> None:
    """Two drives of one configuration are the same, byte for byte; another seed is not."""
    one, two, other = (next(render(SimConfig(**SMALL, seed=seed))) for seed in (3, 3, 4))
    assert np.array_equal(one.image.rgb, two.image.rgb)
    assert np.array_equal(one.mask, two.mask)
    for name, array in one.cloud.arrays().items():
        assert np.array_equal(array, getattr(two.cloud, name)), name
    assert (one.mask != other.mask).mean() > 0.1
    assert np.abs(one.image.rgb.astype(int) - other.image.rgb).mean() > 15


def test_seeds_give_different_streets() -> None:
    """Width, course and blocks of the street depend on the seed."""
    streets = [Drive(SimConfig(seconds=5.0, seed=seed)).street for seed in range(20)]
    assert len({round(street.lane_m, 2) for street in streets}) > 5
    assert len({round(float(street.track[-1, 3]), 1) for street in streets}) > 3
    assert len({street.lanes for street in streets}) == 2
    assert len({block.kind for street in streets for block in street.blocks}) == 5


def test_classes_appear() -> None:
    """Every class of a street is seen by camera or LiDAR within a few seeds."""
    seen: set[int] = set()
    for seed in (1, 2, 3):
        drive = Drive(SimConfig(**{**SMALL, 'width': 480, 'height': 270}, seed=seed))
        for index in (0, 9):
            frame = drive.frame(index)
            seen |= set(np.unique(frame.mask)) | set(np.unique(frame.cloud.label))
    missing = {c.name for i, c in enumerate(CITYSCAPES_19) if i not in seen}
    assert missing <= {'train'}


def test_weather_changes_the_picture() -> None:
    """Night is dark, fog is pale and flat far away, rain is grey; the truth stays the same."""
    shots = {weather: next(render(SimConfig(**SMALL, seed=2, weather=weather)))
             for weather in ('day', 'night', 'fog', 'rain')}
    brightness = {name: float(frame.image.rgb.mean()) for name, frame in shots.items()}
    assert brightness['night'] < 0.75 * brightness['day']
    above = {name: float(np.median(frame.image.rgb[frame.mask == TRAIN_ID['sky']]))
             for name, frame in shots.items()}
    assert above['night'] < 0.5 * above['day'], 'the lamps light the street, not the sky'
    spread = {name: float(np.ptp(frame.image.rgb, axis=2).mean()) for name, frame in shots.items()}
    assert spread['rain'] < 0.7 * spread['day'] and spread['fog'] < 0.7 * spread['day']
    for frame in shots.values():
        assert np.array_equal(frame.mask, shots['day'].mask)
    far = {name: int((np.linalg.norm(frame.cloud.xyz, axis=1) > 50).sum())
           for name, frame in shots.items()}
    assert far['fog'] < 0.8 * far['day']


def test_appearance_says_something_about_the_class(frames: list[SimFrame]) -> None:
    """The mean colours of sky, road and vegetation are far apart by day."""
    means = {}
    for name in ('sky', 'road', 'vegetation'):
        pixels = [f.image.rgb[f.mask == TRAIN_ID[name]] for f in frames]
        means[name] = np.concatenate(pixels).mean(axis=0)
    assert np.linalg.norm(means['sky'] - means['road']) > 60
    assert np.linalg.norm(means['vegetation'] - means['sky']) > 60
    assert means['vegetation'][1] > means['vegetation'][[0, 2]].max()


@pytest.mark.parametrize('options', [{'seconds': 0.0}, {'seconds': -1.0}, {'weather': 'snow'},
                                     {'width': 0}, {'image_format': 'png'}])
def test_bad_options_are_named(options: dict) -> None:
    """An option that cannot be is refused with its name and value."""
    with pytest.raises(ConfigError) as caught:
        SimConfig(**options)
    (name, value), = options.items()
    assert name in str(caught.value) and str(value) in str(caught.value)
