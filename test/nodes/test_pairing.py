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

"""Clouds and images that wait for each other, for calibrations and for TF."""

from __future__ import annotations

import time
from typing import Any

from dseg_ros.config.sync import MotionConfig, SyncConfig
from dseg_ros.nodes.pairing import Pair, Pairing, pairing_health
from dseg_ros.nodes.publish import header
from dseg_ros.nodes.transforms import Track
from dseg_ros.types import Cloud
from geometry_msgs.msg import TransformStamped
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo

MS = 1_000_000
SECOND = 1000 * MS


class Log:
    """Stands for the node's troubles."""

    def __init__(self) -> None:
        """Start empty."""
        self.errors: list[str] = []
        self.said: list[str] = []

    def add(self, where: str, error: Exception) -> None:
        """Take an error."""
        self.errors.append(f'{where}: {error}')

    def say_once(self, text: str) -> None:
        """Take a remark."""
        self.said.append(text)


def link(parent: str, child: str, x_m: float = 0.0, at_ns: int = 0) -> TransformStamped:
    """Make a transform along x."""
    made = TransformStamped(header=header(at_ns, parent), child_frame_id=child)
    made.transform.translation.x = x_m
    return made


def sweep(at_ns: int, times: bool = False) -> Cloud:
    """Make a cloud of two points, the second one 50 ms later if they have times."""
    rows = np.array([[10, 10], [0, 1], [0, 0]], np.float32)
    return Cloud(at_ns, 'lidar', *rows,
                 time_s=np.array([0.0, 0.05], np.float32) if times else None)


class Desk:
    """A pairing with its inputs."""

    def __init__(self, calibrated: bool = True, **motion: Any) -> None:
        """Begin; the LiDAR is where the vehicle is, the camera one metre ahead."""
        config = MotionConfig(**{'fixed': 'odom', 'max_wait_s': 0.1, **motion})
        self.track = Track(config)
        self.track.add(link('base_link', 'lidar'), static=True)
        self.track.add(link('base_link', 'camera', 1.0), static=True)
        self.log = Log()
        self.pairing = Pairing(SyncConfig(), config, ('front',), self.track, self.log)
        if calibrated:
            self.pairing.push_calibration('front', CameraInfo(
                header=header(1, 'camera'), height=10, width=10, distortion_model='plumb_bob',
                d=[0.0] * 5, k=[5.0, 0.0, 5.0, 0.0, 5.0, 5.0, 0.0, 0.0, 1.0]))

    def feed(self, times: bool = False) -> None:
        """Push two frames, images 20 ms after their clouds, of which the first is matched."""
        for at in (SECOND, SECOND + 100 * MS):
            self.pairing.push_cloud(sweep(at, times), 'cloud')
            self.pairing.push_image('front', at + 20 * MS, 'camera', 'image')

    def wait(self) -> list[Pair]:
        """Wait as long as a pair may wait."""
        end_s = time.monotonic() + 1.0
        while not (pairs := self.pairing.ready()):
            assert time.monotonic() < end_s
            time.sleep(0.01)
        return pairs


def test_a_pair_waits_for_the_motion() -> None:
    """The transform through odom is taken as soon as it is known up to both stamps."""
    desk = Desk()
    desk.track.add(link('odom', 'base_link', 0.0, SECOND), static=False)
    desk.feed()
    assert desk.pairing.ready() == [] and desk.pairing.again_s is not None
    desk.track.add(link('odom', 'base_link', 1.0, SECOND + 100 * MS), static=False)
    pair, *_ = desk.pairing.ready()
    sighting = pair.sightings['front']
    assert sighting.ego_motion_known and (pair.item, sighting.item) == ('cloud', 'image')
    assert sighting.stamp_ns == SECOND + 20 * MS
    # 10 m/s for 20 ms: the camera is 0.2 m further ahead than the extrinsics say
    assert sighting.camera_T_lidar[0, 3] == pytest.approx(-1.2)
    assert pair.position_m is not None and pair.position_m[0] == pytest.approx(0.0)
    assert not desk.log.said


def test_without_odometry_the_extrinsics_do() -> None:
    """No fixed frame: nothing is waited for, and it is said."""
    desk = Desk()
    desk.feed()
    pair, *_ = desk.pairing.ready()
    assert pair.sightings['front'].camera_T_lidar[0, 3] == pytest.approx(-1.0)
    assert not pair.sightings['front'].ego_motion_known and pair.position_m is None
    assert 'ego motion' in desk.log.said[0]
    health = pairing_health(desk.pairing)
    assert health.values['without_ego_motion'] == desk.pairing.pairs > 0


def test_odometry_that_stops_is_not_waited_for_for_ever() -> None:
    """After the longest wait the extrinsics are taken."""
    desk = Desk(extrapolate_ms=0.0)
    desk.track.add(link('odom', 'base_link', 0.0, SECOND - 500 * MS), static=False)
    desk.feed()
    assert desk.pairing.ready() == []
    assert not desk.wait()[0].sightings['front'].ego_motion_known


def test_a_camera_without_calibration_is_left_out() -> None:
    """The pair comes without it, and it is named."""
    desk = Desk(calibrated=False)
    desk.feed()
    assert desk.pairing.ready() == []
    assert desk.wait()[0].sightings == {}
    assert 'camera front: no camera_info' in desk.log.errors[0]


def test_unknown_frames_are_named() -> None:
    """A LiDAR that nothing connects to the camera is an error with both names."""
    desk = Desk()
    for at in (SECOND, SECOND + 100 * MS):
        rows = np.ones((3, 2), np.float32)
        desk.pairing.push_cloud(Cloud(at, 'elsewhere', *rows))
        desk.pairing.push_image('front', at, 'camera', None)
    desk.wait()
    assert "'elsewhere'" in desk.log.errors[0] and "'camera'" in desk.log.errors[0]


def test_points_are_moved_to_one_moment() -> None:
    """A sweep with times is de-skewed for projection; what came is kept beside it."""
    desk = Desk()
    for step in range(4):
        desk.track.add(link('odom', 'base_link', step * 1.0, SECOND + step * 100 * MS),
                       static=False)
    desk.feed(times=True)
    pair, *_ = desk.pairing.ready()
    assert pair.original.x.tolist() == [10.0, 10.0]
    np.testing.assert_allclose(pair.cloud.x, [10.0, 10.5], atol=1e-4)


def test_flush_gives_what_waits() -> None:
    """At the end the last frame is paired too."""
    desk = Desk()
    desk.feed()
    assert len(desk.pairing.ready()) + len(desk.pairing.flush()) == 2
    assert desk.pairing.again_s is None
