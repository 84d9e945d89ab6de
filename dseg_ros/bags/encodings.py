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

"""
Images of every encoding of sensor_msgs to RGB uint8; the only place that decides how.

- rgb8, bgr8, mono8 and their OpenCV names 8UC3 (BGR), 8UC1: a view of the message and at most
  one pass over it.
- float images, NV12, NV21, NV24: here, since neither library below has them right.
- Bayer, packed YUV, 16 bit, alpha: cv_bridge where there is one and it can, else rosbags-image;
  both call the same OpenCV conversion, so the pixels are the same.

Both libraries get rows without padding in the machine's byte order, because rosbags-image ignores
`step` and cv_bridge fails on big-endian messages under NumPy 2.

More than 8 bits become 8 by a fixed rule, never by the picture's own minimum and maximum, so that
brightness means the same in every frame (our choice): 16 bits span 0..65535; floats span 0..1,
what lies outside is clipped and NaN is black.
"""

# flake8: noqa: A005  (inside the package this name shadows nothing)

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
import re
import sys
from typing import Any

import cv2
from dseg_ros.bags.header import MessageError, stamp_ns
from dseg_ros.bags.jpeg import decode_jpeg, JPEG_START
from dseg_ros.types import Image
import numpy as np
from numpy.typing import NDArray
from rosbags.image import image_to_cvimage

ALIASES = {'8UC1': 'mono8', '8UC3': 'bgr8', '8UC4': 'bgra8', '16UC1': 'mono16', '16UC3': 'bgr16',
           '16UC4': 'bgra16', 'uyvy': 'yuv422', 'yuyv': 'yuv422_yuy2'}
"""Names with the same pixels; OpenCV's plain types are taken in OpenCV's order, BGR."""

LAYOUTS: dict[str, tuple[str, int]] = {
    'rgb8': ('u1', 3), 'bgr8': ('u1', 3), 'mono8': ('u1', 1),
    'rgba8': ('u1', 4), 'bgra8': ('u1', 4), 'mono16': ('u2', 1),
    'rgb16': ('u2', 3), 'bgr16': ('u2', 3), 'rgba16': ('u2', 4), 'bgra16': ('u2', 4),
    **{f'bayer_{p}{bits}': (f'u{bits // 8}', 1) for p in ('rggb', 'bggr', 'gbrg', 'grbg')
       for bits in (8, 16)},
    'yuv422': ('u1', 2), 'yuv422_yuy2': ('u1', 2),
    'nv12': ('u1', 1), 'nv21': ('u1', 1), 'nv24': ('u1', 1),
    '32FC1': ('f4', 1), '32FC3': ('f4', 3), '64FC1': ('f8', 1), '64FC3': ('f8', 3),
}
"""Type and channels of the rows of an image message, by encoding."""


@dataclass(frozen=True)
class Plain:
    """An image message as both libraries understand it: no padding, native byte order."""

    height: int
    width: int
    encoding: str
    is_bigendian: bool
    step: int
    data: NDArray[np.uint8]


def image_from_message(msg: Any) -> Image:
    """
    Decode a sensor_msgs/Image or sensor_msgs/CompressedImage.

    :param msg: the message, of rclpy or of rosbags. The result may be a view of its data.
    :returns: the image as RGB.
    :raises MessageError: for an empty or truncated image or an encoding that has no colours.
    """
    rgb = _decompressed(msg) if hasattr(msg, 'format') else _decoded(msg)
    return Image(rgb, stamp_ns(msg.header), str(msg.header.frame_id))


def _decoded(msg: Any) -> NDArray[np.uint8]:
    """Return the (H, W, 3) uint8 RGB of a raw image message."""
    encoding = ALIASES.get(str(msg.encoding), str(msg.encoding))
    if encoding not in LAYOUTS:
        raise MessageError(f'image {msg.header.frame_id!r}: encoding {msg.encoding!r} is not '
                           f'supported, known are {sorted({*LAYOUTS, *ALIASES})}')
    pixels = _pixels(msg, *LAYOUTS[encoding], encoding)
    try:
        return _to_rgb(pixels, encoding)
    except cv2.error as error:  # an odd size where pixels share their colours
        raise MessageError(f'image {msg.header.frame_id!r} {msg.width}x{msg.height} '
                           f'{msg.encoding}: {error.err}') from error


