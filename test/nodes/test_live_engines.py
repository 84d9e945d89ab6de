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

"""Engines in the segmentation node: wrong ones, those that disagree or fail, and batches."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from threading import Event

from bench import Bench, FAILURE, image, MODEL, segmentation, SIZE, SUCCESS
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from dseg_ros.bags.header import stamp_ns
from dseg_ros.nodes import segmentation_node
from dseg_ros.nodes.segmentation_node import SegmentationNode
from dseg_ros.runtime.engine import EngineError, ModelInfo
from dseg_ros.runtime.loading import Loaded
from dseg_ros.runtime.onnxruntime import OnnxRuntimeEngine
from dseg_ros.runtime.tensorrt import activating
from dseg_ros.runtime.tensorrt.shapes import Shapes
from dseg_ros.types import LabelMap
import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import Image


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
