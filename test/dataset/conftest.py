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

"""Small samples of every shape, and data sets made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
from dseg_ros.config.dataset import StoreConfig
from dseg_ros.dataset.store import DatasetWriter, RecordedView, Sample
from dseg_ros.types import Camera, Cloud, Dropped, Proposals
import numpy as np
import pytest

MakeSample = Callable[..., Sample]


def picture(rng: np.random.Generator, suffix: str = 'jpg') -> bytes:
    """Encode a small noisy image, 40x24 px."""
    pixels = rng.integers(0, 255, (24, 40, 3)).astype(np.uint8)
    return cv2.imencode(f'.{suffix}', pixels)[1].tobytes()


def build_sample(index: int, points: int = 50, cameras: tuple[str, ...] = ('front',),
                 source: str = 'drive', dropped: Dropped = Dropped()) -> Sample:
    """Make a sample at second `index`; equal arguments give equal samples."""
    rng = np.random.default_rng(index)
    x, y, z, intensity = rng.normal(size=(4, points)).astype(np.float32)
    cloud = Cloud(index * 1_000_000_000, 'lidar', x, y, z, intensity=intensity,
                  ring=rng.integers(0, 64, points).astype(np.uint16))
    ids = rng.integers(-1, 4, points).astype(np.int32)
    boxes = [rng.normal(size=(3, 3)).astype(np.float32) for _ in range(3)]
    proposals = Proposals(cloud.stamp_ns, 'lidar', ids,
                          np.bincount(np.maximum(ids, 0), minlength=4)[1:].astype(np.int32),
                          *boxes, np.zeros(3, np.float32), np.ones(3, np.float32), 'dbscan')
    intrinsics = np.array([[30.0, 0, 20], [0, 30, 12], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, 3] = rng.normal(size=3)
    views = tuple(
        RecordedView(name, picture(rng, suffix), suffix, cloud.stamp_ns + 7,
                     Camera(f'{name}_optical', 40, 24, intrinsics, rng.normal(size=5)), pose)
        for name, suffix in zip(cameras, ('jpg', 'png') * len(cameras)))
    return Sample(source, cloud, proposals, views, dropped)


@pytest.fixture
def make_sample() -> MakeSample:
    """Give the maker of samples."""
    return build_sample


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Write five samples of two cameras, two drives."""
    path = tmp_path / 'dataset'
    with DatasetWriter(path, {'made_by': 'test'}, StoreConfig()) as writer:
        for name in ('one', 'two'):
            source = writer.begin_source(f'{name}.mcap', name, f'sha256:{name}')
            for index in range(3 if name == 'one' else 2):
                writer.append(build_sample(index, 20, ('front', 'rear'), name))
            writer.settle_source(source, Dropped({'no image': 4}))
    return path
