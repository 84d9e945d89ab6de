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

"""
What only a GPU shows: `./run test test/runtime/tensorrt/test_on_gpu.py -s` runs and prints it all.

Without a GPU, or without a TensorRT that knows it, everything here is skipped, with the reason.
"""

from __future__ import annotations

from pathlib import Path

from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.runtime import EngineConfig, TensorRtConfig
from dseg_ros.models.networks import build
from dseg_ros.runtime.engine import EngineError, ModelInfo
from dseg_ros.runtime.export import write_model
from dseg_ros.runtime.onnxruntime import OnnxRuntimeEngine
from dseg_ros.runtime.pictures import blobs
from dseg_ros.runtime.tensorrt.activating import activate, agreement
from dseg_ros.runtime.tensorrt.device import Cuda
from dseg_ros.runtime.tensorrt.library import NotHere
from dseg_ros.runtime.tensorrt.measuring import measure
from dseg_ros.runtime.tensorrt.opening import _for_gpu
from dseg_ros.runtime.tensorrt.running import LANES, TensorRtEngine
import numpy as np
import pytest

SHIPPED = next((Path(__file__).resolve().parents[3] / 'resource/models').glob('*.onnx'), None)
FULL_HD = (1080, 1920)
HOST_MS = 1.0
THROUGHPUT = 0.95
FP16_AGREES = 0.995
AGREES = {'fp32': 0.99, 'fp16': 0.99, 'bf16': 0.97, 'int8': 0.95}
"""Least share of labels as in ONNX Runtime; weights are untrained, so classes lie close."""


@pytest.fixture(scope='module', params=['tensorrt', 'tensorrt_rtx'])
def backend(request: pytest.FixtureRequest) -> str:
    """Give each TensorRT that runs here."""
    try:
        _for_gpu(request.param, Cuda.load().gpu())
    except NotHere as error:
        pytest.skip(f'nothing can run here: {error}')
    return str(request.param)


