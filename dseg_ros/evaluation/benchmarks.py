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

"""Benchmarks with pixel-wise ground truth, read one image at a time."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path

import cv2
from dseg_ros.classes import SemanticClass
from dseg_ros.evaluation.label_sets import LabelError, LabelSet
from dseg_ros.evaluation.labelled import LabelledImage, size
from dseg_ros.evaluation.layouts import BENCHMARKS, Layout
import numpy as np
from numpy.typing import NDArray


class BenchmarkError(ValueError):
    """A benchmark that is not there or not as it should be; the message names file and value."""


class Benchmark:
    """
    The labelled images of a benchmark; iterating reads one ground truth at a time.

    :param name: a key of BENCHMARKS.
    :param root: folder that the benchmark was unpacked into.
    :param every: take every n-th image.
    :raises BenchmarkError: for an unknown name, a missing folder or file, or no images.
    """

    def __init__(self, name: str, root: Path, every: int = 1) -> None:
        """List the files; no pixel is read yet."""
        if name not in BENCHMARKS:
            raise BenchmarkError(f'unknown benchmark {name!r}, known are {", ".join(BENCHMARKS)}')
        if every < 1:
            raise BenchmarkError(f'every {every}th image: the number is less than 1')
        self.name, self.every = name, every
        self.taken = '' if every == 1 else f', 1 image of {every}'
        self.layout = BENCHMARKS[name]
        self.root = _unpacked(root, self.layout)
        self.files = _files(self.root, self.layout)[::every]

    @property
    def classes(self) -> tuple[SemanticClass, ...]:
        """Tell the classes that it is scored with; index = class id."""
        return self.layout.labels.classes

    @property
    def title(self) -> str:
        """Name it for people."""
        return f'{self.name}: {self.layout.split}{self.taken}'

    @property
    def label_set(self) -> str:
        """Name the list of classes."""
        return self.layout.labels.name

    def split(self, share: float) -> tuple[Benchmark, Benchmark]:
        """
        Split into two, in the order of the names: neighbours in time stay together.

        :param share: of the images that come into the first part.
        :raises BenchmarkError: if that leaves a part without images.
        """
        count = round(share * len(self))
        if not 0 < count < len(self):
            raise BenchmarkError(f'{self.root}: {len(self)} images cannot be split at {share:g}')
        parts = []
        for place, files in (('first', self.files[:count]), ('last', self.files[count:])):
            part = copy(self)
            part.files, part.taken = files, f'{self.taken}, {place} {len(files)} by name'
            parts.append(part)
        return parts[0], parts[1]

    def facts(self) -> dict[str, str]:
        """Say what is measured, for the protocol."""
        return {'benchmark': self.title}

    def __len__(self) -> int:
        """Count the images."""
        return len(self.files)

    def images(self) -> Iterator[LabelledImage]:
        """
        Read images with their ground truth.

        :raises BenchmarkError: for ground truth of another size or with unknown values, or a
            damaged file.
        """
        for i, (path, truth) in enumerate(self):
            rgb = read_image(path)
            if rgb.shape[:2] != truth.shape:
                raise BenchmarkError(f'{path}: image is {size(rgb)} px, but its ground truth '
                                     f'{self.files[i][1].name} {size(truth)} px')
            yield LabelledImage(path.name, rgb, truth)

    def __iter__(self) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
        """
        Yield the file of an image with its ground truth: (H, W) uint8 class ids, or UNLABELLED.

        :raises BenchmarkError: for a damaged file or one with unknown values.
        """
        for image, truth in self.files:
            yield image, read_truth(truth, self.layout.labels)


def read_truth(path: Path, labels: LabelSet) -> NDArray[np.uint8]:
    """
    Read ground truth.

    :param path: the file.
    :param labels: what its pixels mean.
    :returns: (H, W) uint8 class ids, or UNLABELLED.
    :raises BenchmarkError: for a damaged file or one with unknown values.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR if labels.in_colour else cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise BenchmarkError(f'{path}: not a readable picture')
    try:
        return labels.decode(np.asarray(pixels[..., ::-1] if labels.in_colour else pixels))
    except LabelError as error:
        raise BenchmarkError(f'{path}: {error}') from error


def read_image(path: Path) -> NDArray[np.uint8]:
    """
    Read an image.

    :returns: (H, W, 3) uint8 RGB.
    :raises BenchmarkError: for a damaged file.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise BenchmarkError(f'{path}: not a readable picture')
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _unpacked(root: Path, layout: Layout) -> Path:
    """Take the folder inside where the root is the one that an archive was unpacked in."""
    inside = root / layout.archive
    return inside if not (root / layout.images).is_dir() and inside.is_dir() else root


def _files(root: Path, layout: Layout) -> tuple[tuple[Path, Path], ...]:
    """List images with their ground truth, in the order of their names."""
    images, truths = root / layout.images, root / layout.truths
    for folder in (root, images, truths):
        if not folder.is_dir():
            raise BenchmarkError(f'{folder}: no such folder')
    found = sorted(p for p in images.rglob(f'*{layout.image_suffix}')
                   if p.is_file() and not p.name.startswith('.'))
    if not found:
        raise BenchmarkError(f'{images}: no images *{layout.image_suffix}')
    pairs = tuple((p, truths / p.relative_to(images).with_name(
        p.name.removesuffix(layout.image_suffix) + layout.truth_suffix)) for p in found)
    for image, truth in pairs:
        if not truth.is_file():
            raise BenchmarkError(f'{truth}: no ground truth for {image.relative_to(root)}')
    return pairs
