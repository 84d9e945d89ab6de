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

"""The engine that runs anywhere: ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path

from dseg_ros.runtime.engine import (
    check_image, CONFIDENCE, EngineError, IDS, INPUT, ModelInfo)
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray
import onnxruntime as ort


class OnnxRuntimeEngine:
    """
    A model in ONNX Runtime.

    Outputs are fresh arrays: allocating them costs 0.1 ms for full HD, and a caller may keep a
    mask while the next one is computed.
    """

    def __init__(self, path: Path, threads: int) -> None:
        """
        Load the model.

        :param path: an exported .onnx file.
        :param threads: CPU threads of one inference.
        :raises EngineError: if it cannot be loaded or is no model of this package.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors come as exceptions, the rest is noise
        # Spinning threads would keep a core busy between frames.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        try:
            self._session = ort.InferenceSession(str(path), options,
                                                 providers=['CPUExecutionProvider'])
        except Exception as error:  # the library has no common base of its errors
            raise EngineError(f'{path}: ONNX Runtime cannot load it: {error}') from error
        self._path = path
        self._info = ModelInfo.from_metadata(
            self._session.get_modelmeta().custom_metadata_map, str(path))
        self._check_signature()

    @property
    def info(self) -> ModelInfo:
        """Tell what the model says about itself."""
        return self._info

    def infer(self, rgb: NDArray[np.uint8]) -> LabelMap:
        """Segment an image; see Engine.infer."""
        check_image(rgb, self._info)
        try:
            ids, confidence = self._session.run(
                (IDS, CONFIDENCE), {INPUT: np.ascontiguousarray(rgb)})
        except Exception as error:  # as above
            raise EngineError(f'{self._path}: inference failed on an image of {rgb.shape[1]}x'
                              f'{rgb.shape[0]} px: {error}') from error
        return LabelMap(ids, confidence)

    def _check_signature(self) -> None:
        found = {v.name: v.type for v in (*self._session.get_inputs(),
                                          *self._session.get_outputs())}
        wanted = dict.fromkeys((INPUT, IDS, CONFIDENCE), 'tensor(uint8)')
        if found != wanted:
            raise EngineError(f'{self._path}: has {found}, expected {wanted}')
