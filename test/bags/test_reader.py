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

"""Bags of every format give the same messages; bad ones say what is wrong."""

from __future__ import annotations

from pathlib import Path
import shutil
from types import SimpleNamespace

from dseg_ros.bags.messages import camera_from_message, cloud_from_message, stamp_ns
from dseg_ros.bags.messages import transform_from_message
from dseg_ros.bags.reader import BagError, open_bag, Qos
import numpy as np
import pytest

FRAMES = 5


def test_every_format_gives_the_same_drive(any_bag: Path, tiny: SimpleNamespace) -> None:
    """Topics, types, order, stamps and contents do not depend on the storage."""
    with open_bag(any_bag) as bag:
        assert {n: (i.type, i.count) for n, i in bag.topics.items()} == {
            '/cam/camera_info': ('sensor_msgs/msg/CameraInfo', FRAMES),
            '/cam/image_raw': ('sensor_msgs/msg/Image', FRAMES),
            '/lidar/points': ('sensor_msgs/msg/PointCloud2', FRAMES),
            '/tf': ('tf2_msgs/msg/TFMessage', FRAMES),
            '/tf_static': ('tf2_msgs/msg/TFMessage', 2)}
        records = list(bag.messages())
        assert [r.stamp_ns for r in records] == sorted(r.stamp_ns for r in records)
        assert len(records) == 4 * FRAMES + 2
        clouds = [cloud_from_message(r.message)[0] for r in records if r.topic == '/lidar/points']
        assert [len(c) for c in clouds] == [1, 2, 3, 4, 5]
        np.testing.assert_array_equal(clouds[4].z, [2, 6, 10, 14, 18])
        assert [c.stamp_ns for c in clouds] == [tiny.START_NS + i * tiny.STEP_NS
                                                for i in range(FRAMES)]
        camera = next(camera_from_message(r.message) for r in records
                      if r.topic == '/cam/camera_info')
        assert (camera.width, camera.intrinsics[0, 2], camera.frame) == (8, 4, 'camera_optical')


def test_raw_messages_are_ros2_messages(any_bag: Path, tiny: SimpleNamespace) -> None:
    """What is republished can be decoded by anyone who knows the ROS 2 type."""
    with open_bag(any_bag) as bag:
        for record in bag.raw(['/lidar/points', '/tf', '/cam/image_raw']):
            message = tiny.ROS2.deserialize_cdr(record.cdr, record.type)
            assert type(record.cdr) is bytes
            if record.topic == '/lidar/points':
                assert abs(stamp_ns(message.header) - record.stamp_ns) == 1


def test_static_transforms_are_merged(any_bag: Path, tiny: SimpleNamespace) -> None:
    """All of /tf_static comes as one message."""
    with open_bag(any_bag) as bag:
        moves = {t.child_frame_id: transform_from_message(t)[0, 3]
                 for t in bag.static_transforms()}
        message = tiny.ROS2.deserialize_cdr(bag.static_transforms_cdr(), 'tf2_msgs/msg/TFMessage')
    assert moves == {'lidar': 1.0, 'camera_optical': 2.0}
    assert [t.child_frame_id for t in message.transforms] == list(moves)


def test_a_part_of_a_bag(any_bag: Path, tiny: SimpleNamespace) -> None:
    """Topics and times narrow what is read: the start is in, the stop is not."""
    start, stop = tiny.START_NS + tiny.STEP_NS, tiny.START_NS + 3 * tiny.STEP_NS
    with open_bag(any_bag) as bag:
        got = [(r.topic, r.stamp_ns) for r in bag.raw(['/cam/image_raw'], start, stop)]
    assert got == [('/cam/image_raw', start), ('/cam/image_raw', start + tiny.STEP_NS)]


