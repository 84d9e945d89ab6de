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

"""Frames through time, as tf2 would answer."""

from dseg_ros.geometry import from_quaternion, invert, TransformError, TransformTree
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

MS = 1_000_000
LEVEL = (0.0, 0.0, 0.0, 1.0)


def shift(x, y=0.0, z=0.0):
    """Build a pure translation [m]."""
    return from_quaternion((x, y, z), LEVEL)


@pytest.fixture
def tree():
    """Provide odom -> base_link at 10 m/s with 10 Hz, and two sensors on the car."""
    tree = TransformTree(extrapolate_ns=20 * MS)
    mounted = from_quaternion((0.5, 0, 1.7), Rotation.from_euler('x', 90, degrees=True).as_quat())
    tree.add('base_link', 'lidar', shift(0, 0, 2), static=True)
    tree.add('/lidar', '/camera', mounted, static=True)
    for i in range(5):
        tree.add('odom', 'base_link', shift(1.0 * i), i * 100 * MS)
    return tree


def test_static_frames_need_no_time(tree):
    """Through common parents, in both directions, with ROS 1 slashes."""
    base_T_camera = tree.lookup('base_link', 0, 'camera', 0)
    np.testing.assert_allclose(base_T_camera[:3, 3], [0.5, 0, 3.7])
    np.testing.assert_allclose(tree.lookup('camera', 7, '/base_link', 7), invert(base_T_camera))
    assert not tree.moves('camera', 'lidar') and tree.moves('camera', 'odom')


def test_motion_between_two_stamps(tree):
    """The lookup through odom holds the way driven between cloud and image."""
    static = tree.lookup('camera', 150 * MS, 'lidar', 150 * MS)
    moved = tree.lookup('camera', 150 * MS, 'lidar', 210 * MS, 'odom')
    # 60 ms at 10 m/s: the cloud's origin was 0.6 m further ahead.
    np.testing.assert_allclose(moved, static @ shift(0.6), atol=1e-12)
    np.testing.assert_allclose(tree.lookup('camera', 200 * MS, 'lidar', 200 * MS, 'odom'), static,
                               atol=1e-12)


def test_interpolation_turns_too():
    """Half way between two headings is half the turn."""
    tree = TransformTree()
    for stamp, angle in ((0, 0), (100, 20)):
        tree.add('odom', 'base', from_quaternion((0, 0, 0), Rotation.from_euler(
            'z', angle, degrees=True).as_quat()), stamp)
    half = tree.lookup('odom', 50, 'base', 50)
    assert Rotation.from_matrix(half[:3, :3]).as_euler('zyx', degrees=True)[0] == pytest.approx(10)


def test_extrapolation_is_limited(tree):
    """Constant velocity goes on for the tolerance and not a millisecond longer."""
    np.testing.assert_allclose(tree.lookup('odom', 420 * MS, 'base_link', 420 * MS)[0, 3], 4.2)
    np.testing.assert_allclose(tree.lookup('odom', -10 * MS, 'base_link', -10 * MS)[0, 3], -0.1)
    with pytest.raises(TransformError, match=r"'base_link' in 'odom' is known from 0\.0+ s to "
                                             r'0\.4.*not at 0\.421'):
        tree.lookup('odom', 421 * MS, 'base_link', 421 * MS)
    assert tree.latest_ns('odom', 'camera') == 400 * MS
    assert tree.latest_ns('lidar', 'camera') is None


def test_one_transform_alone_holds_within_the_tolerance():
    """A single sample cannot tell a velocity: it is taken as it is."""
    tree = TransformTree(extrapolate_ns=10)
    tree.add('odom', 'base', shift(3), 100)
    assert tree.lookup('odom', 105, 'base', 105)[0, 3] == 3
    with pytest.raises(TransformError):
        tree.lookup('odom', 111, 'base', 111)


def test_unknown_and_unconnected_frames_are_named(tree):
    """The message names the frame and those that are known, or both roots."""
    with pytest.raises(TransformError, match=r"'velodyne'; known are \['base_link', 'camera'"):
        tree.lookup('camera', 0, 'velodyne', 0)
    tree.add('map', 'tower', shift(1), static=True)
    with pytest.raises(TransformError, match="roots are 'odom' and 'map'"):
        tree.lookup('tower', 0, 'lidar', 0)
    with pytest.raises(TransformError, match='needs a fixed frame'):
        tree.lookup('camera', 0, 'lidar', 5)


def test_loops_are_errors_not_hangs():
    """Frames that are each other's parents are reported."""
    tree = TransformTree()
    tree.add('a', 'b', shift(1), static=True)
    tree.add('b', 'a', shift(1), static=True)
    with pytest.raises(TransformError, match='loop'):
        tree.lookup('a', 0, 'b', 0)
    with pytest.raises(TransformError, match="'a' cannot be its own parent"):
        tree.add('a', '/a', shift(1))


def test_late_repeated_and_old_transforms():
    """Out-of-order samples are sorted in, repeated stamps replaced, history is bounded."""
    tree = TransformTree(history_ns=300)
    for stamp in (100, 300, 200, 300):
        tree.add('odom', 'base', shift(stamp / 100), stamp)
    assert tree.lookup('odom', 150, 'base', 150)[0, 3] == pytest.approx(1.5)
    assert tree.lookup('odom', 250, 'base', 250)[0, 3] == pytest.approx(2.5)
    tree.add('odom', 'base', shift(5), 500)
    with pytest.raises(TransformError):
        tree.lookup('odom', 150, 'base', 150)


def test_a_clock_that_was_set_back_starts_a_link_anew():
    """Poses from before would else outlive it for ever, or mix with those after it."""
    tree = TransformTree(history_ns=300, jump_back_ns=150)
    for stamp in (1000, 1100, 1200, 400, 500):
        tree.add('odom', 'base', shift(stamp / 100), stamp)
    assert tree.lookup('odom', 450, 'base', 450)[0, 3] == pytest.approx(4.5)
    with pytest.raises(TransformError):
        tree.lookup('odom', 1100, 'base', 1100)


def test_newest_whatever_the_stamp(tree):
    """The static answer exists where the moment is not covered."""
    assert tree.static_lookup('odom', 'base_link')[0, 3] == 4
    np.testing.assert_allclose(tree.static_lookup('camera', 'lidar'),
                               tree.lookup('camera', 0, 'lidar', 0))
