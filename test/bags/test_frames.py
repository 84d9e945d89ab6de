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

"""Frames of bags: pairing, calibrations and motion together, on tiny and on real recordings."""

from dataclasses import replace

from dseg_ros.bags.frames import (
    BROKEN_CLOUD, BROKEN_IMAGE, BROKEN_INFO, frames, NO_INFO, UNDECODABLE)
from dseg_ros.bags.reader import BagError, find_topics, open_bag
from dseg_ros.config.bags import TopicsConfig
from dseg_ros.config.sync import MotionConfig, SyncConfig
from dseg_ros.geometry import CalibrationError
from dseg_ros.types import Dropped
import numpy as np
import pytest

MS = 1_000_000


def read(path, sync=None, motion=None, topics=None):
    """Read all pairs; return them and the reader."""
    with open_bag(path) as bag:
        stream = frames(bag, find_topics(bag, topics or TopicsConfig()), sync, motion)
        return list(stream), stream


def test_every_format_gives_the_same_frames(any_bag):
    """Five clouds, each with its image, calibration and the way driven."""
    paired, stream = read(any_bag)
    assert [len(p.cloud) for p in paired] == [1, 2, 3, 4, 5]
    assert stream.clouds == 5 and stream.dropped == Dropped() and not stream.problems
    for i, p in enumerate(paired):
        (shot,) = p.shots
        assert shot.name == 'cam' and shot.camera.width == 8 and shot.ego_motion_known
        view = shot.decoded()
        assert (view.image.rgb == [0, 0, i]).all() and view.image.stamp_ns == p.cloud.stamp_ns
        assert view.camera_T_lidar[0, 3] == pytest.approx(-1)  # lidar at 1 m, camera at 2 m
        assert p.position_m[0] == pytest.approx(i + 1)


def test_calibrations_that_stay_are_one_object(mcap_bag):
    """What is derived from a calibration is kept for as long as it stays the same."""
    paired, _ = read(mcap_bag)
    assert len({id(p.shots[0].camera) for p in paired}) == 1


def late_images(tiny, shift_ms):
    """Make a drive at 10 m/s whose images come at another time than their clouds."""
    rows = []
    for topic, kind, stamp, message in tiny.drive(tiny.ROS2, 6):
        if topic.startswith('/cam'):
            stamp += shift_ms * MS
            message = replace(message, header=tiny.header(tiny.ROS2, stamp, 'camera_optical'))
        rows.append((topic, kind, stamp, message))
    return sorted(rows, key=lambda row: row[2])


def test_the_way_driven_between_image_and_cloud_is_compensated(tiny, tmp_path):
    """30 ms at 10 m/s are 0.3 m, known through odom; without it the extrinsics are static."""
    path = tiny.write_ros2(tmp_path / 'late', late_images(tiny, 30))
    paired, _ = read(path)
    assert len(paired) == 6
    for p in paired:  # also the last one: 30 ms beyond the last transform
        assert p.shots[0].ego_motion_known
        assert p.shots[0].camera_T_lidar[0, 3] == pytest.approx(-1.3)
    for motion in (MotionConfig(fixed=''), MotionConfig(fixed='map'),
                   MotionConfig(extrapolate_ms=0.0)):
        paired, _ = read(path, motion=motion)
        last = paired[-1].shots[0]
        assert not last.ego_motion_known and last.camera_T_lidar[0, 3] == pytest.approx(-1)


def test_pairs_wait_for_transforms_that_are_recorded_later(tiny, tmp_path):
    """Transforms written 150 ms after their stamp are still used, and interpolated."""
    rows = [(t, k, s + (150 * MS if t == '/tf' else 0), m) for t, k, s, m in late_images(tiny, 30)]
    path = tiny.write_ros2(tmp_path / 'late', sorted(rows, key=lambda row: row[2]))
    paired, _ = read(path)
    assert [p.shots[0].ego_motion_known for p in paired] == [True] * 6
    paired, _ = read(path, motion=MotionConfig(max_wait_s=0.0, extrapolate_ms=5.0))
    assert not any(p.shots[0].ego_motion_known for p in paired)


