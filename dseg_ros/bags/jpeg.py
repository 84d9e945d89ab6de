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

"""JPEG to RGB, and whether a JPEG is whole."""

from __future__ import annotations

import cv2
from dseg_ros.bags.header import MessageError
import numpy as np
from numpy.typing import NDArray

try:
    import simplejpeg
except ImportError:  # a vehicle without it pays a third more time per image
    simplejpeg = None

JPEG_START = b'\xff\xd8\xff'
SCAN, END = b'\xff\xda', b'\xff\xd9'


def decode_jpeg(data: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """
    Decode a JPEG as recorded: an orientation tag does not turn it, calibration knows no such tag.

    :param data: (N,) uint8, the file.
    :param where: what to call it in an error.
    :returns: (H, W, 3) uint8 RGB, writable.
    :raises MessageError: for a truncated or damaged file. Decoders paint the missing rest grey
        and say nothing, which would become a label.
    """
    if not is_complete(data.tobytes()):
        raise MessageError(f'{where}: the JPEG is truncated')
    if simplejpeg is not None:
        try:
            return np.asarray(simplejpeg.decode_jpeg(data, 'RGB', strict=False))
        except ValueError:  # CMYK and the like: let OpenCV try
            pass
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise MessageError(f'{where}: the JPEG cannot be decoded')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def is_complete(data: bytes) -> bool:
    """
    Tell whether the last scan of a JPEG has its end marker.

    Neither marker occurs inside compressed data; a thumbnail brings a whole pair of its own, but
    before the picture's first scan.
    """
    end = data.rfind(END)
    return end > 0 and data.find(SCAN, end) < 0
