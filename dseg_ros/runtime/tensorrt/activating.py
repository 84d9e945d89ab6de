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

"""An engine is used only when it gives the labels that ONNX Runtime gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
from dseg_ros.config.runtime import EngineConfig
from dseg_ros.runtime.engine import Engine, EngineError
from dseg_ros.runtime.pictures import blobs
from dseg_ros.runtime.tensorrt.opening import open_engine
from dseg_ros.runtime.tensorrt.running import TensorRtEngine
import numpy as np
from numpy.typing import NDArray

RUNS = 4
"""Of each picture: both slots of a lane, and each of them again."""

ENLARGED = 8
"""Pictures are painted so many times smaller: a start must not wait for them."""


class Disagreement(EngineError):
    """An engine that gives other labels than its model does in ONNX Runtime."""


def activate(path: Path, config: EngineConfig, reference: Engine,
             told: Callable[[str], None]) -> TensorRtEngine:
    """
    Open a model in TensorRT and compare it.

    :param path: the .onnx file.
    :param config: backend, shapes, least agreement.
    :param reference: the same model in ONNX Runtime.
    :param told: gets lines about what takes long or is odd.
    :returns: the engine, ready to run.
    :raises NotHere: if there is no such library or no GPU for it.
    :raises Disagreement: if too few pixels get the label of the reference.
    :raises EngineError: if no engine can be made or run.
    """
    engine = open_engine(path, reference.info, config.backend, config.tensorrt, told)
    images = pictures(engine, reference)
    share = agreement(engine, reference, images)
    told(f'{path}: {share:.3%} of the labels of {len(images)} pictures are those of '
         f'{reference.runs_on}')
    if not share >= config.tensorrt.agreement:
        raise Disagreement(
            f'{path}: {engine.runs_on}: only {share:.2%} of the labels are those of '
            f'{reference.runs_on}; wanted {config.tensorrt.agreement:.2%}')
    try:
        engine.save_kernels()
    except OSError as error:
        told(f'compiled kernels are not kept: {error}')
    return engine


def pictures(engine: TensorRtEngine, reference: Engine) -> list[NDArray[np.uint8]]:
    """Make up images: of the size that the engine is tuned for, and a common one if it fits."""
    sizes = dict.fromkeys([engine.typical_size, reference.typical_size])
    return [_picture(*size, seed) for seed, size in enumerate(sizes)
            if engine.shapes.takes(*size)]


def _picture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    small = blobs(-(-height // ENLARGED), -(-width // ENLARGED), seed)
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


def agreement(engine: Engine, reference: Engine, images: Sequence[NDArray[np.uint8]]) -> float:
    """
    Compare two engines.

    :param engine: runs each image several times, and must give the same each time.
    :param reference: says what is right.
    :param images: (H, W, 3) uint8 each, at least one.
    :returns: share of pixels with the same label, in the worst run of each image.
    """
    same = pixels = 0
    for rgb in images:
        wanted = reference.infer(rgb).ids
        same += min(int(np.sum(engine.infer(rgb).ids == wanted)) for _ in range(RUNS))
        pixels += wanted.size
    return same / pixels
