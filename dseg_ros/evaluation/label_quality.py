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

"""A data set of simulated drives against their truth: its masks, and the classes of its points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.reader import Bag, open_bag
from dseg_ros.config.mask_quality import MaskQualityConfig
from dseg_ros.config.sim import MASK_TOPIC
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.clustering import assignments, fingerprint, load_classes
from dseg_ros.evaluation.mask_quality import CLASSES, measure, Row, Shot
from dseg_ros.evaluation.metrics import confusion
from dseg_ros.types import Image
import numpy as np
from numpy.typing import NDArray

Progress = Callable[[int, int], None]


class QualityError(ValueError):
    """A data set that cannot be held against a truth; the message names it."""


def mask_quality(data: Path, bags: Sequence[Path], config: MaskQualityConfig,
                 progress: Progress) -> list[Row]:
    """
    Measure the masks that a data set's proposals and points give.

    :param data: data set of simulated drives.
    :param bags: the bags of its drives, or of some of them.
    :param config: what is varied.
    :param progress: called with samples done and in all.
    :returns: a row per variant, over all drives together.
    :raises QualityError: if a bag is none of the data set's, holds no truth, or none at the
        stamps of the data set's images.
    """
    dataset = Dataset(data)
    drives = {bag: _keys(dataset, bag)[::config.every] for bag in bags}
    total = sum(len(keys) for keys in drives.values())

    def shots() -> Iterator[Shot]:
        done = 0
        for bag, keys in drives.items():
            found = 0
            for of_sample in _shots(dataset, keys, bag):
                yield from of_sample
                found += len(of_sample)
                done += 1
                progress(done, total)
            if not found:
                raise QualityError(f'{bag}: no {MASK_TOPIC} at the stamps of the images in '
                                   f'{data}')

    return measure(shots(), config)


def point_quality(data: Path, classes: Path) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """
    Count the points of a simulated data set by pseudo-class and true class.

    :param data: the data set.
    :param classes: folder that `cluster` wrote for it.
    :returns: names of the pseudo-classes but the sky, and (K + 1, 19) counts as
        metrics.confusion gives them.
    :raises QualityError: if they do not belong together or the points carry no true class.
    """
    found, _, data_sha256 = load_classes(classes)
    if data_sha256 != fingerprint(data):
        raise QualityError(f'{classes}: pseudo-classes of another data set than {data}')
    names = found.names[:found.sky_id]
    counts = np.zeros((len(names) + 1, CLASSES), np.int64)
    dataset = Dataset(data)
    for key, labels in assignments(classes):
        truth = dataset[key].cloud.label
        if truth is None:
            raise QualityError(f'{data}: the points of {key} carry no true classes: no simulated '
                               'drive')
        counts += confusion(labels, truth, len(names), CLASSES)
    return names, counts


def _keys(dataset: Dataset, bag: Path) -> list[str]:
    """Find the samples that came from a bag."""
    origin = bag.resolve().name
    names = [s.name for s in dataset.manifest.sources if s.origin == origin]
    if not names:
        raise QualityError(f'{bag}: no drive of {dataset.path}, which came from '
                           f'{sorted(s.origin for s in dataset.manifest.sources)}')
    return [key for name in names for key in dataset.keys(name)]


def _shots(dataset: Dataset, keys: Sequence[str], bag: Path) -> Iterator[list[Shot]]:
    """Give the views of each sample that have a truth."""
    with open_bag(bag) as recorded:
        if MASK_TOPIC not in recorded.topics:
            raise QualityError(f'{bag}: has no {MASK_TOPIC}: no simulated drive')
        masks = _Masks(recorded)
        for key in keys:
            sample = dataset[key]
            pairs = [(view, masks.at(view.image.stamp_ns)) for view in sample.frame().views]
            yield [Shot(sample.cloud, sample.proposals, view, truth) for view, truth in pairs
                   if truth is not None]


class _Masks:
    """
    The truth of a bag's images; it is read once, so stamps must not go back.

    :param recorded: the bag.
    """

    def __init__(self, recorded: Bag) -> None:
        """Begin before the first mask."""
        self._rest = (image_from_message(r.message) for r in recorded.messages([MASK_TOPIC]))
        self._last: Image | None = None

    def at(self, stamp_ns: int) -> NDArray[np.uint8] | None:
        """Give the mask of a stamp [ns], (H, W) uint8."""
        while self._last is None or self._last.stamp_ns < stamp_ns:
            self._last = next(self._rest, None)
            if self._last is None:
                return None
        return self._last.rgb[..., 0] if self._last.stamp_ns == stamp_ns else None
