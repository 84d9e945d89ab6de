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

"""Memory, stream and graphs, on a GPU that is made up: what comes out is what was put in."""

from __future__ import annotations

import inspect
from pathlib import Path

from dseg_ros.bench import engines
from dseg_ros.bench.setting import Setting
from dseg_ros.classes import distinct_palette
from dseg_ros.config.bench import BenchConfig
from dseg_ros.config.runtime import TensorRtConfig
from dseg_ros.runtime.engine import EngineError, ModelInfo
from dseg_ros.runtime.tensorrt.caching import Recipe
from dseg_ros.runtime.tensorrt.device import Cuda, CudaError
from dseg_ros.runtime.tensorrt.kernels import Kernels
from dseg_ros.runtime.tensorrt.library import find, Library, NotHere
from dseg_ros.runtime.tensorrt.measuring import measure
from dseg_ros.runtime.tensorrt.running import LANES, TensorRtEngine
from dseg_ros.runtime.tensorrt.shapes import Shapes, shapes_of
from fakes import fake_module, FakeEngine, GraphCuda
import numpy as np
import pytest

SHAPES = Shapes((2, 2), (6, 8), (50, 50))


def info(batched: bool = False) -> ModelInfo:
    """Describe the fake model."""
    return ModelInfo(tuple(map(str, range(255))), distinct_palette(255), batched=batched)


def engine_on(api: GraphCuda, shapes: Shapes = SHAPES, graph: bool = True) -> TensorRtEngine:
    """Make an engine on a made-up GPU."""
    library = Library('tensorrt', fake_module(api), [], [])
    recipe = Recipe('', '', '', (), 'fp32', shapes)
    cuda = Cuda(api)
    return TensorRtEngine(library, cuda, cuda.gpu(), FakeEngine(api), info(bool(shapes.batch)),
                          shapes, Kernels(library, Path('none'), recipe), graph)


def image(height: int, width: int, seed: int) -> np.ndarray:
    """Draw noise."""
    return np.random.default_rng(seed).integers(0, 200, (height, width, 3), np.uint8)


@pytest.mark.parametrize('graph', [True, False])
def test_masks_are_those_of_the_image_and_stay(graph: bool) -> None:
    """Many images of several sizes, each mask the caller's to keep, all memory given back."""
    api = GraphCuda()
    engine = engine_on(api, graph=graph)
    given = [image(4 + n % 3, 8, n) for n in range(10)]
    found = [engine.infer(rgb) for rgb in given]
    for rgb, labels in zip(given, found):
        assert np.array_equal(labels.ids, rgb[..., 0])
        assert np.array_equal(labels.confidence, rgb[..., 2])
    assert ('cudaGraphLaunch' in api.calls) == graph
    assert ('no CUDA graph: not wanted' in engine.runs_on) != graph
    assert 'TensorRT 10.3.0 on Pretended 1, SM 89' in engine.runs_on
    engine.close()
    assert not api.host and not api.device and not api.alive


def test_an_engine_that_is_dropped_frees_the_gpu() -> None:
    """Nobody has to close it."""
    api = GraphCuda()
    engine = engine_on(api)
    engine.infer(image(6, 8, 0))
    assert api.device
    del engine
    assert not api.host and not api.device and not api.alive


def test_views_are_read_as_what_they_show() -> None:
    """Flipped and cut images need not be copied before."""
    engine = engine_on(GraphCuda())
    rgb = image(12, 8, 1)
    assert np.array_equal(engine.infer(rgb[::-2]).ids, rgb[::-2, :, 0])


def test_the_next_image_is_copied_while_one_is_computed() -> None:
    """Two are on their way before the first is waited for."""
    api = GraphCuda()
    engine = engine_on(api)
    engine.infer(image(6, 8, 0))
    api.calls.clear()
    given = [image(6, 8, n) for n in range(5)]
    found = engine.infer_many(given)
    assert all(np.array_equal(f.ids, g[..., 0]) for f, g in zip(found, given))
    order = [c for c in api.calls if c in ('cudaGraphLaunch', 'cudaEventSynchronize')]
    assert order[:4] == ['cudaGraphLaunch', 'cudaGraphLaunch', 'cudaEventSynchronize',
                         'cudaGraphLaunch']
    assert engine.infer_many([]) == []


