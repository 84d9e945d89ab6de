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

"""A finished training run as a model: an image in, labels out, without an export."""

from __future__ import annotations

from collections.abc import Callable
import math
from pathlib import Path

import cv2
from dseg_ros.distill.prediction import Predictor, training_of
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray

POST_PROCESSING = ('none: argmax at the resolution of inference, repeated to the size of the '
                   'image')


def as_model(run: Path) -> tuple[Callable[[NDArray[np.uint8]], LabelMap], list[str]]:
    """
    Load a run.

    :param run: directory of a finished run.
    :returns: what labels an image (H, W, 3) uint8, and the names of its classes.
    :raises CheckpointError: if the run is not finished.
    """
    predict = Predictor(run)
    pixels = training_of(predict.made_of).network_pixels

    def label(rgb: NDArray[np.uint8]) -> LabelMap:
        height, width = rgb.shape[:2]
        scale = min(1.0, math.sqrt(pixels / (height * width)))
        small = cv2.resize(rgb, (max(1, round(width * scale)), max(1, round(height * scale))),
                           interpolation=cv2.INTER_AREA)
        probability = predict(np.asarray(small, np.uint8))                     # (h, w, C)
        return LabelMap(*(np.asarray(cv2.resize(a, (width, height),
                                                interpolation=cv2.INTER_NEAREST), np.uint8)
                          for a in (probability.argmax(2).astype(np.uint8),
                                    (probability.max(2) * 255).astype(np.uint8))))

    return label, list(predict.made_of.class_names)
