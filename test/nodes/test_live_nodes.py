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
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
import time
from typing import Any

from bench import Bench, camera_info, cloud, extrinsics, FAILURE, image, SIZE, SUCCESS
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from dseg_ros.bags.header import stamp_ns
from dseg_ros.nodes import segmentation_node
from dseg_ros.nodes.proposals_node import ProposalsNode
from dseg_ros.nodes.publish import header
from dseg_ros.nodes.recorder_node import RecorderNode
from dseg_ros.nodes.segmentation_node import SegmentationNode
from dseg_ros.nodes.shell import Shell
from dseg_ros.runtime.engine import EngineError, ModelInfo
from dseg_ros.runtime.loading import Loaded
from dseg_ros.runtime.onnxruntime import OnnxRuntimeEngine
from dseg_ros.runtime.tensorrt import activating
from dseg_ros.runtime.tensorrt.shapes import Shapes
from dseg_ros.types import LabelMap
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import Image, PointCloud2, PointField
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection3DArray, LabelInfo

MODEL = next((Path(__file__).resolve().parents[2] / 'resource/models').glob('*.onnx'), None)


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    """Make benches and end them."""
    made: list[Bench] = []

    def make(kinds: list[Callable[..., Shell[Any]]], *arguments: str) -> Bench:
        made.append(Bench(kinds, list(arguments)))
        return made[-1]

    yield make
    for one in made:
        one.close()


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


def segmentation(bench: Callable[..., Bench], *arguments: str) -> Bench:
    """Start a segmentation node with the shipped model."""
    if MODEL is None:
        pytest.skip('the package ships no model')
    drive = bench([SegmentationNode], f'engine.model:={MODEL}', *arguments)
    drive.hear(Image, 'segmentation/mask')
    drive.hear(PointCloud2, 'segmentation/points_semantic')
    drive.hear(LabelInfo, 'segmentation/label_info', latched=True)
    drive.start()
    return drive


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


@pytest.mark.parametrize('model', ['/nowhere/model.onnx', __file__])
def test_a_wrong_model_fails_to_configure(bench: Callable[..., Bench], model: str) -> None:
    """A missing or wrong model is named; the node stays, unconfigured, and can be helped."""
    drive = bench([SegmentationNode], f'engine.model:={model}')
    node = drive.nodes[0]
    assert node.trigger_configure() == FAILURE
    assert node.state == 'unconfigured' and model in node.troubles.health().message
    if MODEL is not None:
        node.set_parameters([rclpy.parameter.Parameter('engine.model', value=str(MODEL))])
        assert node.trigger_configure() == SUCCESS
        refused = node.set_parameters([rclpy.parameter.Parameter('engine.threads', value=2)])[0]
        assert not refused.successful


