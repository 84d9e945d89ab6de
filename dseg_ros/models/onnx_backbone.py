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

"""A backbone from an ONNX file, run as it is; its size and patches are read from the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dseg_ros.models.weights_file import BackboneError
import numpy as np
from numpy.typing import NDArray
import onnxruntime

_DEFAULT_PATCH_PX = 16
_GPU, _CPU = ('CUDAExecutionProvider',), ('CPUExecutionProvider',)
_METADATA = 'patch_px'


class OnnxNetwork:
    """
    A ViT as ONNX: float (B, 3, H, W) in, tokens (B, P + patches, D) first of its outputs.

    The side of a patch is `patch_px` of the file's metadata, or found from its fixed size and
    number of tokens, or 16.

    :param path: the file.
    :param gpu: use CUDA where onnxruntime has it.
    :raises BackboneError: for a missing or damaged file or another kind of network.
    """

    def __init__(self, path: Path, gpu: bool) -> None:
        """Load it."""
        if not path.is_file():
            raise BackboneError(f'{path}: no such weights file')
        wanted = (*_GPU, *_CPU) if gpu else _CPU
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), providers=[
                p for p in onnxruntime.get_available_providers() if p in wanted])
        except Exception as error:  # the library has no common base of its errors
            raise BackboneError(f'{path}: cannot be read as ONNX: {error}') from error
        self._input, *others = self._session.get_inputs()
        shape = self._input.shape
        if others or len(shape) != 4 or self._input.type != 'tensor(float)' or shape[1] not in (
                3, 'channels'):
            raise BackboneError(f'{path}: takes {self._input.type} {shape} and {len(others)} more '
                                'inputs, not one float image batch x 3 x height x width')
        self._output = self._session.get_outputs()[0]
        if len(self._output.shape) != 3:
            raise BackboneError(f'{path}: gives {self._output.name} {self._output.shape}, not '
                                'images x tokens x channels')
        self._one_by_one = shape[0] == 1
        height, width = shape[2:]
        self.fixed_px = (height, width) if isinstance(height, int) and isinstance(
            width, int) else None
        self.patch_px = self._patch(path)

    def _patch(self, path: Path) -> int:
        said = self._session.get_modelmeta().custom_metadata_map.get(_METADATA)
        if said is not None:
            return int(said)
        tokens = self._output.shape[1]
        if self.fixed_px is None or not isinstance(tokens, int):
            return _DEFAULT_PATCH_PX
        height, width = self.fixed_px
        fits = [p for p in range(4, 65) if height % p == 0 and width % p == 0
                and 0 < tokens - (height // p) * (width // p) <= 16]
        if not fits:
            raise BackboneError(f'{path}: {tokens} tokens for {width}x{height} px fit no patches '
                                'with a [CLS]')
        return fits[0]

    def tokens(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Describe images, see backbones.Network."""
        batches = np.split(pixels, len(pixels)) if self._one_by_one else [pixels]
        return np.concatenate([self._session.run(
            [self._output.name], {self._input.name: b})[0] for b in batches])
