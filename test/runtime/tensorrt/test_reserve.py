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

"""A GPU that fails while the vehicle drives: no image is lost, and who runs it is told."""

from __future__ import annotations

import gc
from pathlib import Path

from dseg_ros.config.runtime import EngineConfig
from dseg_ros.runtime import onnxruntime
from dseg_ros.runtime.engine import EngineError, ImageRefused
from dseg_ros.runtime.loading import load_engine, load_or_fall_back
from dseg_ros.runtime.onnxruntime import OnnxRuntimeEngine
from dseg_ros.runtime.pictures import blobs
from dseg_ros.runtime.tensorrt import activating
from dseg_ros.runtime.tensorrt.device import Cuda, CudaError
from dseg_ros.runtime.tensorrt.kernels import Kernels
from dseg_ros.runtime.tensorrt.library import Library
from dseg_ros.runtime.tensorrt.running import TensorRtEngine
from dseg_ros.runtime.tensorrt.shapes import Shapes
from dseg_ros.types import LabelMap
from fakes import fake_module, FakeEngine, GraphCuda
import numpy as np
import pytest

SHAPES = Shapes((2, 2), (90, 160), (400, 400))
ON_GPU = EngineConfig(backend='tensorrt')


@pytest.fixture
def gpu(small_model: Path, monkeypatch: pytest.MonkeyPatch) -> GraphCuda:
    """Give a made-up GPU with the model on it, which is found right without being compared."""
    api = GraphCuda()
    library, cuda = Library('tensorrt', fake_module(api), [], []), Cuda(api)
    monkeypatch.setattr(activating, 'open_engine', lambda *_: TensorRtEngine(
        library, cuda, cuda.gpu(), FakeEngine(api), OnnxRuntimeEngine(small_model, 1).info, SHAPES,
        Kernels(library, Path('none'), None), True))  # type: ignore[arg-type]
    monkeypatch.setattr(activating, 'agreement', lambda *_: 1.0)
    return api


@pytest.mark.parametrize('broken', ['cudaGraphLaunch', 'cudaEventSynchronize', 'cudaEventRecord'])
def test_the_image_that_fails_is_done_by_onnxruntime(small_model: Path, gpu: GraphCuda,
                                                     broken: str) -> None:
    """And every later one; the failure is told once, with its name, and the GPU is left."""
    told: list[EngineError] = []
    engine = load_or_fall_back(small_model, ON_GPU, failed=told.append).engine
    image = blobs(90, 160, 1)
    assert np.array_equal(engine.infer(image).ids, image[..., 0])  # what the made-up one does
    assert engine.runs_on.startswith('TensorRT') and engine.typical_size == (90, 160)
    gpu.broken.add(broken)
    wanted = OnnxRuntimeEngine(small_model, 1).infer(image)
    found = [engine.infer(image), *engine.infer_many([image, image])]
    assert all(np.array_equal(f.ids, wanted.ids) for f in found)
    assert all(np.array_equal(f.confidence, wanted.confidence) for f in found)
    (trouble,) = told
    assert 'TensorRT' in str(trouble) and f'{broken}: pretended error 700' in str(trouble)
    assert engine.runs_on.startswith('ONNX Runtime') and engine.typical_size == (360, 640)
    assert not gpu.host and not gpu.device
    assert not engines_alive()  # also with the error at hand: TensorRT's own memory is freed
    gpu.broken.clear()
    engine.infer(image)
    assert engine.runs_on.startswith('ONNX Runtime') and len(told) == 1


def engines_alive() -> list[TensorRtEngine]:
    """List the engines that someone holds."""
    return [e for e in gc.get_objects() if type(e) is TensorRtEngine]


