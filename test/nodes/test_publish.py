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

"""Results as messages: what arrives is what was meant."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.messages import cloud_from_message
from dseg_ros.nodes.clouds import clusters, ground, packed, semantic
from dseg_ros.nodes.publish import (CloudPublisher, header, ImagePublisher, MarkersPublisher,
                                    ObjectsPublisher, point_fields)
from dseg_ros.types import Cloud, Proposals
import numpy as np
import pytest
from visualization_msgs.msg import Marker


class Outbox:
    """Stands for a publisher; keeps what is published as it would travel."""

    def __init__(self) -> None:
        """Start empty."""
        self.sent: list[Any] = []

    def publish(self, message: Any) -> None:
        """Serialize at once, as a publisher does: messages are reused."""
        from rclpy.serialization import deserialize_message, serialize_message
        self.sent.append(deserialize_message(serialize_message(message), type(message)))

    def get_subscription_count(self) -> int:
        """Claim one listener."""
        return 1


def proposals(count: int, ids: list[int]) -> Proposals:
    """Make proposals whose numbers are all different."""
    rows = np.arange(count * 3, dtype=np.float32).reshape(count, 3)
    return Proposals(12_000_000_034, 'lidar', np.array(ids, np.int32),
                     np.ones(count, np.int32), rows, rows, rows + 100,
                     np.full(count, 0.5, np.float32), np.ones(count, np.float32), 'test')


CLOUD = Cloud(12_000_000_034, 'lidar', *np.arange(12, dtype=np.float32).reshape(3, 4))
ABOUT = header(12_000_000_034, 'lidar')


def test_header_keeps_nanoseconds() -> None:
    """Stamps are copied exactly."""
    assert (ABOUT.stamp.sec, ABOUT.stamp.nanosec, ABOUT.frame_id) == (12, 34, 'lidar')


@pytest.mark.parametrize('encoding', ['mono8', 'rgb8', '16UC1'])
def test_image_round_trip(encoding: str) -> None:
    """Pixels arrive as they were, when the array is a strided view too, and at a new size."""
    outbox = Outbox()
    publisher = ImagePublisher(outbox)
    generator = np.random.default_rng(1)
    for height, width in ((4, 6), (4, 6), (3, 5)):
        shape = (height, width * 2, 3) if encoding == 'rgb8' else (height, width * 2)
        kind = np.uint16 if encoding == '16UC1' else np.uint8
        pixels = generator.integers(0, 255, shape).astype(kind)[:, ::2]
        publisher.publish(pixels, encoding, ABOUT)
        message = outbox.sent[-1]
        assert (message.height, message.width, message.encoding) == (height, width, encoding)
        there = np.frombuffer(message.data, kind).reshape(pixels.shape)
        np.testing.assert_array_equal(there, pixels)
        if encoding != '16UC1':
            rgb = image_from_message(message).rgb
            np.testing.assert_array_equal(rgb if encoding == 'rgb8' else rgb[:, :, 0], pixels)


def test_arrays_are_copied_once() -> None:
    """A message holds the very bytes that were filled in; generated code would copy them."""
    kept: list[Any] = []
    listener = SimpleNamespace(publish=kept.append)
    images, clouds = ImagePublisher(listener), CloudPublisher(listener)
    for value in (1, 2):
        images.publish(np.full((4, 6), value, np.uint8), 'mono8', ABOUT)
        clouds.publish(ground(CLOUD, proposals(2, [0, 0, 0, 0])), ABOUT)
    assert kept[0].data is kept[2].data and kept[1].data is kept[3].data
    assert set(kept[0].data) == {2}


def test_clusters_and_ground_split_the_cloud() -> None:
    """Proposals and ground go to their clouds; noise goes nowhere."""
    found = proposals(2, [2, 0, -1, 1])
    palette = packed(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8))
    out = clusters(CLOUD, found, palette)
    assert out['cluster'].tolist() == [2, 1]
    assert out['x'].tolist() == [0.0, 3.0] and out['z'].tolist() == [8.0, 11.0]
    assert out['rgb'].tolist() == [0x070809, 0x040506]
    assert ground(CLOUD, found)['y'].tolist() == [5.0]


@pytest.mark.parametrize('points', [CLOUD, CLOUD.select(np.zeros(0, int))])
def test_cloud_round_trip(points: Cloud) -> None:
    """A labelled cloud is a PointCloud2 that we can read ourselves; an empty one too."""
    outbox = Outbox()
    ids = np.arange(len(points), dtype=np.uint8)
    labelled = semantic(points, ids, ids, np.zeros(256, np.uint32))
    CloudPublisher(outbox).publish(labelled, ABOUT)
    message = outbox.sent[0]
    assert {f.name for f in message.fields} >= {'x', 'y', 'z', 'rgb', 'class', 'confidence'}
    back, dropped = cloud_from_message(message)
    np.testing.assert_array_equal(back.xyz, points.xyz)
    assert dropped.total == 0


def test_point_fields_say_where_the_bytes_are() -> None:
    """Offsets are those of the layout; rgb is declared float32, as RViz reads it."""
    fields = {f.name: f for f in point_fields(clusters(
        CLOUD, proposals(0, [0, 0, 0, 0]), np.zeros(1, np.uint32)).dtype)}
    assert fields['rgb'].datatype == fields['x'].datatype == 7
    assert fields['cluster'].offset == 16


def test_objects_follow_the_proposals() -> None:
    """Fewer proposals than before leave no old ones behind; none at all is an empty array."""
    outbox = Outbox()
    publisher = ObjectsPublisher(outbox)
    for count in (3, 1, 0):
        publisher.publish(proposals(count, [0]), ABOUT)
        detections = outbox.sent[-1].detections
        assert [d.id for d in detections] == [str(i + 1) for i in range(count)]
    box = outbox.sent[0].detections[1].bbox
    assert (box.center.position.x, box.size.z) == (3.0, 105.0)
    assert box.center.orientation.z == pytest.approx(np.sin(0.25))
    assert outbox.sent[0].detections[1].header.stamp.nanosec == 34


def test_markers_clear_first() -> None:
    """The first marker deletes those of the frame before."""
    outbox = Outbox()
    MarkersPublisher(outbox, np.full((2, 3), 255, np.uint8)).publish(proposals(2, [0]), ABOUT)
    actions = [m.action for m in outbox.sent[0].markers]
    assert actions == [Marker.DELETEALL, Marker.ADD, Marker.ADD]
