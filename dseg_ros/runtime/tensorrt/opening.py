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

"""From a model file to an engine that runs: found among those kept, else built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
import hashlib
from pathlib import Path
import time
from typing import Any

from dseg_ros.config.runtime import TensorRtConfig
from dseg_ros.runtime.engine import EngineError, ModelInfo
from dseg_ros.runtime.tensorrt.building import build
from dseg_ros.runtime.tensorrt.caching import file_of, folder, keep, kept, Recipe
from dseg_ros.runtime.tensorrt.device import Cuda, Gpu
from dseg_ros.runtime.tensorrt.kernels import Kernels
from dseg_ros.runtime.tensorrt.library import find, Library, NAMES, NotHere
from dseg_ros.runtime.tensorrt.running import TensorRtEngine
from dseg_ros.runtime.tensorrt.shapes import shapes_of

Told = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """
    An engine in the cache.

    :param file: where it is.
    :param plan: the serialised engine.
    :param recipe: what it was made of.
    :param seconds: how long building took [s]; 0 = it was there.
    """

    file: Path
    plan: bytes
    recipe: Recipe
    seconds: float


def open_engine(path: Path, info: ModelInfo, backend: str, config: TensorRtConfig,
                told: Told) -> TensorRtEngine:
    """
    Make a model ready to run on the GPU of this machine.

    :param path: the .onnx file.
    :param info: its metadata.
    :param backend: 'tensorrt', 'tensorrt_rtx' or 'auto' for the first that is there.
    :param config: shapes, cache and so on.
    :param told: gets lines about what takes long or is odd.
    :raises NotHere: if there is no such library or no GPU that it knows.
    :raises EngineError: if no engine can be made of the model.
    """
    cuda = Cuda.load()
    gpu = cuda.gpu()
    library = _for_gpu(backend, gpu)
    engine, built = _deserialised(library, gpu, path, info, config, told)
    here = replace(built.recipe, gpu=gpu.name, compute_capabilities=(gpu.compute_capability,))
    kernels = Kernels(library, file_of(folder(config.cache), path, here, 'kernels'), here)
    return TensorRtEngine(library, cuda, gpu, engine, info, shapes_of(info, config), kernels,
                          config.cuda_graph)


def build_only(path: Path, info: ModelInfo, backend: str, config: TensorRtConfig,
               told: Told) -> Built:
    """
    Put an engine into the cache, for this machine's GPU or, where it has none, for others.

    Parameters and errors are those of `open_engine`; without a GPU TensorRT-RTX is needed.
    """
    gpu: Gpu | None = None
    try:
        here = Cuda.load().gpu()
    except NotHere as no_gpu:
        library = find('tensorrt_rtx' if backend == 'auto' else backend)
        if not library.ahead_of_time:
            raise NotHere(f'{library.name} builds for the GPU of this machine only: {no_gpu}'
                          ) from no_gpu
    else:
        gpu, library = here, _for_gpu(backend, here)
    recipe = next(_recipes(library, gpu, path, info, config))
    return _kept(path, recipe, config, told) or _built(library, path, info, recipe, config, told)


def _for_gpu(backend: str, gpu: Gpu) -> Library:
    reasons = []
    for name in NAMES if backend == 'auto' else (backend,):
        try:
            library = find(name)
        except NotHere as error:
            reasons.append(str(error))
            continue
        if library.knows(gpu.compute_capability):
            return library
        reasons.append(f'{library.name} does not know {gpu}, but SM {", ".join(library.known())}')
    raise NotHere('; '.join(reasons))


def _recipes(library: Library, gpu: Gpu | None, path: Path, info: ModelInfo,
             config: TensorRtConfig) -> Iterator[Recipe]:
    """Yield what the wanted engine may be made of; the first is what would be built."""
    model_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    wanted = tuple(sorted(config.compute_capabilities))
    targets = [('', wanted)] if library.ahead_of_time else []
    if gpu is not None:
        own = gpu.name, (gpu.compute_capability,)
        if library.ahead_of_time:
            targets += [('', own[1]), ('', ())]
        targets = targets + [own] if wanted else [own, *targets]
    for name, compute_capabilities in dict.fromkeys(targets):
        yield Recipe(model_sha256, library.name, name, compute_capabilities, info.precision,
                     shapes_of(info, config), config.workspace_mb)


def _kept(path: Path, recipe: Recipe, config: TensorRtConfig, told: Told) -> Built | None:
    file = file_of(folder(config.cache), path, recipe)
    plan = kept(file)
    if plan is None and file.exists():
        told(f'{file}: damaged; the engine is built anew')
    return None if plan is None else Built(file, plan, recipe, 0.0)


def _built(library: Library, path: Path, info: ModelInfo, recipe: Recipe,
           config: TensorRtConfig, told: Told) -> Built:
    begun_s = time.monotonic()
    plan = build(library, path.read_bytes(), shapes_of(info, config), config, str(path), told)
    took_s = time.monotonic() - begun_s
    file = file_of(folder(config.cache), path, recipe)
    try:
        keep(file, plan, recipe)
    except OSError as error:  # it runs all the same, and is built again next time
        told(f'{file}: the engine is not kept: {error}')
    return Built(file, plan, recipe, took_s)


def _deserialised(library: Library, gpu: Gpu, path: Path, info: ModelInfo,
                  config: TensorRtConfig, told: Told) -> tuple[Any, Built]:
    """Read a kept engine; where none can be read, build one, once."""
    runtime = library.module.Runtime(library.logger)
    recipes = list(_recipes(library, gpu, path, info, config))
    for recipe in recipes:
        found = _kept(path, recipe, config, told)
        if found is None:
            continue
        engine = runtime.deserialize_cuda_engine(found.plan)
        if engine is not None:
            return engine, found
        told(f'{found.file}: {library.name} cannot read it ({library.complaint()}); the engine '
             'is built anew')
    built = _built(library, path, info, recipes[0], config, told)
    engine = runtime.deserialize_cuda_engine(built.plan)
    if engine is None:
        raise EngineError(f'{path}: {library.name} cannot read the engine that it built: '
                          f'{library.complaint()}')
    return engine, built
