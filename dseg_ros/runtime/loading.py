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

"""From a model file to the engine that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dseg_ros.config.runtime import EngineConfig
from dseg_ros.runtime.engine import Engine, EngineError
from dseg_ros.runtime.reserve import forget_frames, WithReserve

Told = Callable[[str], None]
Failed = Callable[[EngineError], None]


@dataclass(frozen=True)
class Loaded:
    """
    A model that is loaded, one way or another.

    :param engine: it.
    :param why: why this library runs it, for the log; '' where it is the one that was asked for.
    :param trouble: what went wrong with the library that should run it; None = nothing.
    """

    engine: Engine
    why: str = ''
    trouble: EngineError | None = None


def load_engine(path: Path, config: EngineConfig, told: Told = lambda text: None) -> Engine:
    """
    Load a model with the library that runs it.

    :param path: the model file.
    :param config: backend and its options; its `model` is not looked at here.
    :param told: gets lines about what takes long.
    :raises EngineError: for a missing, damaged or foreign file, a backend that is not there, or
        an engine that does not do what ONNX Runtime does.
    """
    loaded = _load(path, config, told)
    if loaded.trouble is not None:
        raise loaded.trouble
    return loaded.engine


def load_or_fall_back(path: Path, config: EngineConfig, told: Told = lambda text: None,
                      failed: Failed = lambda trouble: None) -> Loaded:
    """
    Load a model; where a GPU fails with it, now or later, on the CPU, with the reason.

    Other parameters are those of `load_engine`.

    :param failed: told when TensorRT or ONNX Runtime fails on a GPU while it runs; ONNX Runtime
        on the CPU has taken over then.
    :raises EngineError: for a missing, damaged or foreign file, or a backend that was asked for
        by name and is not there.
    """
    loaded = _load(path, config, told, failed)
    forget_frames(loaded.trouble)
    return loaded


def _load(path: Path, config: EngineConfig, told: Told, failed: Failed | None = None) -> Loaded:
    _check_name(path)
    if config.backend == 'onnxruntime':
        return Loaded(_in_onnxruntime(path, config, failed))
    on_cpu = _in_onnxruntime(path, config, gpu=False)
    from dseg_ros.runtime.tensorrt.activating import activate
    from dseg_ros.runtime.tensorrt.device import CudaError
    from dseg_ros.runtime.tensorrt.library import NotHere
    try:
        engine = activate(path, config, on_cpu, told)
    except NotHere as error:
        if config.backend != 'auto':
            raise EngineError(f'{path}: backend {config.backend}: {error}') from error
        return Loaded(_in_onnxruntime(path, config, failed, on_cpu), f'no TensorRT: {error}')
    except CudaError as error:  # it would fail in ONNX Runtime, too
        return Loaded(on_cpu, 'TensorRT failed', error)
    except EngineError as error:
        return Loaded(_in_onnxruntime(path, config, failed, on_cpu), 'TensorRT failed', error)
    except Exception as error:  # whatever a driver or a binding raises must not stop a vehicle
        trouble = EngineError(f'{path}: TensorRT failed: {error!r}')
        trouble.__cause__ = error
        return Loaded(on_cpu, 'TensorRT failed', trouble)
    return Loaded(WithReserve(engine, on_cpu, failed) if failed else engine)


def _check_name(path: Path) -> None:
    if not path.is_file():
        raise EngineError(f'{path}: no such model file')
    if path.suffix in ('.engine', '.plan'):
        raise EngineError(f'{path}: TensorRT engines are kept and found by themselves; give the '
                          '.onnx model that it was built from')
    if path.suffix != '.onnx':
        raise EngineError(f'{path}: no engine runs {path.suffix!r} files, expected .onnx')


def _in_onnxruntime(path: Path, config: EngineConfig, failed: Failed | None = None,
                    on_cpu: Engine | None = None, gpu: bool = True) -> Engine:
    """Load a model on a GPU if ONNX Runtime can, with a reserve if its failure is to be told."""
    try:
        from dseg_ros.runtime import onnxruntime as library
    except ImportError as error:
        raise EngineError(f'{path}: ONNX Runtime is not installed (package onnxruntime): '
                          f'{error}') from error

    def load(on_gpu: bool) -> Engine:
        return library.OnnxRuntimeEngine(path, config.threads, config.cpus, on_gpu)

    if not (gpu and library.has_cuda()):
        return on_cpu or load(on_gpu=False)
    engine = load(on_gpu=True)
    return WithReserve(engine, on_cpu or load(on_gpu=False), failed) if failed else engine
