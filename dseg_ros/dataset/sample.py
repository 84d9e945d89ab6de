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

"""One sample of a data set: a cloud, its proposals and the images that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field
import re
from zlib import crc32

import cv2
from dseg_ros.bags.header import MessageError
from dseg_ros.bags.jpeg import decode_jpeg, JPEG_START
from dseg_ros.types import Camera, Cloud, Dropped, Frame, Image, Proposals, View
import numpy as np
from numpy.typing import NDArray

NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_-]*')
"""Names of drives and cameras: no dot, because WebDataset splits member names at the first."""
PNG_START = b'\x89PNG\r\n\x1a\n'


class DatasetError(ValueError):
    """A data set that cannot be read or written as asked; the message names the place."""


def checked_name(kind: str, name: str) -> str:
    """Return the name of a drive or camera, or raise DatasetError where it cannot be stored."""
    if not NAME.fullmatch(name) or len(name) > 60:
        raise DatasetError(f'{kind} name {name!r}: at most 60 letters, digits, - and _')
    return name


@dataclass(frozen=True, eq=False)
class RecordedView:
    """
    One camera's part of a sample, its image still encoded.

    :param name: the camera's name ('front').
    :param data: the image file as recorded, JPEG or PNG.
    :param suffix: 'jpg' or 'png'.
    :param stamp_ns: time of exposure [ns].
    :param camera: its calibration.
    :param camera_T_lidar: (4, 4) float64, as in View.
    :param ego_motion_known: as in View.
    """

    name: str
    data: bytes
    suffix: str
    stamp_ns: int
    camera: Camera
    camera_T_lidar: NDArray[np.float64]
    ego_motion_known: bool = True

    def decoded(self) -> View:
        """
        Decode the image.

        :raises DatasetError: if the bytes are no image or not of the camera's size.
        """
        rgb = decode_rgb(self.data)
        if rgb.shape[:2] != (self.camera.height, self.camera.width):
            raise DatasetError(f'image of {self.name!r} is {rgb.shape[1]}x{rgb.shape[0]} px, its '
                               f'camera {self.camera.width}x{self.camera.height} px')
        image = Image(rgb, self.stamp_ns, self.camera.frame)
        return View(self.name, image, self.camera, self.camera_T_lidar, self.ego_motion_known)


def decode_rgb(data: bytes) -> NDArray[np.uint8]:
    """
    Decode a JPEG or PNG file completely.

    :returns: (H, W, 3) uint8 RGB.
    :raises DatasetError: if it is damaged, cut short or something else.
    """
    file = np.frombuffer(data, np.uint8)
    if data.startswith(JPEG_START):
        try:
            return decode_jpeg(file, f'{len(data)} bytes')
        except MessageError as error:
            raise DatasetError(str(error)) from None
    bgr = None
    if data.startswith(PNG_START) and _png_is_sound(data):
        bgr = cv2.imdecode(file, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise DatasetError(f'{len(data)} bytes: no whole JPEG or PNG image')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def _png_is_sound(data: bytes) -> bool:
    """Check the checksums of a PNG's chunks; OpenCV fills what is damaged or cut with black."""
    start, kind = 8, b''
    while start + 12 <= len(data) and kind != b'IEND':
        end = start + 12 + int.from_bytes(data[start:start + 4], 'big')
        kind = data[start + 4:start + 8]
        if crc32(data[start + 4:end - 4]) != int.from_bytes(data[end - 4:end], 'big'):
            return False
        start = end
    return kind == b'IEND'


@dataclass(frozen=True, eq=False)
class Sample:
    """
    What a data set holds of one LiDAR sweep.

    :param source: the drive it comes from; the key starts with it.
    :param cloud: the points.
    :param proposals: the object proposals in them, aligned with the points.
    :param views: the images that belong to it, one per camera.
    :param dropped: what was left out of this sample, by reason.
    :param problems: the same in words that name the values.
    :raises DatasetError: if proposals and cloud differ in length or a camera comes twice.
    """

    source: str
    cloud: Cloud
    proposals: Proposals
    views: tuple[RecordedView, ...]
    dropped: Dropped = field(default_factory=Dropped)
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Reject a sample whose parts do not belong together."""
        checked_name('drive', self.source)
        names = [checked_name('camera', v.name) for v in self.views]
        if len(set(names)) != len(names):
            raise DatasetError(f'{self.key}: a camera comes twice in {names}')
        ids = self.proposals.point_ids
        if ids.shape != (len(self.cloud),):
            raise DatasetError(f'{self.key}: {ids.shape} proposal ids for {len(self.cloud)} '
                               'points')

    @property
    def key(self) -> str:
        """Name of the sample, unique in a data set, sorted by drive and time."""
        return sample_key(self.source, self.cloud.stamp_ns)

    def frame(self) -> Frame:
        """Decode the images: the frame as it was seen."""
        return Frame(self.cloud, tuple(v.decoded() for v in self.views))


def sample_key(source: str, stamp_ns: int) -> str:
    """Name the sample of a drive at a cloud stamp [ns]."""
    return f'{source}-{stamp_ns:019d}'


def source_of(key: str) -> str:
    """Name the drive that a sample's key belongs to."""
    return key.rpartition('-')[0]