def test_an_engine_that_disagrees_is_an_error_that_drives(
        bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks come from ONNX Runtime, and diagnostics say ERROR and why for as long as it does."""
    if MODEL is None:
        pytest.skip('the package ships no model')

    class Wrong:
        """An engine of TensorRT that finds class 0 everywhere."""

        runs_on, typical_size = 'TensorRT 99', SIZE
        shapes = Shapes((1, 1), SIZE, SIZE)

        def infer(self, rgb: np.ndarray) -> LabelMap:
            return LabelMap(*np.zeros((2, *rgb.shape[:2]), np.uint8))

    monkeypatch.setattr(activating, 'open_engine', lambda *_: Wrong())
    drive = segmentation(bench, 'engine.backend:=tensorrt', 'engine.tensorrt.agreement:=0.98')
    drive.hear(DiagnosticArray, '/diagnostics')
    drive.send('image', image(9))
    drive.until(lambda: drive.results['segmentation/mask'])

    def health() -> list[DiagnosticStatus]:
        return [status for message in drive.results['/diagnostics'] for status in message.status
                if status.name == 'segmentation: engine']

    drive.until(health)
    status = health()[-1]
    values = {v.key: v.value for v in status.values}
    assert status.level == DiagnosticStatus.ERROR and 'TensorRT 99: only' in status.message
    assert 'wanted 98.00%' in status.message and values['runs_on'].startswith('ONNX Runtime')
    node = drive.nodes[0]
    assert 'TensorRT 99' in node.troubles.health().message
    assert node.trigger_deactivate() == SUCCESS and node.trigger_cleanup() == SUCCESS
    node.set_parameters([rclpy.parameter.Parameter('engine.backend', value='onnxruntime')])
    assert node.trigger_configure() == SUCCESS
    assert node._engine_health().level == DiagnosticStatus.OK


def test_a_gpu_that_fails_while_driving_costs_no_mask(
        bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    """The image at hand and all later ones go to ONNX Runtime; diagnostics say ERROR and why."""
    if MODEL is None:
        pytest.skip('the package ships no model')
    failing = Event()

    class Failing(OnnxRuntimeEngine):
        """An engine of TensorRT, until CUDA fails."""

        runs_on, typical_size = 'TensorRT 99', SIZE
        shapes = Shapes((1, 1), SIZE, SIZE)

        def infer_many(self, images: list[np.ndarray]) -> list[LabelMap]:
            if failing.is_set():
                raise EngineError('cudaGraphLaunch: an illegal memory access was encountered')
            return super().infer_many(images)

        def save_kernels(self) -> None:
            """Have none."""

        def close(self) -> None:
            """Free nothing."""

    monkeypatch.setattr(activating, 'open_engine', lambda *_: Failing(MODEL, 1))
    drive = segmentation(bench, 'engine.backend:=tensorrt')
    node, masks = drive.nodes[0], drive.results['segmentation/mask']
    drive.send('image', image(1))
    drive.until(lambda: len(masks) == 1)
    assert node._engine_health().level == DiagnosticStatus.OK
    failing.set()
    for number in (2, 3):
        drive.send('image', image(number))
        drive.until(lambda number=number: len(masks) == number)
    assert [stamp_ns(m.header) for m in masks] == [1, 2, 3]
    assert masks[1].data == masks[0].data
    health = node._engine_health()
    assert health.level == DiagnosticStatus.ERROR and 'illegal memory access' in health.message
    assert health.values['runs_on'].startswith('ONNX Runtime') and node.troubles.total == 1


def test_cameras_go_through_a_batched_model_together(
        bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever waits when the last batch is done is the next one; each mask is its camera's."""
    counts: list[int] = []
    go_on = Event()

    class Together:
        """Gives each image its own red value as label."""

        runs_on, typical_size = 'pretended', SIZE
        info = ModelInfo(('a', 'b'), np.zeros((2, 3), np.uint8), batched=True)

        def infer(self, rgb: np.ndarray) -> LabelMap:
            return LabelMap(rgb[..., 0].copy(), rgb[..., 1].copy())

        def infer_many(self, images: list[np.ndarray]) -> list[LabelMap]:
            counts.append(len(images))
            assert go_on.wait(20)
            return [self.infer(rgb) for rgb in images]

    monkeypatch.setattr(segmentation_node, 'load_or_fall_back', lambda *_: Loaded(Together()))
    drive = bench([SegmentationNode], 'inputs.cameras:=[left, right]',
                  'inputs.image:="{camera}/image"', 'inputs.camera_info:="{camera}/info"')
    for name in ('left', 'right'):
        drive.hear(Image, f'segmentation/{name}/mask')
    drive.start()
    drive.send('left/image', image(1))
    drive.until(lambda: counts == [1])
    right = image(3)
    right.data = array('B', bytes([7]) * len(right.data))
    drive.send('left/image', image(2))
    drive.send('right/image', right)
    node = drive.nodes[0]
    drive.until(lambda: all(slot._newest is not None for slot in node._images.values()))
    go_on.set()
    left, other = (drive.results[f'segmentation/{n}/mask'] for n in ('left', 'right'))
    drive.until(lambda: len(left) == 2 and len(other) == 1)
    assert counts == [1, 2]
    assert [set(m.data) for m in (*left, *other)] == [{100}, {100}, {7}]
    assert [stamp_ns(m.header) for m in (*left, *other)] == [1, 2, 3]


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