def test_cameras_of_different_sizes_together() -> None:
    """Results come in the order of the images, however they were grouped."""
    engine = engine_on(GraphCuda())
    given = [image(4 + n % 2, 8 + n % 3, n) for n in range(9)]
    found = engine.infer_many(given)
    assert all(np.array_equal(f.ids, g[..., 0]) for f, g in zip(found, given))


def test_a_batch_is_one_run() -> None:
    """Images of a size go together, at most as many as the engine takes."""
    api = GraphCuda()
    engine = engine_on(api, Shapes((2, 2), (6, 8), (50, 50), 3), graph=False)
    given = [image(6, 8, n) for n in range(4)] + [image(4, 8, 9)]
    engine.infer_many(given)
    before = engine._engine.executed
    found = engine.infer_many(given)
    assert engine._engine.executed - before == 3
    assert all(np.array_equal(f.ids, g[..., 0]) for f, g in zip(found, given))
    assert np.array_equal(engine.infer(given[0]).ids, given[0][..., 0])


def test_shapes_seen_long_ago_are_forgotten() -> None:
    """Memory does not grow with every size of image; a forgotten one comes back."""
    api = GraphCuda()
    engine = engine_on(api)
    for n in range(LANES):
        engine.infer(image(6, 8 + n, n))
    held = len(api.device)
    for n in range(2 * LANES):
        rgb = image(6, 8 + n, n)
        assert np.array_equal(engine.infer(rgb).ids, rgb[..., 0])
        assert len(api.device) == held
    many = [image(6, 8 + n, n) for n in range(2 * LANES)]
    assert all(np.array_equal(f.ids, g[..., 0]) for f, g in zip(engine.infer_many(many), many))
    assert len(api.device) == held


@pytest.mark.parametrize('broken', ['cudaStreamBeginCapture', 'cudaStreamEndCapture',
                                    'cudaGraphInstantiate'])
def test_without_a_graph_it_runs_and_says_so(broken: str) -> None:
    """What cannot be captured is launched piece by piece."""
    api = GraphCuda({broken})
    engine = engine_on(api)
    if broken == 'cudaStreamEndCapture':  # the made-up stream would go on capturing
        api.put = api.queue.append  # type: ignore[method-assign]
    rgb = image(6, 8, 0)
    assert np.array_equal(engine.infer(rgb).ids, rgb[..., 0])
    assert f'no CUDA graph: {broken}: pretended error 700' in engine.runs_on


@pytest.mark.parametrize('broken', ['cudaMalloc', 'cudaMemcpyAsync', 'cudaStreamSynchronize'])
def test_what_fails_is_named_and_nothing_is_kept(broken: str) -> None:
    """The call, and what CUDA says; no memory stays taken."""
    api = GraphCuda({broken})
    engine = engine_on(api)
    with pytest.raises(CudaError, match=f'{broken}: pretended error 700'):
        engine.infer(image(6, 8, 0))
    assert not api.host and not api.device


def test_no_gpu_is_not_an_error_of_the_engine() -> None:
    """It is told apart from what failed."""
    with pytest.raises(NotHere, match='no usable GPU: cudaGetDeviceCount'):
        Cuda(GraphCuda({'cudaGetDeviceCount'})).gpu()


@pytest.mark.parametrize('size', [(1, 8), (60, 8), (6, 51)])
def test_sizes_out_of_its_limits_are_refused(size: tuple[int, int]) -> None:
    """Both are named, before anything runs; the engine goes on working."""
    api = GraphCuda()
    engine = engine_on(api)
    with pytest.raises(EngineError, match=f'{size[1]}x{size[0]} px, the engine is built for 2x2'):
        engine.infer_many([image(6, 8, 0), image(*size, 0)])
    assert 'cudaMalloc' not in api.calls
    with pytest.raises(EngineError, match='float32'):
        engine.infer(np.zeros((6, 8, 3), np.float32))  # type: ignore[arg-type]
    engine.infer(image(6, 8, 0))


def test_a_foreign_engine_is_refused() -> None:
    """Other tensors than a model of this package has."""
    api = GraphCuda()
    library = Library('tensorrt', fake_module(api), [], [])
    engine = FakeEngine(api)
    engine.names[1] = 'logits'
    with pytest.raises(EngineError, match="'logits'.*expected uint8 image, ids, confidence"):
        TensorRtEngine(library, Cuda(api), Cuda(api).gpu(), engine, info(), SHAPES,
                       Kernels(library, Path('none'), Recipe('', '', '', (), '', SHAPES)), True)


