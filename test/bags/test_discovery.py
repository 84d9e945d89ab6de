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

"""The drive's topics are found by type or taken by name; what is wrong is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dseg_ros.bags.discovery import DriveTopics, find_topics, IMAGES, INFO, POINTS
from dseg_ros.bags.reader import BagError, open_bag, Record, TopicInfo
from dseg_ros.config.bags import TopicsConfig
from dseg_ros.config.schema import ConfigError
import pytest


class Listing:
    """A bag of which only topics, types, counts and frame ids matter."""

    def __init__(self, topics: dict[str, str | tuple[str, int]],
                 frames: dict[str, str] | None = None) -> None:
        """Take topics by name, with their types."""
        self.topics = {n: TopicInfo(*(t if isinstance(t, tuple) else (t, 10)))
                       for n, t in topics.items()}
        self.frames = frames or {}

    def messages(self, topics: Sequence[str]) -> Iterator[Record]:
        """Give one message that has a frame id."""
        header = SimpleNamespace(frame_id=self.frames.get(topics[0], topics[0]))
        yield Record(topics[0], '', 0, SimpleNamespace(header=header))

    def listing(self) -> str:
        """Describe the topics."""
        return str(list(self.topics))


RAW, JPEG = IMAGES


def found(topics: dict[str, Any], config: TopicsConfig = TopicsConfig(),
          frames: dict[str, str] | None = None) -> DriveTopics:
    """Find the topics of a listing."""
    return find_topics(Listing(topics, frames), config)


def test_a_tiny_bag(mcap_bag: Path) -> None:
    """A real bag: found by type, with nothing given."""
    with open_bag(mcap_bag) as bag:
        assert find_topics(bag, TopicsConfig()) == DriveTopics(
            '/lidar/points', {'cam': ('/cam/image_raw', '/cam/camera_info')})


def test_several_cameras_are_named_by_their_topics() -> None:
    """Every image goes with the calibration of its own namespace."""
    topics = {'/points': POINTS}
    for side in ('front', 'front_left', 'rear'):
        topics |= {f'/camera/{side}/image/compressed': JPEG, f'/camera/{side}/camera_info': INFO}
    assert found(topics).cameras == {
        side: (f'/camera/{side}/image/compressed', f'/camera/{side}/camera_info')
        for side in ('front', 'front_left', 'rear')}


def test_names_that_repeat_grow() -> None:
    """Two cameras called left are told apart by what stands before."""
    topics = {'/p': POINTS, '/zed/left/image_rect_color': RAW, '/zed/left/camera_info': INFO,
              '/ids/left/image_raw': RAW, '/ids/left/camera_info': INFO}
    assert sorted(found(topics).cameras) == ['ids_left', 'zed_left']


def test_raw_and_compressed_are_one_camera() -> None:
    """The topic with more messages is taken, else the raw one."""
    topics: dict[str, Any] = {'/p': POINTS, '/c/image_raw': RAW, '/c/image_raw/compressed': JPEG,
                              '/c/image_raw/compressedDepth': JPEG, '/c/camera_info': INFO}
    assert found(topics).cameras == {'c': ('/c/image_raw', '/c/camera_info')}
    topics['/c/image_raw'] = (RAW, 3)
    assert found(topics).cameras == {'c': ('/c/image_raw/compressed', '/c/camera_info')}


def test_a_mask_is_no_camera() -> None:
    """An image without a calibration of its own is left alone, even in a camera's frame."""
    topics = {'/p': POINTS, '/c/image_raw': RAW, '/c/camera_info': INFO, '/sim/mask': RAW}
    frames = {'/sim/mask': 'optical', '/c/camera_info': 'optical'}
    assert list(found(topics, frames=frames).cameras) == ['c']


def test_a_calibration_found_by_frame() -> None:
    """Where the namespaces have nothing in common, the frame id decides."""
    topics = {'/p': POINTS, '/left': RAW, '/right': RAW, '/calib/l': INFO, '/calib/r': INFO}
    frames = {'/left': 'L', '/calib/l': 'L', '/right': 'R', '/calib/r': 'R'}
    assert found(topics, frames=frames).cameras == {
        'left': ('/left', '/calib/l'), 'right': ('/right', '/calib/r')}


def test_given_names_win() -> None:
    """What is named is taken, in this order and under these names."""
    topics = {'/a': POINTS, '/b': POINTS, '/c/image': RAW, '/c/camera_info': INFO, '/i': INFO}
    config = TopicsConfig(points='/b', images=('/c/image',), camera_infos=('/i',),
                          cameras=('front',))
    assert found(topics, config) == DriveTopics('/b', {'front': ('/c/image', '/i')})
    assert found(topics, TopicsConfig(points='/b', images=('/c/image',))).cameras == {
        'c': ('/c/image', '/c/camera_info')}


FULL = {'/a': POINTS, '/c/image': RAW, '/c/camera_info': INFO, '/none': (POINTS, 0)}


@pytest.mark.parametrize(('topics', 'config', 'said'), [
    (FULL, {'points': '/nope'}, "no topic '/nope'.*'/a'"),
    (FULL, {'points': '/c/image'}, f"'/c/image' is {RAW}, not {POINTS}"),
    (FULL, {'points': '/none'}, "'/none' has no messages"),
    (FULL, {'images': ('/a',)}, f"'/a' is {POINTS}, not {RAW} or {JPEG}"),
    (FULL, {'images': ('/c/image',), 'camera_infos': ('/a',)}, f"'/a' is {POINTS}, not {INFO}"),
    ({**FULL, '/b': POINTS}, {}, r"several .*\['/a', '/b'\].*name one as points"),
    ({'/c/image': RAW, '/c/camera_info': INFO}, {}, f'no {POINTS} topic.*/c/image'),
    ({'/a': POINTS, '/c/image': RAW}, {}, 'no image topic with a .*CameraInfo'),
    ({'/a': POINTS, '/c/image': RAW}, {'images': ('/c/image',)}, f"no {INFO} belongs to '/c/im")])
def test_what_cannot_be_found(topics: dict[str, Any], config: dict[str, Any], said: str) -> None:
    """The error names the topic, both types and what there is."""
    with pytest.raises(BagError, match=said):
        found(topics, TopicsConfig(**config))


def test_configurations_that_contradict_themselves() -> None:
    """Lists that belong together have one length."""
    for bad in ({'images': ('/a',), 'camera_infos': ('/b', '/c')}, {'cameras': ('x',)},
                {'images': ('/a', '/b'), 'cameras': ('x', 'x')}):
        with pytest.raises(ConfigError):
            TopicsConfig(**bad)


@pytest.mark.parametrize(('bag', 'cameras'), [
    ('kitti_drive', 1), ('pandaset_drive', 3), ('rings_drive', 1), ('ddad_1_drive', 3),
    ('ddad_2_drive/ddad_2_drive.bag', 6)])
def test_real_recordings_need_no_names(shared_data: Path, bag: str, cameras: int) -> None:
    """Every recording that we have explains itself."""
    with open_bag(shared_data / bag) as opened:
        assert len(find_topics(opened, TopicsConfig()).cameras) == cameras
