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

"""Tiny folders with the layouts of the benchmarks, written from what their publishers document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH = 24, 32

FILES: Mapping[str, tuple[str, str]] = {
    'cityscapes19': ('leftImg8bit/val/lindau/lindau_00000{}_000019_leftImg8bit.png',
                     'gtFine/val/lindau/lindau_00000{}_000019_gtFine_labelIds.png'),
    'dark_zurich': ('rgb_anon/val/night/GOPR0356/GOPR0356_frame_00032{}_rgb_anon.png',
                    'gt/val/night/GOPR0356/GOPR0356_frame_00032{}_gt_labelTrainIds.png'),
    'nighttime_driving': (
        'NighttimeDrivingTest/leftImg8bit/test/night/0_frame_000{}_leftImg8bit.png',
        'NighttimeDrivingTest/gtCoarse_daytime_trainvaltest/test/night/'
        '0_frame_000{}_gtCoarse_labelTrainIds.png'),
    **{f'acdc_{c}': (f'rgb_anon/{c}/val/GOPR0475/GOPR0475_frame_00025{{}}_rgb_anon.png',
                     f'gt/{c}/val/GOPR0475/GOPR0475_frame_00025{{}}_gt_labelTrainIds.png')
       for c in ('night', 'fog', 'rain', 'snow')},
    'camvid': ('701_StillsRaw_full/0016E5_0000{}.png', 'LabeledApproved_full/0016E5_0000{}_L.png'),
    'camvid_segnet': ('CamVid/test/0001TP_0000{}.png', 'CamVid/testannot/0001TP_0000{}.png'),
    'kitti_semantics': ('training/image_2/00000{}_10.png', 'training/semantic/00000{}_10.png'),
}
"""Image and ground truth of image {}, below the root."""
FILES = {**FILES, 'cityscapes27': FILES['cityscapes19']}

VALUES: Mapping[str, tuple[tuple[int | tuple[int, int, int], str | None], ...]] = {
    'cityscapes19': ((7, 'road'), (8, 'sidewalk'), (9, None), (26, 'car'), (33, 'bicycle'),
                     (1, None), (16, None), (23, 'sky')),
    'cityscapes27': ((7, 'road'), (8, 'sidewalk'), (9, 'parking'), (26, 'car'), (33, 'bicycle'),
                     (1, None), (16, 'tunnel'), (23, 'sky')),
    'camvid': (((128, 64, 128), 'road'), ((128, 0, 192), 'road'), ((0, 0, 192), 'pavement'),
               ((64, 0, 128), 'car'), ((0, 0, 0), None), ((128, 128, 0), 'tree'),
               ((128, 0, 0), 'building'), ((0, 128, 192), 'bicyclist')),
    'camvid_segnet': ((0, 'sky'), (1, 'building'), (3, 'road'), (4, 'pavement'), (8, 'car'),
                      (10, 'bicyclist'), (11, None), (5, 'tree')),
}
_TRAIN_IDS = ((0, 'road'), (1, 'sidewalk'), (13, 'car'), (10, 'sky'), (18, 'bicycle'),
              (255, None), (8, 'vegetation'), (2, 'building'))
VALUES = {**dict.fromkeys(FILES, _TRAIN_IDS), **VALUES,
          'kitti_semantics': VALUES['cityscapes19']}
"""Pixel values as the publisher writes them, with the name of the class that they stand for; in
the ground truth, value i fills columns 4 i to 4 i + 3."""


def write_benchmark(root: Path, name: str, images: int = 2) -> Path:
    """Write some images of a benchmark; pixels of a class share a colour of their own."""
    for i in range(images):
        write_truth(root, name, i)
        rgb = np.repeat(np.arange(len(VALUES[name])) * 20 + 20, WIDTH // len(VALUES[name]))
        picture = np.stack([np.tile(rgb, (HEIGHT, 1))] * 3, axis=-1).astype(np.uint8)
        write(root / FILES[name][0].format(i), picture)
    return root


def write_truth(root: Path, name: str, i: int) -> Path:
    """Write the ground truth of an image."""
    values = np.array([v for v, _ in VALUES[name]], np.uint8)
    columns = np.repeat(values, WIDTH // len(values), axis=0)
    return write(root / FILES[name][1].format(i), np.stack([columns] * HEIGHT))


def write(path: Path, pixels: np.ndarray) -> Path:
    """Write a picture, RGB or grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels if pixels.ndim == 2 else pixels[..., ::-1])
    return path