def _to_rgb(pixels: NDArray[Any], encoding: str) -> NDArray[np.uint8]:
    """Return RGB uint8 for pixels in one of LAYOUTS; here it is decided who converts."""
    if encoding == 'rgb8':
        return pixels
    if encoding == 'bgr8':
        return _array(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    if encoding == 'mono8':
        return _array(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    if encoding.startswith('nv'):
        return _semi_planar(pixels, encoding)
    if pixels.dtype.kind == 'f':
        return _from_float(pixels)
    return _eight_bits(_by_library(pixels, encoding))


def _pixels(msg: Any, kind: str, channels: int, encoding: str) -> NDArray[Any]:
    """Return the message's rows without padding, (H, W[, C]), in native byte order."""
    height, width, step = int(msg.height), int(msg.width), int(msg.step)
    where = f'image {msg.header.frame_id!r} {width}x{height} {msg.encoding}, step {step}'
    if height == 0 or width == 0:
        raise MessageError(f'{where}: has no pixels')
    dtype = np.dtype(kind).newbyteorder('>' if msg.is_bigendian else '<')
    row = width * channels * dtype.itemsize
    data = np.frombuffer(msg.data, np.uint8)
    rows = _semi_planar_rows(encoding, height, step, len(data))
    if step < row:
        raise MessageError(f'{where}: a row needs {row} bytes')
    if len(data) < (rows - 1) * step + row:
        raise MessageError(f'{where}: holds {len(data)} bytes, needs {(rows - 1) * step + row}')
    shape = (rows, width) if channels == 1 else (rows, width, channels)
    strides = (step, channels * dtype.itemsize, dtype.itemsize)[:len(shape)]
    pixels: NDArray[Any] = np.ndarray(shape, dtype, data.data, strides=strides)
    if dtype.itemsize > 1 and not dtype.isnative:
        return pixels.astype(dtype.newbyteorder('='))
    return pixels


def _semi_planar_rows(encoding: str, height: int, step: int, size: int) -> int:
    """Count the rows of `step` bytes, which NV formats have more of than the picture."""
    if encoding == 'nv24':
        return 3 * height
    if encoding in ('nv12', 'nv21') and (height % 3 or 2 * size >= 3 * height * step):
        return height * 3 // 2
    return height  # some drivers count the rows of both planes as the height


def _semi_planar(rows: NDArray[np.uint8], encoding: str) -> NDArray[np.uint8]:
    """Convert a luma plane followed by interleaved chroma."""
    rows = np.ascontiguousarray(rows)
    if encoding == 'nv12':
        return _array(cv2.cvtColor(rows, cv2.COLOR_YUV2RGB_NV12))
    if encoding == 'nv21':
        return _array(cv2.cvtColor(rows, cv2.COLOR_YUV2RGB_NV21))
    height = len(rows) // 3  # full chroma: OpenCV has no such code, so give it luma twice as large
    luma = rows[:height].repeat(2, axis=0).repeat(2, axis=1)
    both = np.vstack([luma, rows[height:].reshape(height, -1)])
    return np.ascontiguousarray(cv2.cvtColor(both, cv2.COLOR_YUV2RGB_NV12)[::2, ::2])


def _by_library(pixels: NDArray[Any], encoding: str) -> NDArray[Any]:
    """Convert to RGB at the same depth by cv_bridge, else by rosbags-image."""
    wide = pixels.dtype.itemsize == 2
    rows = np.ascontiguousarray(pixels)
    msg = Plain(rows.shape[0], rows.shape[1], encoding, sys.byteorder == 'big', rows.strides[0],
                rows.reshape(-1).view(np.uint8))
    desired = 'rgb16' if wide else 'rgb8'
    if (bridge := _cv_bridge()) is not None:
        try:
            return _array(bridge.imgmsg_to_cv2(msg, desired))
        except Exception:  # noqa: B902  (what it raises differs by version; it cannot do this one)
            pass
    return _array(image_to_cvimage(msg, desired))  # type: ignore[arg-type]


@cache
def _cv_bridge() -> Any:
    """Return ROS's converter, None where there is none or it does not load."""
    try:
        from cv_bridge import CvBridge
        return CvBridge()
    except Exception:  # noqa: B902  (a module compiled for another NumPy raises anything)
        return None


def _eight_bits(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale 0..65535 to 0..255."""
    if rgb.dtype == np.uint8:
        return rgb
    return _array(cv2.convertScaleAbs(rgb, alpha=255.0 / 65535.0))


def _from_float(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale 0..1 to 0..255; three channels are BGR, as OpenCV's types are."""
    grey = np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0) * 255.0
    order = cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB
    return _array(cv2.cvtColor(np.rint(grey).astype(np.uint8), order))


def _decompressed(msg: Any) -> NDArray[np.uint8]:
    """Return the (H, W, 3) uint8 RGB of a compressed image message."""
    data = np.frombuffer(msg.data, np.uint8)
    where = f'compressed image {msg.header.frame_id!r}, format {msg.format!r}, {len(data)} bytes'
    if len(data) == 0:
        raise MessageError(f'{where}: has no data')
    bayer = re.match(r'bayer_(rggb|bggr|gbrg|grbg)(8|16)', str(msg.format))
    if data[:3].tobytes() == JPEG_START and not bayer:
        return decode_jpeg(data, where)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.size == 0:
        raise MessageError(f'{where}: cannot be decoded')
    if bayer and pixels.ndim == 2:  # the mosaic itself was compressed
        return _to_rgb(pixels, f'{bayer[0][:-len(bayer[2])]}{8 * pixels.dtype.itemsize}')
    return _to_rgb(pixels, _opencv_encoding(pixels, where))


def _opencv_encoding(pixels: NDArray[Any], where: str) -> str:
    """Name what imdecode returned."""
    kind = {'uint8': '8UC', 'uint16': '16UC', 'float32': '32FC'}.get(pixels.dtype.name, '?')
    name = f'{kind}{1 if pixels.ndim == 2 else pixels.shape[2]}'
    if ALIASES.get(name, name) not in LAYOUTS:
        raise MessageError(f'{where}: holds {pixels.shape} {pixels.dtype}')
    return ALIASES.get(name, name)


def _array(image: Any) -> NDArray[Any]:
    """Tell mypy what OpenCV returns."""
    return np.asarray(image)