def test_clouds_are_deskewed_by_their_own_times(tiny, tmp_path):
    """A standing post, scanned over 100 ms at 10 m/s, becomes one place; the driver may do so."""
    rows = tiny.drive(tiny.ROS2, 6)
    stamps = np.linspace(0, 0.09, 10, dtype=np.float32)
    for i, (topic, kind, stamp, message) in enumerate(rows):
        if topic == '/lidar/points':
            points = np.stack([20 - 10 * stamps, 0 * stamps, 0 * stamps, stamps], axis=1)
            cloud = tiny.cloud(tiny.ROS2, message.header.stamp.sec * 10**9
                               + message.header.stamp.nanosec, points)
            fields = [replace(f, name='time') if f.name == 'intensity' else f
                      for f in cloud.fields]
            rows[i] = (topic, kind, stamp, replace(cloud, fields=fields))
    path = tiny.write_ros2(tmp_path / 'skewed', rows)
    paired, _ = read(path)
    assert len(paired) == 6
    for p in paired[:-1]:
        np.testing.assert_allclose(p.cloud.x, 20, atol=1e-3)
        assert p.cloud.time_s is None and p.shots[0].ego_motion_known
    raw, _ = read(path, motion=MotionConfig(deskew=False))
    assert np.ptp(raw[0].cloud.x) == pytest.approx(0.9, abs=1e-3)
    static, _ = read(path, motion=MotionConfig(fixed=''))
    assert np.ptp(static[0].cloud.x) == pytest.approx(0.9, abs=1e-3)


def test_clouds_whose_times_hardly_differ_are_not_an_error(tiny, tmp_path):
    """A sensor that flashes, with the noise of its clock: nothing to de-skew, nothing raised."""
    rows = tiny.drive(tiny.ROS2, 4)
    for i, (topic, kind, stamp, message) in enumerate(rows):
        if topic == '/lidar/points':
            points = np.array([[1, 2, 3, 0], [1, 2, 3, 1e-9], [1, 2, 3, 3e-9]])
            cloud = tiny.cloud(tiny.ROS2, stamp - 1, points)
            fields = [replace(f, name='time') if f.name == 'intensity' else f
                      for f in cloud.fields]
            rows[i] = (topic, kind, stamp, replace(cloud, fields=fields))
    paired, stream = read(tiny.write_ros2(tmp_path / 'flash', rows))
    assert len(paired) == 4 and stream.dropped == Dropped()


def test_broken_messages_cost_themselves_alone(tiny, tmp_path):
    """A cloud without x, an uncalibrated camera_info and a short image are counted and named."""
    rows = tiny.drive(tiny.ROS2, 5)
    broken = {'/lidar/points': lambda m: replace(m, fields=m.fields[1:]),
              '/cam/camera_info': lambda m: replace(m, k=np.zeros(9)),
              '/cam/image_raw': lambda m: replace(m, data=m.data[:20])}
    for frame, topic in ((1, '/lidar/points'), (2, '/cam/camera_info'), (3, '/cam/image_raw')):
        i = [j for j, row in enumerate(rows) if row[0] == topic][frame]
        rows[i] = (*rows[i][:3], broken[topic](rows[i][3]))
    with open_bag(tiny.write_ros2(tmp_path / 'broken', rows)) as bag:
        stream = frames(bag, find_topics(bag, TopicsConfig()))
        decoded = list(stream.decoded())
    assert [len(f.cloud) for f in decoded] == [1, 3, 5]
    assert {k: stream.dropped.counts.get(k) for k in (BROKEN_CLOUD, BROKEN_IMAGE, BROKEN_INFO)
            } == {BROKEN_CLOUD: 1, BROKEN_IMAGE: 1, BROKEN_INFO: 1}
    assert any("no field ['x']" in problem for problem in stream.problems)


def test_a_message_that_cannot_be_decoded_costs_itself_alone(tiny, tmp_path):
    """Half a transform, info, image and cloud in the middle: the drive goes on after them."""
    rows = tiny.drive(tiny.ROS2, 8)
    halves = [[i for i, row in enumerate(rows) if row[0] == topic][frame] for topic, frame in (
        ('/tf', 2), ('/cam/camera_info', 3), ('/cam/image_raw', 4), ('/lidar/points', 5))]
    path = tiny.write_ros2(tmp_path / 'halves', rows, halves=halves)
    paired, stream = read(path)
    assert [len(p.cloud) for p in paired] == [1, 2, 3, 4, 7, 8]
    assert stream.dropped.counts[UNDECODABLE] == 4 and stream.clouds == 7
    assert any('/cam/image_raw is no sensor_msgs/msg/Image' in p for p in stream.problems)
    with open_bag(path) as bag, pytest.raises(BagError, match='/tf is no tf2_msgs/msg/TFMessage'):
        list(bag.messages())