def test_split_files_and_lost_metadata(tmp_path: Path, tiny: SimpleNamespace) -> None:
    """Files without metadata.yaml are read in order of time, also if their times overlap."""
    rows = tiny.drive(tiny.ROS2, 6)
    for name, part in (('a_10', rows[14:]), ('b_2', rows[:14:2]), ('c_1', rows[1:14:2])):
        shutil.copy(next(tiny.write_ros2(tmp_path / name, part).glob('*.mcap')), tmp_path)
        shutil.rmtree(tmp_path / name)
    with open_bag(tmp_path) as bag:
        stamps = [r.stamp_ns for r in bag.raw()]
    assert stamps == sorted(row[2] for row in rows)


def test_metadata_that_names_a_missing_file(mcap_bag: Path) -> None:
    """A split bag that was copied in part is not read as if it were whole."""
    next(mcap_bag.glob('*.mcap')).rename(mcap_bag / 'other.mcap')
    with pytest.raises(BagError, match=r"drive.*metadata.yaml names \['drive.mcap'\]"):
        open_bag(mcap_bag)


def test_a_bare_storage_file(mcap_bag: Path) -> None:
    """One file of a bag is a bag."""
    with open_bag(next(mcap_bag.glob('*.mcap'))) as bag:
        assert sum(1 for _ in bag.messages()) == 4 * FRAMES + 2


def test_recorded_quality_of_service(tmp_path: Path, tiny: SimpleNamespace) -> None:
    """It is told per topic, and a latched topic of ROS 1 is transient local."""
    path = tiny.write_ros2(tmp_path / 'drive', tiny.drive(tiny.ROS2, 1),
                           profiles={'/lidar/points': tiny.qos(False, 3)})
    with open_bag(path) as bag:
        assert bag.topics['/lidar/points'].qos == (Qos('best_effort', 'volatile', 'keep_last', 3),)
        assert bag.topics['/tf'].qos == ()
    with open_bag(tiny.write_ros1(tmp_path / 'd.bag', tiny.drive(tiny.ROS1, 1))) as bag:
        assert bag.topics['/tf_static'].qos[0].durability == 'transient_local'
        assert bag.topics['/tf'].qos == ()


def test_a_topic_that_is_not_there(mcap_bag: Path) -> None:
    """The error lists what there is."""
    with open_bag(mcap_bag) as bag, pytest.raises(BagError, match='/nope.*/lidar/points'):
        next(bag.messages(['/nope']))


@pytest.mark.parametrize(('name', 'content', 'said'), [
    ('missing', None, 'does not exist'), ('empty.mcap', b'', 'empty'),
    ('odd.txt', b'x', 'not a bag'), ('noise.mcap', bytes(range(256)) * 9, 'noise.mcap'),
    ('noise.db3', bytes(range(256)) * 9, 'noise.db3'), ('noise.bag', b'#ROSBAG V1.2\n', '102'),
    ('text.bag', b'hello\n' * 99, 'text.bag')])
def test_what_is_no_bag(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    """Files that are no bag are named, with the reason."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BagError, match=f'{name}.*{said}|{said}.*{name}'):
        open_bag(tmp_path / name)


def test_an_empty_folder(tmp_path: Path) -> None:
    """A folder without a bag says so."""
    with pytest.raises(BagError, match='no bag in it'):
        open_bag(tmp_path)


@pytest.mark.parametrize(('bag', 'counts'), [
    ('kitti_drive', {'/lidar/points': 30}), ('pandaset_drive', {'/lidar/points': 36}),
    ('rings_drive', {'/top/points': 3}), ('ddad_1_drive', {'/points': 3}),
    ('ddad_2_drive/ddad_2_drive.bag', {'/points': 3})])
def test_real_recordings(shared_data: Path, bag: str, counts: dict[str, int]) -> None:
    """Recordings of other people's tools are read to the end."""
    with open_bag(shared_data / bag) as opened:
        for topic, count in counts.items():
            clouds = [cloud_from_message(r.message)[0] for r in opened.messages([topic])]
            assert len(clouds) == count
            assert min(len(c) for c in clouds) > 30_000
