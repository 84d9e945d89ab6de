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

"""SE(3) against SciPy's rotations."""

from dseg_ros.geometry import (
    from_quaternion, interpolate, invert, poses_at, to_quaternion, transform)
import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp


def random_pose(seed):
    """Draw a pose."""
    rng = np.random.default_rng(seed)
    return from_quaternion(rng.uniform(-50, 50, 3), Rotation.random(random_state=seed).as_quat())


@pytest.mark.parametrize('seed', range(20))
def test_quaternion_there_and_back(seed):
    """A quaternion gives SciPy's matrix and comes back, whatever component is the largest."""
    quaternion = Rotation.random(random_state=seed).as_quat()
    pose = from_quaternion((1.0, 2.0, 3.0), 2.5 * quaternion)
    expected = Rotation.from_quat(quaternion).as_matrix()
    np.testing.assert_allclose(pose[:3, :3], expected, atol=1e-12)
    back = to_quaternion(pose)
    assert back[3] >= 0
    np.testing.assert_allclose(abs(back @ quaternion), 1, atol=1e-12)


@pytest.mark.parametrize('half_turn', [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)])
def test_quaternion_of_half_turns(half_turn):
    """Half turns, where w is zero, are read as exactly."""
    back = to_quaternion(from_quaternion((0, 0, 0), half_turn))
    np.testing.assert_allclose(abs(back), half_turn, atol=1e-12)


@pytest.mark.parametrize('bad', [(0, 0, 0, 0), (np.nan, 0, 0, 1)])
def test_a_quaternion_that_is_none_is_refused(bad):
    """An unset or broken quaternion is named."""
    with pytest.raises(ValueError, match='is no pose'):
        from_quaternion((0, 0, 0), bad)


def test_invert_and_transform():
    """The inverse brings points back, for one transform and for a stack."""
    pose = random_pose(3)
    points = np.random.default_rng(0).uniform(-10, 10, (50, 3))
    there = transform(pose, points)
    np.testing.assert_allclose(there[7], (pose @ [*points[7], 1])[:3])
    np.testing.assert_allclose(transform(invert(pose), there), points, atol=1e-12)
    stack = np.stack([random_pose(i) for i in range(4)])
    np.testing.assert_allclose(invert(stack) @ stack, np.broadcast_to(np.eye(4), (4, 4, 4)),
                               atol=1e-12)
    assert transform(pose, points.astype(np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match=r'\(3,\)'):
        transform(pose, np.zeros(3))


@pytest.mark.parametrize('seed', range(8))
def test_interpolate_is_slerp(seed):
    """Half way is SciPy's slerp, takes the short way round, and the ends are the ends."""
    a, b = random_pose(seed), random_pose(seed + 100)
    slerp = Slerp([0, 1], Rotation.from_matrix([a[:3, :3], b[:3, :3]]))
    for alpha in (0.0, 0.3, 1.0):
        got = interpolate(a, b, alpha)
        np.testing.assert_allclose(got[:3, :3], slerp(alpha).as_matrix(), atol=1e-9)
        np.testing.assert_allclose(got[:3, 3], (1 - alpha) * a[:3, 3] + alpha * b[:3, 3])


def test_interpolate_beyond_the_end_keeps_the_velocity():
    """Extrapolation turns and drives on; a tiny rotation does not divide by zero."""
    turned = from_quaternion((1, 0, 0), Rotation.from_euler('z', 10, degrees=True).as_quat())
    on = interpolate(np.eye(4), turned, 1.5)
    np.testing.assert_allclose(Rotation.from_matrix(on[:3, :3]).as_euler('zyx', degrees=True),
                               [15, 0, 0], atol=1e-9)
    np.testing.assert_allclose(on[:3, 3], [1.5, 0, 0])
    np.testing.assert_allclose(interpolate(np.eye(4), np.eye(4), 0.5), np.eye(4))


def test_a_trajectory_is_interpolated_pose_by_pose():
    """Every moment has the pose between its two neighbours; outside the motion goes on."""
    stamps_ns = 10**18 + np.array([0, 40, 100, 150], np.int64) * 10**6
    poses = np.stack([random_pose(i) for i in range(4)])
    at_ns = 10**18 + np.array([-20, 0, 10, 40, 77, 150, 180], np.int64) * 10**6
    found = poses_at(stamps_ns, poses, at_ns)
    for pose, (a, alpha) in zip(found, [(0, -0.5), (0, 0), (0, 0.25), (0, 1), (1, 37 / 60), (2, 1),
                                        (2, 1.6)]):
        np.testing.assert_allclose(pose, interpolate(poses[a], poses[a + 1], alpha), atol=1e-12)


def test_a_pose_that_is_not_finite_is_refused():
    """Nothing moves to nowhere silently."""
    broken = random_pose(1)
    broken[0, 3] = np.nan
    with pytest.raises(ValueError, match='not finite'):
        interpolate(random_pose(0), broken, 0.5)


@pytest.mark.parametrize('stamps, poses', [(3, 2), (1, 1), (0, 0)])
def test_a_trajectory_needs_a_pose_for_each_of_its_stamps(stamps, poses):
    """Compiled code would read on beyond the last."""
    with pytest.raises(ValueError, match=rf'{stamps} stamps with poses \({poses}, 4, 4\)'):
        poses_at(np.arange(stamps), np.tile(np.eye(4), (poses, 1, 1)), np.zeros(1, np.int64))
    with pytest.raises(ValueError, match=r'\(3, 4\)'):
        interpolate(np.eye(4)[:3], np.eye(4), 0.5)