def test_a_camera_without_any_calibration_costs_itself_alone(tiny, tmp_path):
    """Its infos are read and counted once each; the other camera's frames all come."""
    rows = tiny.drive(tiny.ROS2, 6)
    rows += [(t.replace('/cam/', '/rear/'), k, s, replace(m, k=np.zeros(9)) if 'info' in t else m)
             for t, k, s, m in rows if t.startswith('/cam/')]
    path = tiny.write_ros2(tmp_path / 'rear', sorted(rows, key=lambda row: row[2]))
    paired, stream = read(path)
    assert [[shot.name for shot in p.shots] for p in paired] == [['cam']] * 6
    assert stream.dropped.counts == {BROKEN_INFO: 6, NO_INFO: 6}


def test_a_frame_whose_only_camera_has_no_calibration_is_left_out(tiny, tmp_path):
    """It is counted, and is no frame without images."""
    rows = [(t, k, s, replace(m, k=np.zeros(9)) if 'info' in t else m)
            for t, k, s, m in tiny.drive(tiny.ROS2, 3)]
    with open_bag(tiny.write_ros2(tmp_path / 'none', rows)) as bag:
        stream = frames(bag, find_topics(bag, TopicsConfig()))
        assert not list(stream.decoded())
    assert stream.dropped.counts[NO_INFO] == 3


def test_a_calibration_of_another_size_is_refused(tiny, tmp_path):
    """The error names both sizes."""
    rows = [(t, k, s, replace(m, width=16, height=12) if t.endswith('info') else m)
            for t, k, s, m in tiny.drive(tiny.ROS2, 2)]
    with open_bag(tiny.write_ros2(tmp_path / 'wrong', rows)) as bag:
        stream = frames(bag, find_topics(bag, TopicsConfig()))
        with pytest.raises(CalibrationError, match='8x6 px.*16x12 px'):
            list(stream.decoded())


def test_an_unknown_frame_is_named(tiny, tmp_path):
    """So are the frames that are known."""
    rows = [row for row in tiny.drive(tiny.ROS2, 2)
            if row[0] != '/tf_static' or row[3].transforms[0].child_frame_id == 'lidar']
    with pytest.raises(BagError, match=r"'lidar' to 'camera_optical'.*unknown frame.*"
                                       r"known are \['base', 'lidar', 'odom'\]"):
        read(tiny.write_ros2(tmp_path / 'lost', rows))


def test_extrinsics_that_come_late_on_tf_are_read_ahead(tiny, tmp_path):
    """As ROS 1 publishes them: not static, and here not before the fifth of eight clouds."""
    rows = []
    for topic, kind, stamp, message in tiny.drive(tiny.ROS2, 8):
        if topic != '/tf_static':
            rows.append((topic, kind, stamp, message))
        if topic == '/tf' and stamp > tiny.START_NS + 5 * tiny.STEP_NS:
            rows += [(topic, kind, stamp + 1, tiny.tf(tiny.ROS2, stamp, 'base', 'lidar', 1)),
                     (topic, kind, stamp + 2, tiny.tf(tiny.ROS2, stamp, 'base',
                                                      'camera_optical', 2))]
    paired, stream = read(tiny.write_ros2(tmp_path / 'late', rows))
    assert [len(p.shots) for p in paired] == [1] * 8 and stream.dropped == Dropped()
    assert all(p.shots[0].camera_T_lidar[0, 3] == pytest.approx(-1) for p in paired)
    assert not paired[0].shots[0].ego_motion_known and paired[-1].shots[0].ego_motion_known


@pytest.mark.parametrize('back_s', [1, 30])
def test_motion_is_known_after_the_clock_was_set_back(tiny, tmp_path, back_s):
    """A recording that starts again: old poses neither stay nor mix with the new ones."""
    once = tiny.drive(tiny.ROS2, 20)
    again = tiny.drive(tiny.ROS2, 20, tiny.START_NS + 20 * tiny.STEP_NS - back_s * 10**9)
    again = [(t, k, s + back_s * 10**9, m) for t, k, s, m in again if t != '/tf_static']
    paired, _ = read(tiny.write_ros2(tmp_path / 'twice', once + again))
    assert [round(p.position_m[0]) for p in paired[22:]] == list(range(3, 21))
    assert all(p.shots[0].ego_motion_known for p in paired[22:])


