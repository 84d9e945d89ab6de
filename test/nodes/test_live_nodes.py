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

"""The nodes as a user's messages reach them: good ones, bad ones, and none at all."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path
import time

from bench import Bench, camera_info, cloud, extrinsics, image, MODEL, segmentation, SIZE, SUCCESS
from dseg_ros.bags.header import stamp_ns
from dseg_ros.nodes.proposals_node import ProposalsNode
from dseg_ros.nodes.publish import header
from dseg_ros.nodes.recorder_node import RecorderNode
from dseg_ros.nodes.segmentation_node import SegmentationNode
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
import pytest
from sensor_msgs.msg import Image, PointCloud2, PointField
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection3DArray


def test_no_cloud_kills_the_proposals_node(bench: Callable[..., Bench]) -> None:
    """Empty and all-NaN clouds get empty results, a broken one a diagnostic; a good one works."""
    drive = bench([ProposalsNode])
    for topic, kind in (('proposals/objects', Detection3DArray),
                        ('proposals/points_clusters', PointCloud2),
                        ('proposals/points_ground', PointCloud2)):
        drive.hear(kind, topic)
    drive.start()
    objects = drive.results['proposals/objects']
    drive.send('points', cloud(1, 0))
    drive.until(lambda: len(objects) == 1)
    drive.send('points', cloud(2, nan=True))
    drive.until(lambda: len(objects) == 2)
    assert [len(o.detections) for o in objects] == [0, 0]
    assert drive.results['proposals/points_clusters'][0].width == 0
    broken = cloud(3)
    broken.data = broken.data[:100]
    nameless = PointCloud2(header=header(4, 'lidar'), height=1, width=1, point_step=4,
                           row_step=4, fields=[PointField(name='range', datatype=7, count=1)],
                           data=array('B', bytes(4)))
    node = drive.nodes[0]
    for count, message in enumerate((broken, nameless), start=1):
        drive.send('points', message)
        drive.until(lambda count=count: node.troubles.total == count)
    assert 'points' in node.troubles.health().message
    drive.send('points', cloud(5))
    drive.until(lambda: len(objects) == 3)
    assert stamp_ns(objects[-1].header) == 5 and objects[-1].header.frame_id == 'lidar'
    drive.until(lambda: len(drive.results['proposals/points_ground']) == 3)


def test_no_image_kills_the_segmentation_node(bench: Callable[..., Bench]) -> None:
    """Images without pixels, of no encoding, cut short: each is named; the next one works."""
    drive = segmentation(bench)
    node = drive.nodes[0]
    cut = image(3)
    cut.data = cut.data[:1000]
    for count, (message, named) in enumerate((
            (image(1, size=(0, 0)), '0x0'), (image(2, encoding='rgb9'), 'rgb9'),
            (cut, '1000 bytes')), start=1):
        drive.send('image', message)
        drive.until(lambda count=count: node.troubles.total == count)
        assert named in node.troubles.health().message
    drive.send('image', image(9))
    drive.until(lambda: drive.results['segmentation/mask'])
    mask = drive.results['segmentation/mask'][0]
    assert (mask.height, mask.width, mask.encoding) == (*SIZE, 'mono8')
    assert stamp_ns(mask.header) == 9 and mask.header.frame_id == 'camera'
    drive.until(lambda: drive.results['segmentation/label_info'])
    names = [c.class_name for c in drive.results['segmentation/label_info'][0].class_map]
    assert max(mask.data) < len(names)


def test_labelled_clouds_need_frames_and_the_right_calibration(bench: Callable[..., Bench]
                                                               ) -> None:
    """An unknown frame or a calibration of another size costs the labels and is named."""
    drive = segmentation(bench, 'motion.max_wait_s:=0.05', 'sync.wait_ms:=10.0')
    node, clouds = drive.nodes[0], drive.results['segmentation/points_semantic']

    def feed(number: int, size: tuple[int, int]) -> None:
        before = len(clouds)
        for at in (number * 10**9, number * 10**9 + 90_000_000):
            drive.send('image', image(at))
            drive.send('camera_info', camera_info(at, size))
            drive.send('points', cloud(at + 1_000_000))
            drive.until(lambda: len(drive.results['segmentation/mask']) > 0)
            drive.results['segmentation/mask'].clear()
        drive.until(lambda: len(clouds) > before)

    drive.send('image', image(1))  # makes the node see that labelled clouds are wanted
    drive.until(lambda: drive.results['segmentation/mask'])
    feed(1, SIZE)
    assert "'lidar'" in node.troubles.health().message
    assert labels_of(clouds[-1]) == {255}
    drive.send('tf_static', extrinsics())
    feed(2, (45, 80))
    assert '160x90' in node.troubles.health().message
    feed(3, SIZE)
    feed(4, SIZE)
    assert len(labels_of(clouds[-1])) > 1


def labels_of(message: PointCloud2) -> set[int]:
    """Return the classes in a labelled cloud."""
    offset = next(f.offset for f in message.fields if f.name == 'class')
    return set(np.frombuffer(message.data, np.uint8)[offset::message.point_step].tolist())


def test_proposals_in_the_image(bench: Callable[..., Bench]) -> None:
    """Whoever asks for it gets the proposals as a mask of the image, as late as it must be."""
    drive = bench([ProposalsNode], 'motion.max_wait_s:=0.05', 'sync.wait_ms:=10.0')
    drive.hear(Image, 'proposals/mask')
    drive.hear(Detection3DArray, 'proposals/objects')
    drive.start()
    drive.send('tf_static', extrinsics())
    drive.send('points', cloud(1_000_000))  # makes the node see that masks are wanted
    drive.until(lambda: drive.results['proposals/objects'])
    for number in range(2, 5):
        at = number * 100_000_000
        drive.send('camera_info', camera_info(at))
        drive.send('image', image(at))
        drive.send('points', cloud(at + 1_000_000))
        drive.until(lambda number=number: len(drive.results['proposals/objects']) == number)
    drive.until(lambda: drive.results['proposals/mask'])
    mask = drive.results['proposals/mask'][0]
    assert (mask.encoding, mask.height, mask.width) == ('16UC1', *SIZE)
    assert stamp_ns(mask.header) % 100_000_000 == 0 and mask.header.frame_id == 'camera'
    ids = set(np.frombuffer(mask.data, np.uint16).tolist())
    assert 65535 in ids and 1 in ids


def test_lifecycle(bench: Callable[..., Bench]) -> None:
    """A node can be stopped, started again, and cleaned up; while inactive it hears nothing."""
    drive = bench([ProposalsNode])
    drive.hear(Detection3DArray, 'proposals/objects')
    drive.start()
    drive.send('points', cloud(1))
    drive.until(lambda: drive.results['proposals/objects'])
    node = drive.nodes[0]
    assert node.trigger_deactivate() == SUCCESS
    drive.until(lambda: drive.senders['points'].get_subscription_count() == 0)
    assert node.trigger_cleanup() == SUCCESS
    assert node.count_publishers('proposals/objects') == 0
    drive.start()
    drive.send('points', cloud(2))
    drive.until(lambda: len(drive.results['proposals/objects']) == 2)


@pytest.mark.parametrize('wanted', [Transition(id=1), Transition(id=77), Transition(label='fly'),
                                    Transition(label='configure')])
def test_a_transition_that_cannot_be_is_refused(bench: Callable[..., Bench], wanted: Transition
                                                ) -> None:
    """Who asks an active node to configure is told no; rclpy alone would end the process."""
    drive = bench([ProposalsNode])
    drive.start()
    client = drive.user.create_client(ChangeState, 'proposals/change_state')
    drive.until(client.service_is_ready)
    future = client.call_async(ChangeState.Request(transition=wanted))
    drive.until(future.done)
    assert not future.result().success and drive.nodes[0].state == 'active'


def test_composed_nodes_decode_once(bench: Callable[..., Bench]) -> None:
    """Two nodes of a process share one subscription per topic."""
    if MODEL is None:
        pytest.skip('the package ships no model')
    drive = bench([ProposalsNode, SegmentationNode], f'engine.model:={MODEL}')
    drive.hear(PointCloud2, 'segmentation/points_semantic')
    drive.hear(Image, 'segmentation/mask')
    drive.start()
    drive.send('image', image(1))
    drive.until(lambda: drive.results['segmentation/mask'])
    assert drive.user.count_subscribers('points') == 1
    feeds = [f for node in drive.nodes for f in node._feeds if f.topic == '/points']
    assert len(feeds) == 2 and feeds[0] is feeds[1]


def test_recorder_services_and_disk_guard(bench: Callable[..., Bench], tmp_path: Path) -> None:
    """Start, stop and snapshot do what they say; too little disk stops with an error."""
    drive = bench([RecorderNode], f'dataset:={tmp_path / "set"}', 'record_at_once:=false',
                  'motion.max_wait_s:=0.05', 'sync.wait_ms:=10.0', 'min_free_gb:=0.001')
    drive.start()
    drive.send('tf_static', extrinsics())
    node = drive.nodes[0]
    now = [0]

    def call(name: str) -> Trigger.Response:
        client = drive.user.create_client(Trigger, f'recorder/{name}')
        drive.until(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        drive.until(future.done)
        return future.result()

    def feed(count: int) -> None:
        for _ in range(count):
            now[0] += 100_000_000
            drive.send('camera_info', camera_info(now[0]))
            drive.send('image', image(now[0]))
            drive.send('points', cloud(now[0]))
        drive.until(lambda: not node._inbox.take() or True)
        end_s = time.monotonic() + 0.5
        while time.monotonic() < end_s:
            drive.executor.spin_once(0.02)

    feed(3)
    assert node._recording.samples == 0
    assert call('snapshot').success
    feed(3)
    assert node._recording.samples == 1
    assert call('start').success
    feed(3)
    done = call('stop')
    assert done.success and node._recording.samples >= 3 and str(tmp_path) in done.message
    node._recording._min_free_gb = 1e9
    refused = call('start')
    assert not refused.success and 'GB left' in refused.message
    assert node.trigger_deactivate() == SUCCESS and node.trigger_cleanup() == SUCCESS
    from dseg_ros.dataset.store import Dataset, verify
    assert verify(tmp_path / 'set') == []
    assert len(Dataset(tmp_path / 'set')) >= 3
