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

"""The engine that runs anywhere: ONNX Runtime, on the CPU or where it has CUDA."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dseg_ros.runtime.engine import (
    check_image, COMMON_SIZE, CONFIDENCE, EngineError, groups_of_a_size, IDS, INPUT, ModelInfo)
from dseg_ros.runtime.widening import is_bfloat16, widened
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray
import onnxruntime as ort

CUDA, CPU = 'CUDAExecutionProvider', 'CPUExecutionProvider'


def has_cuda() -> bool:
    """Tell whether this ONNX Runtime was built for NVIDIA GPUs."""
    return CUDA in ort.get_available_providers()


class OnnxRuntimeEngine:
    """
    A model in ONNX Runtime.

    Outputs are fresh arrays: where freed memory is kept (bags.memory) that costs nothing, and a
    caller may keep a mask while the next one is computed. Measured with the shipped model at full
    HD on one core: binding inputs and outputs 10.8 ms, without 10.8; OpenVINO 2026.4 takes as long
    for the network (5.3 ms both, float32), and 4.5 s for the whole model, whose resizing in uint8
    it has no fast operator for. So neither is here.
    """

    def __init__(self, path: Path, threads: int, cpus: Sequence[int] = (),
                 gpu: bool = True) -> None:
        """
        Load the model.

        :param path: an exported .onnx file.
        :param threads: CPU threads of one inference.
        :param cpus: the CPU that each thread but the caller's is bound to, counted from 0; none
            = not bound.
        :param gpu: whether to use one, where ONNX Runtime can.
        :raises EngineError: if it cannot be loaded or is no model of this package.
        """
        providers = [CUDA, CPU] if gpu and has_cuda() else [CPU]
        try:
            model = path.read_bytes()
            rounded = is_bfloat16(model)
            if rounded:
                model = widened(model, str(path))
            self._session = ort.InferenceSession(model, _options(threads, cpus),
                                                 providers=providers)
        except EngineError:
            raise
        except Exception as error:  # the libraries have no common base of their errors
            raise EngineError(f'{path}: ONNX Runtime cannot load it: {error}') from error
        self._path = path
        self._info = ModelInfo.from_metadata(
            self._session.get_modelmeta().custom_metadata_map, str(path))
        self._check_signature()
        rounding = ', float32 rounded to bfloat16' if rounded else ''
        bound = f' on CPU {", ".join(map(str, cpus))}' if cpus else ''
        self._runs_on = (f'ONNX Runtime {ort.__version__}, {self._session.get_providers()[0]}, '
                         f'{threads} thread{"s" if threads > 1 else ""}{bound}{rounding}')

    @property
    def info(self) -> ModelInfo:
        """Tell what the model says about itself."""
        return self._info

    @property
    def runs_on(self) -> str:
        """Name library, version and device in a line."""
        return self._runs_on

    @property
    def typical_size(self) -> tuple[int, int]:
        """Return height and width of an image that it takes [px]."""
        only = self._info.input_height, self._info.input_width
        return only if only != (0, 0) else COMMON_SIZE

    def infer(self, rgb: NDArray[np.uint8]) -> LabelMap:
        """Segment an image; see Engine.infer."""
        check_image(rgb, self._info)
        if self._info.batched:
            return self._batch([rgb])[0]
        return LabelMap(*self._run(np.ascontiguousarray(rgb)))

    def infer_many(self, images: Sequence[NDArray[np.uint8]]) -> list[LabelMap]:
        """Segment images, those of one size together if the model can; see Engine.infer_many."""
        if not self._info.batched:
            return [self.infer(rgb) for rgb in images]
        for rgb in images:
            check_image(rgb, self._info)
        results: dict[int, LabelMap] = {}
        for numbers in groups_of_a_size(images, max(1, len(images))):
            results.update(zip(numbers, self._batch([images[i] for i in numbers])))
        return [results[i] for i in range(len(images))]

    def close(self) -> None:
        """Free the session; see Engine.close."""
        del self._session

    def _batch(self, images: Sequence[NDArray[np.uint8]]) -> list[LabelMap]:
        return [LabelMap(*pair) for pair in zip(*self._run(np.stack(images)))]

    def _run(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        try:
            ids, confidence = self._session.run((IDS, CONFIDENCE), {INPUT: image})
        except Exception as error:  # as above
            height, width = image.shape[-3:-1]
            raise EngineError(f'{self._path}: inference failed on an image of {width}x{height} '
                              f'px: {error}') from error
        return ids, confidence

    def _check_signature(self) -> None:
        values = (*self._session.get_inputs(), *self._session.get_outputs())
        found = {v.name: (v.type, len(v.shape)) for v in values}
        axes = 3 if self._info.batched else 2
        wanted = {name: ('tensor(uint8)', axes + (name == INPUT))
                  for name in (INPUT, IDS, CONFIDENCE)}
        if found != wanted:
            raise EngineError(f'{self._path}: has {found}, expected {wanted}')


def _options(threads: int, cpus: Sequence[int]) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors come as exceptions, the rest is noise
    # Spinning threads would keep a core busy between frames.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    if cpus:
        options.add_session_config_entry('session.intra_op_thread_affinities', ';'.join(
            str(cpu + 1) for cpu in cpus))  # counted from 1 there
    return options
