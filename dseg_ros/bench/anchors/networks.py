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

"""The network inside an exported model, run bare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dseg_ros.bench.rows import BenchError
from dseg_ros.runtime.engine import INPUT
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
PIXELS, LOGITS = 'pixels', 'network/logits'
"""Names that the export gives to what goes into the network and comes out of it."""


class BareNetwork:
    """ONNX Runtime on the network alone, at the size that it sees of an image."""

    def __init__(self, path: Path, rgb: NDArray[np.uint8], half: bool = False) -> None:
        """
        Cut the network out of a model.

        :param path: the exported model.
        :param rgb: (H, W, 3) uint8 image.
        :param half: computed in float16.
        :raises BenchError: if the model has no such parts.
        """
        import onnx
        model = onnx.load(str(path))
        try:
            before = onnx.utils.Extractor(model).extract_model([INPUT], [PIXELS])
            network = onnx.utils.Extractor(model).extract_model([PIXELS], [LOGITS])
        except (KeyError, ValueError) as error:
            raise BenchError(f'{path}: no {PIXELS} and {LOGITS} in it: {error}') from None
        if half:
            from dseg_ros.runtime.export.half import to_half
            network = to_half(network)
        self._pixels: Floats = _session(before).run([PIXELS], {INPUT: rgb})[0]
        self._run = _session(network).run

    def __call__(self, _: int = 0) -> Floats:
        """Return the logits, (1, C, h, w)."""
        return np.asarray(self._run([LOGITS], {PIXELS: self._pixels})[0])


def _session(model: object) -> _Session:
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(  # type: ignore[no-any-return]
        model.SerializeToString(), options,  # type: ignore[attr-defined]
        providers=['CPUExecutionProvider'])


class _Session:
    """What of an inference session is used."""

    run: Callable[..., list[Floats]]
