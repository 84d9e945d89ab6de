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
What TensorRT-RTX compiles when an engine runs, kept for the next start.

It builds ahead of time for any GPU and compiles for the one at hand later. Plain TensorRT has
nothing of that; then all here is empty.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dseg_ros.runtime.tensorrt.caching import keep, kept, Recipe
from dseg_ros.runtime.tensorrt.library import Library


class Kernels:
    """Makes execution contexts that share what was compiled."""

    def __init__(self, library: Library, file: Path, recipe: Recipe) -> None:
        """
        Prepare; nothing is read yet.

        :param library: the TensorRT.
        :param file: where compiled kernels are kept.
        :param recipe: of the engine, with the GPU that they are compiled for.
        """
        self._trt, self._file, self._recipe = library.module, file, recipe
        self._cache: Any = None
        self._saved = b''

    def context_of(self, engine: Any) -> Any:
        """Create an execution context; None where that fails, as the library does."""
        if not hasattr(self._trt, 'IRuntimeCache'):
            return engine.create_execution_context()
        options = engine.create_runtime_config()
        if self._cache is None:
            self._cache = options.create_runtime_cache()
            self._saved = kept(self._file) or b''
            if self._saved and not self._cache.deserialize(self._saved):
                self._saved = b''  # of another driver, say: compiled anew
        options.set_runtime_cache(self._cache)
        # at once: a CUDA graph would keep the stop-gap kernels for ever
        options.dynamic_shapes_kernel_specialization_strategy = (
            self._trt.DynamicShapesKernelSpecializationStrategy.EAGER)
        return engine.create_execution_context(options)

    def save(self) -> None:
        """Write what is new; called when all kernels have run once."""
        if self._cache is None:
            return
        now = bytes(self._cache.serialize())
        if now != self._saved:
            keep(self._file, now, self._recipe)
            self._saved = now
