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

"""What others do with an image file."""

from __future__ import annotations

from collections.abc import Callable
import io

import cv2
import numpy as np
from numpy.typing import NDArray

Decode = Callable[[NDArray[np.uint8]], object]


def opencv() -> Decode:
    """Make OpenCV's decoder, to RGB."""
    return lambda file: cv2.cvtColor(cv2.imdecode(file, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def pillow() -> Decode:
    """Make Pillow's decoder, to an array."""
    from PIL import Image
    return lambda file: np.asarray(Image.open(io.BytesIO(file.tobytes())).convert('RGB'))


def simplejpeg() -> Decode:
    """Make libjpeg-turbo through simplejpeg, with nothing around it."""
    import simplejpeg as library
    return lambda file: library.decode_jpeg(file, 'RGB')
