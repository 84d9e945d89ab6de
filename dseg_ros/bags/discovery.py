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

"""Which topics of a recording are the drive's: named, or found by type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dseg_ros.bags.records import BagError, Record, TopicInfo
from dseg_ros.config.bags import TopicsConfig

POINTS = 'sensor_msgs/msg/PointCloud2'
IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
INFO = 'sensor_msgs/msg/CameraInfo'
STREAM_NAMES = ('compressed', 'image', 'image_raw', 'image_color', 'image_rect',
                'image_rect_color', 'image_mono', 'raw', 'color', 'camera', '')
"""Last parts of topics that say what the stream is, not which camera it is."""


class Topics(Protocol):
    """What is needed of a bag."""

    topics: dict[str, TopicInfo]

    def messages(self, topics: Sequence[str]) -> Iterator[Record]:
        """Read decoded messages."""
        ...

    def listing(self) -> str:
        """Describe its topics."""
        ...


@dataclass(frozen=True)
class DriveTopics:
    """
    The topics of a drive.

    :param points: the point cloud's.
    :param cameras: by camera name its image topic and its CameraInfo topic.
    """

    points: str
    cameras: Mapping[str, tuple[str, str]]


def find_topics(bag: Topics, config: TopicsConfig) -> DriveTopics:
    """
    Find the cloud and the cameras of a bag.

    Found by type, an image topic counts as a camera if a CameraInfo belongs to it: the one with
    the longest namespace in common, else one with the same frame id that belongs to no other. Of
    a raw and a compressed topic of one camera the one with more messages is taken, else the raw.

    :param bag: the recording.
    :param config: names to use instead of searching.
    :raises BagError: if a named topic is not there or of another type, if there is no cloud or
        several, or no camera; the text lists what the bag has.
    """
    points = config.points or _only_cloud(bag)
    _require(bag, points, (POINTS,))
    if not config.images:
        return DriveTopics(points, _all_cameras(bag))
    for topic in config.images:
        _require(bag, topic, IMAGES)
    infos = dict(zip(config.images, config.camera_infos)) or _paired(bag, config.images)
    for image in config.images:
        if image not in infos:
            raise BagError(f'no {INFO} belongs to {image!r}, the bag has {bag.listing()}; name it '
                           'in camera_infos')
        _require(bag, infos[image], (INFO,))
    names = config.cameras or _names(config.images)
    return DriveTopics(points, {n: (i, infos[i]) for n, i in zip(names, config.images)})


def _require(bag: Topics, topic: str, types: Sequence[str]) -> None:
    """Raise unless the bag has messages of one of these types on a topic."""
    if topic not in bag.topics:
        raise BagError(f'no topic {topic!r} in the bag, it has {bag.listing()}')
    if (found := bag.topics[topic].type) not in types:
        raise BagError(f'topic {topic!r} is {found}, not {" or ".join(types)}')
    if bag.topics[topic].count == 0:
        raise BagError(f'topic {topic!r} has no messages')


def _of_type(bag: Topics, types: Sequence[str]) -> list[str]:
    """Return the topics of some types that have messages."""
    return [n for n, info in bag.topics.items() if info.type in types and info.count]


def _only_cloud(bag: Topics) -> str:
    """Return the one point cloud topic."""
    clouds = _of_type(bag, (POINTS,))
    if len(clouds) != 1:
        what = f'several {POINTS} topics {clouds}' if clouds else f'no {POINTS} topic'
        raise BagError(f'{what} in the bag, which has {bag.listing()}; name one as points')
    return clouds[0]


def _all_cameras(bag: Topics) -> dict[str, tuple[str, str]]:
    """Find every image topic that has a calibration."""
    images = [i for i in _of_type(bag, IMAGES) if not i.endswith('/compressedDepth')]
    by_info: dict[str, str] = {}
    for image, info in _paired(bag, images).items():
        rival = by_info.setdefault(info, image)
        if bag.topics[image].count > bag.topics[rival].count:
            by_info[info] = image
    if not by_info:
        raise BagError(f'no image topic with a {INFO} in the bag, which has {bag.listing()}')
    taken = sorted(by_info.values())
    infos = {image: info for info, image in by_info.items()}
    return {name: (image, infos[image]) for name, image in zip(_names(taken), taken)}


def _paired(bag: Topics, images: Sequence[str]) -> dict[str, str]:
    """Find the CameraInfo topic of each image topic, where there is one."""
    infos = _of_type(bag, (INFO,))
    pairs: dict[str, str] = {}
    for image in images:
        spaces = {i: i.rsplit('/', 1)[0] for i in infos}
        inside = [i for i in infos if spaces[i] and image.startswith(spaces[i] + '/')]
        if inside:
            pairs[image] = max(inside, key=lambda i: len(spaces[i]))
    free = [i for i in infos if i not in pairs.values()]
    for image in (i for i in images if i not in pairs):
        same = [i for i in free if _frame(bag, i) == _frame(bag, image)]
        if len(same) == 1:
            pairs[image] = same[0]
    return pairs


def _frame(bag: Topics, topic: str) -> str:
    """Return the frame id of a topic's first message."""
    return next((str(r.message.header.frame_id) for r in bag.messages([topic])), '')


def _names(images: Sequence[str]) -> list[str]:
    """Name cameras by the last telling part of their topics, by more parts if that repeats."""
    telling = [[p for p in t.split('/') if p not in STREAM_NAMES] or ['camera'] for t in images]
    for parts in range(1, 1 + max((len(t) for t in telling), default=0)):
        names = ['_'.join(t[-parts:]) for t in telling]
        if len(set(names)) == len(names):
            return names
    return [t.strip('/').replace('/', '_') for t in images]
