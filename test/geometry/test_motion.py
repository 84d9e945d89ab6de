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

"""De-skewing and the moment of a sweep, on motion that is known."""

from dseg_ros.geometry import deskew, from_quaternion, invert, sweep_middle_ns, transform
from dseg_ros.types import Cloud
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

START_NS = 1_700_000_000_000_000_000
SWEEP_S = 0.1


def pose_at(seconds):
    """Drive at 15 m/s and turn at 0.6 rad/s."""
    turn = Rotation.from_euler('z', 0.6 * seconds).as_quat()
    return from_quaternion((15 * seconds, 0.5 * seconds, 0), turn)


def skewed_cloud(world, stamp_shift_s=0.0):
    """Scan points of a standing world while driving; times are relative to the stamp."""
    time_s = np.linspace(0, SWEEP_S, len(world))
    seen = np.concatenate([transform(invert(pose_at(t)), p[None])
                           for t, p in zip(time_s, world)]).astype(np.float32)
    return Cloud(START_NS + int(stamp_shift_s * 1e9), 'lidar', seen[:, 0].copy(),
                 seen[:, 1].copy(), seen[:, 2].copy(),
                 time_s=(time_s - stamp_shift_s).astype(np.float32))


@pytest.mark.parametrize('stamp_shift_s', [0.0, 0.05, 0.1])
def test_deskew_restores_a_standing_world(stamp_shift_s):
    """Whatever moment the stamp marks, the points end where they were at that moment."""
    world = np.random.default_rng(0).uniform(-40, 40, (500, 3))
    cloud = skewed_cloud(world, stamp_shift_s)
    stamps = np.array([START_NS + int(s * 1e9) for s in np.linspace(0, SWEEP_S, 5)])
    poses = np.stack([pose_at(s) for s in np.linspace(0, SWEEP_S, 5)])
    fixed = deskew(cloud, stamps, poses)
    truth = transform(invert(pose_at(stamp_shift_s)), world)
    assert np.abs(cloud.xyz - truth).max() > 0.5, 'the example is not skewed'
    np.testing.assert_allclose(fixed.xyz, truth, atol=2e-3)
    assert fixed.stamp_ns == cloud.stamp_ns and fixed.time_s is None


def test_deskew_to_another_moment():
    """The cloud is stamped with the moment it was moved to."""
    world = np.random.default_rng(1).uniform(-40, 40, (200, 3))
    stamps = np.array([START_NS, START_NS + 100_000_000])
    moved = deskew(skewed_cloud(world), stamps, np.stack([pose_at(0), pose_at(0.1)]),
                   START_NS + 30_000_000)
    assert moved.stamp_ns == START_NS + 30_000_000
    np.testing.assert_allclose(moved.xyz, transform(invert(pose_at(0.03)), world), atol=5e-3)


def test_deskew_refuses_what_it_cannot_use():
    """No times, or poses that do not rise, are errors."""
    cloud = skewed_cloud(np.ones((4, 3)))
    poses = np.stack([np.eye(4)] * 2)
    with pytest.raises(ValueError, match='not rising'):
        deskew(cloud, np.array([5, 5]), poses)
    with pytest.raises(ValueError, match="'lidar' has no per-point time"):
        deskew(Cloud(0, 'lidar', cloud.x, cloud.y, cloud.z), np.array([0, 1]), poses)


@pytest.mark.parametrize('convention, shift_ms', [('start', 50), ('middle', 0), ('end', -50)])
def test_the_stamp_convention_shifts_to_the_middle(convention, shift_ms):
    """Without per-point times the convention decides."""
    x = np.zeros(3, np.float32)
    middle = sweep_middle_ns(Cloud(START_NS, 'lidar', x, x, x), convention, 100.0)
    assert middle - START_NS == shift_ms * 1_000_000


def test_per_point_times_win_over_the_convention():
    """Times from -100 ms to 0: the middle is 50 ms before the stamp, whatever was configured."""
    x = np.zeros(3, np.float32)
    cloud = Cloud(START_NS, 'lidar', x, x, x, time_s=np.array([-.1, -.07, 0], np.float32))
    assert abs(sweep_middle_ns(cloud, 'start', 100.0) - START_NS + 50_000_000) < 1000
    with pytest.raises(ValueError, match="'centre' is not one of"):
        sweep_middle_ns(cloud, 'centre', 100.0)
