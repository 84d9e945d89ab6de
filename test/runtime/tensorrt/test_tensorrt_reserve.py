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

from pathlib import Path

from dseg_ros.config.runtime import EngineConfig
from dseg_ros.runtime.engine import EngineError, ImageRefused
from dseg_ros.runtime.loading import load_engine, load_or_fall_back
from dseg_ros.runtime.onnxruntime import OnnxRuntimeEngine
from dseg_ros.runtime.pictures import blobs
from dseg_ros.runtime.tensorrt import activating
from dseg_ros.runtime.tensorrt.device import Cuda
from dseg_ros.runtime.tensorrt.kernels import Kernels
from dseg_ros.runtime.tensorrt.library import Library
from dseg_ros.runtime.tensorrt.running import TensorRtEngine
from dseg_ros.runtime.tensorrt.shapes import Shapes
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
    engine = TensorRtEngine(library, cuda, cuda.gpu(), FakeEngine(api),
                            OnnxRuntimeEngine(small_model, 1).info, SHAPES,
                            Kernels(library, Path('none'), None), True)  # type: ignore[arg-type]
    monkeypatch.setattr(activating, 'open_engine', lambda *_: engine)
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
    gpu.broken.clear()
    engine.infer(image)
    assert engine.runs_on.startswith('ONNX Runtime') and len(told) == 1


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
