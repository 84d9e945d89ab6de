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

"""Images that are made up, to compare engines with."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def blobs(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """
    Paint smooth blobs: how a picture is resized changes them little.

    :param height: of the image [px].
    :param width: of the image [px].
    :param seed: another one, another picture.
    :returns: (H, W, 3) uint8.
    """
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), max(1.0, min(height, width) / 24))
    low, high = blurred.min(), blurred.max()
    factor = 255.0 / max(1, int(high) - int(low))
    stretched: NDArray[np.uint8] = ((blurred - low) * factor).astype(np.uint8)
    return stretched
