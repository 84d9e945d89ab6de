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

"""The network: alone, with what surrounds it, by every library that runs it."""

from __future__ import annotations

from collections.abc import Iterator

from dseg_ros.bags.jpeg import decode_jpeg
from dseg_ros.bench.anchors.networks import BareNetwork
from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.rows import Limit, Row, Spec, WALL
from dseg_ros.bench.setting import Setting
from dseg_ros.bench.timer import compare, interleaved, Maker, prepare
from dseg_ros.config.runtime import EngineConfig
from dseg_ros.config.schema import from_mapping, options
from dseg_ros.runtime.engine import Engine, EngineError
from dseg_ros.runtime.loading import load_engine
from dseg_ros.runtime.tensorrt.measuring import measure
from dseg_ros.runtime.tensorrt.running import TensorRtEngine
import numpy as np
from numpy.typing import NDArray

REFERENCE = 'onnxruntime'
CHOICE = 'backend'
"""The option of EngineConfig that names the library."""
OTHERS = tuple(str(name) for option in options(EngineConfig) if option.name == CHOICE
               for name in option.choices or () if name not in ('auto', REFERENCE))
WHOLE, ALONE, HALF = 'image in, labels out', 'the network alone', 'the network in float16'


def _specs(backend: str) -> tuple[Spec, ...]:
    """List the rows of a library that may not be there."""
    return (
        Spec(f'engine {backend}', WHOLE, REFERENCE, (
            Limit('agreement', least=0.995, text='ids agree >= 99.5 %'),), WALL),
        Spec(f'engine {backend}, host', 'CPU time of a frame', '', (Limit('ours_ms', most=1.0),)),
        Spec(f'engine {backend}, throughput', 'frame after frame', 'the engine run alone',
             (Limit('ratio', least=0.95),), WALL))


SPECS = (
    Spec(f'engine {REFERENCE}', WHOLE, ALONE),
    Spec('engine float16', HALF, ALONE, (
        Limit('agreement', least=0.995, text='ids agree >= 99.5 %'),)),
    *(spec for backend in OTHERS for spec in _specs(backend)),
)


def run(setting: Setting) -> Iterator[Row]:
    """Segment the images of the recording, one thread."""
    images = [decode_jpeg(file, 'image') for file in setting.jpegs]
    reference = load_engine(setting.model, _config(REFERENCE))
    labels = reference.infer(images[0]).ids
    bare: dict[str, BareNetwork] = {}

    def cut(name: str, half: bool) -> BareNetwork:
        bare[name] = BareNetwork(setting.model, images[0], half)
        return bare[name]

    makers: dict[str, Maker] = {
        WHOLE: lambda: lambda number: reference.infer(images[number % len(images)]),
        ALONE: lambda: cut(ALONE, False), HALF: lambda: cut(HALF, True)}
    candidates, missing = prepare(makers)
    timings = interleaved(candidates, setting.pick(30, 5), most_s=setting.pick(6.0, 1.0))
    yield compare(SPECS[0], timings, missing)
    if HALF in bare:
        yield compare(SPECS[1], timings, missing, agreement=_agreement(
            bare[HALF]().argmax(1), bare[ALONE]().argmax(1)))
    else:
        yield SPECS[1].absent(missing[HALF])
    for backend in OTHERS:
        yield from _others(backend, setting, images, reference, labels)


def _config(backend: str) -> EngineConfig:
    return from_mapping(EngineConfig, {CHOICE: backend})


def _others(backend: str, setting: Setting, images: list[NDArray[np.uint8]],
            reference: Engine, labels: NDArray[np.uint8]) -> Iterator[Row]:
    """Compare another library with the reference; one that is not here says why."""
    whole, host, throughput = _specs(backend)
    try:
        engine = load_engine(setting.model, _config(backend))
        found = engine.infer(images[0]).ids
    except (EngineError, ImportError) as error:
        for spec in (whole, host, throughput):
            yield spec.absent('not here: ' + str(error).removeprefix(f'{setting.model}: '))
        return
    timings = interleaved({
        WHOLE: lambda n: engine.infer(images[n % len(images)]),
        REFERENCE: lambda n: reference.infer(images[n % len(images)])}, setting.pick(100, 5),
        most_s=6.0)
    yield compare(whole, timings, {}, agreement=_agreement(found, labels))
    yield compare(host, timings, {}, ours=WHOLE)
    assert isinstance(engine, TensorRtEngine), 'all others are'
    figures = measure(engine, setting.pick(200, 8))
    yield Row(throughput, figures.stream_ms, figures.device_ms, {'n': figures.images})


def _agreement(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    return float(np.mean(a == b))


BENCHMARK = Benchmark('an image of the recording through the shipped model', SPECS, run, 20)