def test_an_engine_that_disagrees_is_let_go(small_model: Path, gpu: GraphCuda,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever keeps the error does not keep the GPU's memory."""
    monkeypatch.setattr(activating, 'agreement', lambda *_: 0.5)
    loaded = load_or_fall_back(small_model, ON_GPU)
    assert 'only 50.00%' in str(loaded.trouble)
    assert not engines_alive() and not gpu.host and not gpu.device


def test_a_gpu_that_cannot_even_be_freed_is_left(small_model: Path, gpu: GraphCuda) -> None:
    """After its first failure CUDA fails always."""
    told: list[EngineError] = []
    engine = load_or_fall_back(small_model, ON_GPU, failed=told.append).engine
    engine.infer(blobs(90, 160, 1))
    gpu.broken.update({name.removeprefix('do_') for name in dir(gpu) if name.startswith('do_')}
                      - {'cudaGetErrorString'})
    assert engine.infer(blobs(90, 160, 2)).ids.shape == (90, 160)
    (trouble,) = told
    assert 'and when freed: cuda' in trouble.__notes__[0]


def test_an_image_that_is_not_taken_is_no_failure(small_model: Path, gpu: GraphCuda) -> None:
    """The engine goes on."""
    told: list[EngineError] = []
    engine = load_or_fall_back(small_model, ON_GPU, failed=told.append).engine
    for image in (np.zeros((500, 500, 3), np.uint8), np.zeros((90, 160), np.uint8)):
        with pytest.raises(ImageRefused, match='image is'):
            engine.infer(image)
    assert not told and engine.runs_on.startswith('TensorRT')


def test_what_is_evaluated_is_not_switched(small_model: Path, gpu: GraphCuda) -> None:
    """Figures of two libraries must not be mixed: the error comes through."""
    engine = load_engine(small_model, ON_GPU)
    gpu.broken.add('cudaMalloc')
    with pytest.raises(EngineError, match='cudaMalloc'):
        engine.infer(blobs(90, 160, 1))


class Cuda12(OnnxRuntimeEngine):
    """ONNX Runtime on a made-up GPU, which fails at its second image."""

    made: list[tuple[bool, OnnxRuntimeEngine]] = []

    def __init__(self, path: Path, threads: int, cpus: tuple[int, ...], gpu: bool) -> None:
        """Load it, on the CPU in truth."""
        super().__init__(path, threads, cpus, False)
        self._runs_on = 'CUDAExecutionProvider' if gpu else 'CPUExecutionProvider'
        self.images = 0
        self.made.append((gpu, self))

    def infer(self, rgb: np.ndarray) -> LabelMap:
        """Fail in time."""
        self.images += 1
        if self.images > 1 and self.runs_on.startswith('CUDA'):
            raise EngineError('CUDNN_STATUS_EXECUTION_FAILED')
        return super().infer(rgb)


@pytest.fixture
def cuda_in_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ONNX Runtime have CUDA."""
    monkeypatch.setattr(onnxruntime, 'has_cuda', lambda: True)
    monkeypatch.setattr(onnxruntime, 'OnnxRuntimeEngine', Cuda12)
    monkeypatch.setattr(Cuda12, 'made', [])


@pytest.mark.usefixtures('cuda_in_onnxruntime')
def test_onnxruntime_on_a_gpu_has_a_reserve_too(small_model: Path) -> None:
    """The same model on the CPU."""
    told: list[EngineError] = []
    engine = load_or_fall_back(small_model, EngineConfig(backend='onnxruntime'),
                               failed=told.append).engine
    images = [blobs(90, 160, seed) for seed in range(3)]
    assert engine.runs_on == 'CUDAExecutionProvider'
    found = [engine.infer(rgb).ids for rgb in images]
    wanted = OnnxRuntimeEngine(small_model, 1, gpu=False)
    assert all(np.array_equal(f, wanted.infer(rgb).ids) for f, rgb in zip(found, images))
    assert engine.runs_on == 'CPUExecutionProvider' and len(told) == 1
    assert 'CUDNN_STATUS' in str(told[0])


@pytest.mark.usefixtures('cuda_in_onnxruntime')
@pytest.mark.parametrize('error, runs_on', [
    (EngineError('cannot be parsed'), 'CUDAExecutionProvider'),
    (CudaError('cudaMalloc: an illegal memory access'), 'CPUExecutionProvider'),
    (TypeError('another binding'), 'CPUExecutionProvider')])
def test_a_model_that_tensorrt_does_not_take_runs_on_the_gpu_still(
        small_model: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, runs_on: str
        ) -> None:
    """Unless CUDA itself failed, or nobody knows what did."""
    def fail(*_: object) -> None:
        raise error
    monkeypatch.setattr(activating, 'open_engine', fail)
    loaded = load_or_fall_back(small_model, ON_GPU)
    assert loaded.engine.runs_on == runs_on and str(error) in str(loaded.trouble)
