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

"""Image messages as image files: as recorded where they are JPEG or PNG, encoded otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.header import MessageError
from dseg_ros.bags.jpeg import JPEG_START
from dseg_ros.config.dataset import StoreConfig
from dseg_ros.dataset.sample import DatasetError, decode_rgb, PNG_START
import numpy as np
from numpy.typing import NDArray

PNG_DEPTH, PNG_COLOURS = 24, 25
GREY, RGB = 0, 2


@dataclass(frozen=True)
class Picture:
    """An image file: its bytes, suffix ('jpg', 'png') and size [px]."""

    data: bytes
    suffix: str
    width: int
    height: int


def picture_from_message(message: Any, config: StoreConfig) -> Picture:
    """
    Make an image file of a message.

    A JPEG or 8-bit PNG is kept byte by byte, but decoded once: a broken image is found here or
    never. Everything else is encoded anew, without loss unless the configuration says otherwise.

    :param message: sensor_msgs/Image or CompressedImage, of rclpy or of rosbags.
    :param config: how images are stored.
    :raises MessageError: for an image that cannot be decoded.
    """
    suffix = _suffix(message) if hasattr(message, 'format') else None
    if suffix is None:
        return _encode(image_from_message(message).rgb, config)
    data = bytes(message.data)
    try:
        height, width, _ = decode_rgb(data).shape
    except DatasetError as error:
        raise MessageError(str(error)) from None
    return Picture(data, suffix, width, height)


def _suffix(message: Any) -> str | None:
    """Tell what a compressed image is if it can be kept, None if it cannot."""
    head = bytes(message.data[:26])
    if str(message.format).startswith('bayer_'):
        return None  # the file holds the mosaic of the sensor, not colours
    if head.startswith(JPEG_START):
        return 'jpg'
    plain = len(head) == 26 and head[PNG_DEPTH] == 8 and head[PNG_COLOURS] in (GREY, RGB)
    return 'png' if head.startswith(PNG_START) and plain else None


def _encode(rgb: NDArray[np.uint8], config: StoreConfig) -> Picture:
    suffix, options = ('png', [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY,
                       cv2.IMWRITE_PNG_STRATEGY_RLE])
    if config.raw_images == 'jpeg':
        suffix, options = 'jpg', [cv2.IMWRITE_JPEG_QUALITY, config.jpeg_quality]
    done, data = cv2.imencode(f'.{suffix}', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    assert done, f'OpenCV does not encode {rgb.shape} {rgb.dtype}'
    return Picture(data.tobytes(), suffix, rgb.shape[1], rgb.shape[0])