def test_a_calibration_recorded_once_and_late_is_found(tiny, tmp_path):
    """A single camera_info at the end of the drive serves all its images."""
    rows = tiny.drive(tiny.ROS2, 5)
    infos = [row for row in rows if row[0].endswith('info')]
    rows = [row for row in rows if row not in infos] + [(*infos[0][:2], rows[-1][2] + 1,
                                                        infos[-1][3])]
    paired, stream = read(tiny.write_ros2(tmp_path / 'once', rows))
    assert [len(p.shots) for p in paired] == [1] * 5 and stream.dropped == Dropped()


def test_damage_ends_the_drive_after_what_was_before_it(mcap_bag, monkeypatch):
    """All frames before the damage come, also those that were waiting; then the error does."""
    with open_bag(mcap_bag) as bag:
        topics = find_topics(bag, TopicsConfig())
        whole = bag.messages

        def damaged(names=None, broken=None):
            for i, record in enumerate(whole(names)):
                if i == 15:
                    raise BagError('damaged after 15 messages')
                yield record

        monkeypatch.setattr(bag, 'messages', damaged)
        seen = []
        with pytest.raises(BagError, match='damaged after 15'):
            for paired in frames(bag, topics):
                seen.append(paired)
    assert len(seen) == 4


def test_kitti(shared_data):
    """Thirty frames without motion: no odometry in the recording."""
    with open_bag(shared_data / 'kitti_drive') as bag:
        stream = frames(bag, find_topics(bag, TopicsConfig()))
        decoded = list(stream.decoded())
    assert len(decoded) == 30 and stream.dropped == Dropped()
    for frame in decoded:
        (view,) = frame.views
        assert view.image.rgb.shape == (375, 1242, 3) and not view.ego_motion_known
        assert abs(view.image.stamp_ns - frame.cloud.stamp_ns) < 6 * MS


def test_pandaset_with_three_cameras_and_motion(shared_data):
    """Motion compensation moves the projection by up to 0.25 m, most of it at the end."""
    motion = MotionConfig(lidar_stamp='end', deskew=False)
    paired, stream = read(shared_data / 'pandaset_drive', motion=motion)
    static, _ = read(shared_data / 'pandaset_drive', motion=replace(motion, fixed=''))
    assert [len(p.shots) for p in paired] == [3] * 36 and stream.dropped == Dropped()
    moved = np.array([[np.linalg.norm((a.camera_T_lidar - b.camera_T_lidar)[:3, 3])
                       for a, b in zip(p.shots, q.shots)] for p, q in zip(paired, static)])
    assert all(shot.ego_motion_known for p in paired for shot in p.shots)
    assert 0.2 < moved.max() < 0.3
    assert moved[0].max() < 0.03 and moved[-1].min() > 0.1


@pytest.mark.parametrize('path, cameras, ego_motion', [
    ('rings_drive', 1, False), ('ddad_1_drive', 3, True), ('ddad_2_drive/ddad_2_drive.bag', 6,
                                                           True)])
def test_short_recordings(shared_data, path, cameras, ego_motion):
    """Three frames each, every camera in all of them, with the calibration of its moment."""
    paired, _ = read(shared_data / path)
    assert [len(p.shots) for p in paired] == [cameras] * 3
    assert {s.ego_motion_known for p in paired for s in p.shots} == {ego_motion}
    if path == 'rings_drive':  # unrelated frames: another lens, and another place on the roof
        first, last = paired[0].shots[0], paired[-1].shots[0]
        assert len(first.camera.distortion) == 4 and len(last.camera.distortion) == 5
        assert np.linalg.norm((first.camera_T_lidar - last.camera_T_lidar)[:3, 3]) > 0.1


@pytest.mark.parametrize('offset_ms, cameras', [((0.0, -11.0, 11.0), 3), ((0.0,), 1)])
def test_offsets_per_camera_reach_the_matcher(shared_data, offset_ms, cameras):
    """Within 3 ms all three pair only if each has its own; a common one fits the front alone."""
    sync = SyncConfig(offset_ms=offset_ms, tolerance_ms=(3.0,))
    paired, _ = read(shared_data / 'pandaset_drive', sync, MotionConfig(deskew=False))
    assert [len(p.shots) for p in paired] == [cameras] * 36
