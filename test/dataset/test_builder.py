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

"""From messages to samples: images as recorded, and what becomes of those that are broken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
from dseg_ros.bags.frames import BROKEN_IMAGE
from dseg_ros.bags.shot import Shot
from dseg_ros.config.dataset import StoreConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.dataset.builder import EMPTY_CLOUD, NO_IMAGE, SampleBuilder, WRONG_SIZE
from dseg_ros.dataset.pictures import picture_from_message
from dseg_ros.dataset.sample import decode_rgb
from dseg_ros.types import Camera, Cloud
import numpy as np
from numpy.typing import NDArray
import pytest

RGB = np.random.default_rng(0).integers(0, 255, (24, 40, 3)).astype(np.uint8)
CAMERA = Camera('front_optical', 40, 24, np.array([[30.0, 0, 20], [0, 30, 12], [0, 0, 1]]))
HEADER = SimpleNamespace(stamp=SimpleNamespace(sec=3, nanosec=5), frame_id='front_optical')


def encoded(suffix: str, pixels: NDArray[Any] = RGB) -> bytes:
    """Make an image file of RGB, grey or 16-bit pixels."""
    bgr = pixels[:, :, ::-1] if pixels.ndim == 3 else pixels
    return cv2.imencode(f'.{suffix}', bgr)[1].tobytes()


def compressed(data: bytes, name: str = 'jpeg') -> SimpleNamespace:
    """Make a CompressedImage."""
    return SimpleNamespace(header=HEADER, format=name, data=np.frombuffer(data, np.uint8))


def raw(pixels: NDArray[np.uint8] = RGB) -> SimpleNamespace:
    """Make an Image of encoding rgb8."""
    height, width = pixels.shape[:2]
    return SimpleNamespace(header=HEADER, height=height, width=width, encoding='rgb8',
                           is_bigendian=0, step=3 * width, data=pixels.reshape(-1))


def cloud(points: int) -> Cloud:
    """Make a cloud of noise."""
    x, y, z = np.random.default_rng(1).normal(scale=9, size=(3, points)).astype(np.float32)
    return Cloud(3_000_000_000, 'lidar', x, y, z)


@pytest.mark.parametrize('suffix', ['jpg', 'png'])
def test_recorded_files_are_kept_byte_by_byte(suffix: str) -> None:
    """What the camera's driver compressed is not compressed again."""
    data = encoded(suffix)
    picture = picture_from_message(compressed(data), StoreConfig())
    assert (picture.data, picture.suffix) == (data, suffix)
    assert (picture.width, picture.height) == (40, 24)


def test_raw_images_lose_nothing_by_default() -> None:
    """A raw image becomes a PNG of the same pixels, a JPEG only on request."""
    picture = picture_from_message(raw(), StoreConfig())
    assert picture.suffix == 'png' and np.array_equal(decode_rgb(picture.data), RGB)
    smooth = cv2.resize(RGB[:4, :4], (40, 24), interpolation=cv2.INTER_CUBIC)
    lossy = picture_from_message(raw(smooth), StoreConfig(raw_images='jpeg'))
    assert lossy.suffix == 'jpg' and lossy.data != picture.data
    assert np.abs(decode_rgb(lossy.data).astype(int) - smooth).mean() < 4


@pytest.mark.parametrize(('data', 'name'), [
    (encoded('webp'), 'webp'),
    (encoded('png', RGB[:, :, 0].astype(np.uint16) * 257), '16UC1; png compressed'),
    (encoded('png', RGB[:, :, 0]), 'bayer_rggb8; png compressed bgr8'),
])
def test_other_files_become_plain_pictures(data: bytes, name: str) -> None:
    """WebP, 16 bits, a compressed mosaic: decoded by the rules for messages, stored as PNG."""
    picture = picture_from_message(compressed(data, name), StoreConfig())
    assert picture.suffix == 'png' and picture.data != data
    assert decode_rgb(picture.data).shape == (24, 40, 3)


def build(*messages: Any, points: int = 500, camera: Camera = CAMERA) -> Any:
    """Build a sample of one camera per message."""
    shots = [Shot(f'cam{i}', m, camera, np.eye(4)) for i, m in enumerate(messages)]
    builder = SampleBuilder(ProposalsConfig(), StoreConfig())
    return builder('drive', cloud(points), shots)


def test_a_broken_image_costs_its_view_alone() -> None:
    """The other camera's image and the cloud are kept; count and words say what happened."""
    built = build(compressed(encoded('jpg')[:-30]), raw())
    assert built.dropped.counts == {BROKEN_IMAGE: 1}
    assert built.problems[0].startswith('cam0 at 3000000005 ns: ')
    assert [v.name for v in built.sample.views] == ['cam1']
    assert built.sample.dropped.counts == {BROKEN_IMAGE: 1}
    assert built.sample.problems == built.problems
    assert len(built.sample.proposals.point_ids) == 500


def test_a_calibration_of_another_size_is_named() -> None:
    """An image that its calibration does not describe would be labelled wrongly."""
    other = Camera('front_optical', 80, 48, CAMERA.intrinsics)
    built = build(raw(), camera=other)
    assert built.sample is None
    assert built.dropped.counts == {WRONG_SIZE: 1, NO_IMAGE: 1}
    assert '40x24' in built.problems[0] and '80x48' in built.problems[0]


def test_an_empty_cloud_makes_no_sample() -> None:
    """It is counted."""
    built = build(raw(), points=0)
    assert built.sample is None and built.dropped.counts == {EMPTY_CLOUD: 1}
