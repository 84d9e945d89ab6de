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

from pathlib import Path

from dseg_ros.config.runtime import EngineConfig
from dseg_ros.runtime.engine import Engine, EngineError


def load_engine(path: Path, config: EngineConfig) -> Engine:
    """
    Load a model with the library that runs it.

    :param path: the model file.
    :param config: backend and threads; its `model` is not looked at here.
    :raises EngineError: for a missing, damaged or foreign file or a backend that is not there.
    """
    if not path.is_file():
        raise EngineError(f'{path}: no such model file')
    backend = config.backend
    if backend == 'auto':
        backend = {'.onnx': 'onnxruntime', '.engine': 'tensorrt',
                   '.plan': 'tensorrt'}.get(path.suffix, '')
    if backend == 'onnxruntime':
        try:
            from dseg_ros.runtime.onnxruntime import OnnxRuntimeEngine
        except ImportError as error:
            raise EngineError(f'{path}: ONNX Runtime is not installed (package onnxruntime): '
                              f'{error}') from error
        return OnnxRuntimeEngine(path, config.threads)
    if backend == 'tensorrt':
        raise EngineError(f'{path}: the TensorRT engine is not built yet; use the .onnx model')
    raise EngineError(f'{path}: no engine runs {path.suffix!r} files, expected .onnx')