def test_figures_are_told() -> None:
    """Device alone, one image at a time, several together."""
    figures = measure(engine_on(GraphCuda()), 16)
    assert figures.images == 16 and figures.device_ms == 1.0
    assert '8x6 px, medians of 16 images: engine alone 1.000 ms' in str(figures)


def test_shapes_follow_model_and_options() -> None:
    """A model of one size wins; a batch needs a model that takes one."""
    config = TensorRtConfig(least=(10, 20), likely=(30, 40), most=(50, 60))
    assert shapes_of(info(), config).profile() == ((10, 20, 3), (30, 40, 3), (50, 60, 3))
    only = ModelInfo(('a',), distinct_palette(1), input_height=90, input_width=160)
    assert set(shapes_of(only, config).profile()) == {(90, 160, 3)}
    several = shapes_of(info(True), TensorRtConfig(batch=6))
    assert [s[0] for s in several.profile()] == [1, 6, 6] and 'up to 6 at once' in str(several)
    with pytest.raises(EngineError, match='batch: 6, but the model takes single images'):
        shapes_of(info(), TensorRtConfig(batch=6))


def test_the_made_up_gpu_has_the_interface_of_the_real_one() -> None:
    """Each function that is used exists in CUDA for Python, with as many arguments."""
    real = pytest.importorskip('cuda.bindings.runtime', reason='CUDA for Python is not installed')
    pretended = {name.removeprefix('do_'): getattr(GraphCuda, name) for name in dir(GraphCuda)
                 if name.startswith('do_')}
    assert len(pretended) > 20
    for name, function in pretended.items():
        said = (getattr(real, name).__doc__ or '').strip().splitlines()[0]
        arguments = said.partition('(')[2].rpartition(')')[0]
        count = len([a for a in arguments.split(',') if a.strip()])
        assert count == len(inspect.signature(function).parameters) - 1, said
    for constant in ('cudaEventBlockingSync', 'cudaEventDisableTiming', 'cudaStreamNonBlocking'):
        assert getattr(real, constant) == getattr(GraphCuda, constant)
    for kind in (GraphCuda.cudaMemcpyKind, GraphCuda.cudaStreamCaptureMode):
        for member in kind:
            assert int(getattr(getattr(real, kind.__name__), member.name)) == member
    assert {'name', 'major', 'minor'} <= set(dir(real.cudaDeviceProp))


@pytest.mark.parametrize('name', ['tensorrt', 'tensorrt_rtx'])
def test_what_is_called_of_tensorrt_exists(name: str) -> None:
    """Every class and method that runs on a GPU alone, and so in no test without one."""
    try:
        trt = find(name).module
    except NotHere as error:
        pytest.skip(str(error))
    wanted = {
        'Runtime': ['deserialize_cuda_engine'],
        'ICudaEngine': ['num_io_tensors', 'get_tensor_name', 'get_tensor_dtype',
                        'create_execution_context'],
        'IExecutionContext': ['set_input_shape', 'set_tensor_address', 'execute_async_v3'],
        'DataType': ['UINT8'], 'MemoryPoolType': ['WORKSPACE'], 'ILogger': ['ERROR']}
    if hasattr(trt, 'IRuntimeCache'):
        wanted |= {
            'ICudaEngine': [*wanted['ICudaEngine'], 'create_runtime_config'],
            'IRuntimeConfig': ['create_runtime_cache', 'set_runtime_cache',
                               'dynamic_shapes_kernel_specialization_strategy'],
            'IRuntimeCache': ['deserialize', 'serialize'],
            'DynamicShapesKernelSpecializationStrategy': ['EAGER']}
    missing = [f'{kind}.{method}' for kind, methods in wanted.items() for method in methods
               if not hasattr(getattr(trt, kind), method)]
    assert not missing


def test_the_benchmark_has_all_rows_of_a_library_that_is_here(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agreement, host and throughput beside the engine alone, from the engine's own figures."""
    engine = engine_on(GraphCuda())
    monkeypatch.setattr(engines, 'load_engine', lambda path, config: engine)
    setting = Setting(BenchConfig(short=True), tmp_path)
    rgb = image(6, 8, 1)
    whole, host, throughput = engines._others('tensorrt', setting, [rgb], engine,
                                              engine.infer(rgb).ids)
    assert whole.figures['agreement'] == 1.0 and host.ours_ms is not None
    assert throughput.ratio == throughput.anchor_ms / throughput.ours_ms > 0
    assert not any(row.reason for row in (whole, host, throughput))