@pytest.fixture(scope='module')
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for the engines of these tests."""
    return tmp_path_factory.mktemp('engines')


def running(path: Path, backend: str, cache: Path, **options: object) -> TensorRtEngine:
    """Build or find an engine, compare it and make it ready."""
    config = EngineConfig(backend=backend, tensorrt=TensorRtConfig(cache=str(cache), **options))
    return activate(path, config, OnnxRuntimeEngine(path, 1), print)


def model(kind: str, precision: str, folder: Path, batched: bool = False) -> Path:
    """Export an untrained network of full size."""
    info = ModelInfo(tuple('abcdefgh'), np.zeros((8, 3), np.uint8), network_pixels=288 * 512,
                     network=kind, precision=precision, batched=batched)
    network = build(ModelConfig(kind), 8, seed=1)
    if kind != 'segmenter':
        network.head.weight.data *= 20
    usual = [blobs(270, 480, seed) for seed in range(8)]
    return write_model(network, info, 2, folder / f'{kind}_{precision}_{batched}.onnx',
                       usual=usual)


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'bf16', 'int8'])
@pytest.mark.parametrize('kind', ['tiny', 'residual', 'segmenter'])
def test_every_network_runs(backend: str, cache: Path, kind: str, precision: str) -> None:
    """In all precisions, for several sizes, with the labels of ONNX Runtime."""
    if precision == 'bf16' and Cuda.load().gpu().compute_capability < 80:
        pytest.skip('GPUs before SM 80 have no bfloat16')
    path, least = model(kind, precision, cache), AGREES[precision]
    engine = running(path, backend, cache, agreement=least)
    reference = OnnxRuntimeEngine(path, 1)
    images = [blobs(*size, 1) for size in ((270, 480), (375, 1242), (720, 1280))]
    share = agreement(engine, reference, images)
    print(f'\n{kind} {precision}, {engine.runs_on}: {share:.4%} as in ONNX Runtime')
    assert share >= least
    alone = [engine.infer(rgb) for rgb in images]
    for one, other in zip(alone, engine.infer_many(images)):
        assert np.array_equal(one.ids, other.ids)
        assert np.array_equal(one.confidence, other.confidence)


@pytest.mark.parametrize('kind', ['tiny', 'residual', 'segmenter'])
def test_half_precision_agrees(backend: str, cache: Path, kind: str) -> None:
    """FP16 and FP32 engines give the same label to 99.5 % of the pixels."""
    full, half = (running(model(kind, p, cache), backend, cache) for p in ('fp32', 'fp16'))
    share = agreement(half, full, [blobs(*FULL_HD, seed) for seed in range(3)])
    print(f'\n{kind}: fp16 and fp32 agree in {share:.4%}')
    assert share >= FP16_AGREES


@pytest.mark.parametrize('graph', [True, False], ids=['CUDA graph', 'no graph'])
@pytest.mark.parametrize('fixed', [True, False], ids=['full HD only', 'any size'])
def test_the_host_adds_little(backend: str, cache: Path, fixed: bool, graph: bool) -> None:
    """Host time of a full-HD frame, and throughput against the engine alone."""
    if SHIPPED is None:
        pytest.skip('the package ships no model')
    sizes = {'least': FULL_HD, 'likely': FULL_HD, 'most': FULL_HD} if fixed else {}
    engine = running(SHIPPED, backend, cache, cuda_graph=graph, **sizes)
    figures = measure(engine, 400)
    print(f'\n{engine.runs_on}\n{figures}')
    if graph and fixed:
        assert figures.host_ms <= HOST_MS and figures.share >= THROUGHPUT


def test_a_second_start_builds_nothing(backend: str, cache: Path) -> None:
    """The engine of before is found, and so are compiled kernels."""
    path = model('tiny', 'fp32', cache)
    running(path, backend, cache).close()
    before = {f: f.stat().st_mtime_ns for f in cache.iterdir()}
    engine = running(path, backend, cache)
    assert {f: f.stat().st_mtime_ns for f in cache.glob('*.engine')} == {
        f: t for f, t in before.items() if f.suffix == '.engine'}
    engine.close()


def test_a_damaged_engine_is_rebuilt(backend: str, cache: Path) -> None:
    """Also one that is whole but no engine."""
    from dseg_ros.runtime.tensorrt.caching import keep, kept, Recipe
    path = model('tiny', 'fp16', cache)
    engine = running(path, backend, cache)
    engine.close()
    file = max(cache.glob('tiny_fp16*.engine'), key=lambda f: f.stat().st_mtime_ns)
    keep(file, b'no engine at all', Recipe('', '', '', (), '', engine.shapes))
    running(path, backend, cache).close()
    assert len(kept(file) or b'') > 1000


def test_many_sizes_and_wrong_ones(backend: str, cache: Path) -> None:
    """More shapes than are kept ready, and one that the engine is not built for."""
    path = model('tiny', 'fp32', cache)
    engine, reference = running(path, backend, cache), OnnxRuntimeEngine(path, 1)
    for n in range(2 * LANES):
        rgb = blobs(300 + 8 * n, 500, n)
        assert (engine.infer(rgb).ids == reference.infer(rgb).ids).mean() > 0.99
    with pytest.raises(EngineError, match='the engine is built for'):
        engine.infer(np.zeros((20, 20, 3), np.uint8))
    engine.infer(blobs(*FULL_HD, 0))


@pytest.mark.parametrize('kind', ['tiny', 'residual', 'segmenter'])
def test_cameras_are_batched(backend: str, cache: Path, kind: str) -> None:
    """Six cameras at once get what each gets alone."""
    path = model(kind, 'fp16', cache, batched=True)
    engine = running(path, backend, cache, batch=6)
    images = [blobs(540, 960, n) for n in range(6)] + [blobs(360, 640, 9)]
    for rgb, found in zip(images, engine.infer_many(images)):
        assert (found.ids == engine.infer(rgb).ids).mean() > FP16_AGREES
