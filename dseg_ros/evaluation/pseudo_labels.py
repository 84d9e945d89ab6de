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

"""How right pseudo-labels are, in a data set of simulated drives: of points, and of pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.reader import open_bag
from dseg_ros.classes import CITYSCAPES_19
from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.sim import MASK_TOPIC
from dseg_ros.dataset.sample import Sample
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.clustering import fingerprint, load_classes
from dseg_ros.distill.describing import Descriptions
from dseg_ros.distill.training_data import partial_labels, stored_scale
from dseg_ros.evaluation.metrics import confusion, evaluate, Scores
from dseg_ros.evaluation.simulated import EvaluationError
import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PseudoLabelCounts:
    """
    What was counted.

    :param points: (K + 1, 19) points by pseudo-class and truth, see metrics.confusion.
    :param pixels: the same of the pixels of all images, at full size.
    """

    points: Counts
    pixels: Counts


def coverage(counts: Counts) -> float:
    """Share of what has a truth that has a label, too; NaN without any."""
    total = int(counts.sum())
    return 1 - int(counts[-1].sum()) / total if total else float('nan')


def labelled_only(counts: Counts) -> Scores:
    """Match and score what is labelled, as if the rest were not there."""
    known = counts.copy()
    known[-1] = 0
    return evaluate(known)


def count_pseudo_labels(data: Path, bags: Sequence[Path], classes: Path, cache: Path,
                        training: TrainingConfig,
                        progress: Callable[[int, int], None]) -> PseudoLabelCounts:
    """
    Give the samples of simulated drives pseudo-labels and count how they agree with the truth.

    :param data: data set of these drives; not necessarily the one that was clustered.
    :param bags: their recordings, which hold the ground truth of the images.
    :param classes: folder that `cluster` wrote.
    :param cache: folder that keeps descriptions.
    :param training: partial labels are made at the size that it learns from, then repeated.
    :param progress: called with samples done and in all.
    :raises EvaluationError: if a truth is missing.
    """
    found, recipe, _ = load_classes(classes)
    samples = Descriptions(data, fingerprint(data), cache, recipe)
    shape = (len(found.names) + 1, len(CITYSCAPES_19))
    points, pixels = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    masks = _Masks(bags)
    keys = samples.dataset.keys()
    for i, key in enumerate(keys):
        progress(i, len(keys))
        sample = samples.dataset[key]
        labels = found.label(*samples[key], recipe)
        if sample.cloud.label is None:
            raise EvaluationError(f'{data}: the points of {key} carry no true classes')
        points += confusion(labels, sample.cloud.label, len(found.names), shape[1])
        for view in sample.frame().views:
            truth = masks.at(samples.dataset, sample, view.image.stamp_ns)
            scale = stored_scale(view.camera, training)
            mask = partial_labels(sample, view, labels, scale, found, recipe).labels
            full = cv2.resize(mask, truth.shape[::-1], interpolation=cv2.INTER_NEAREST)
            pixels += confusion(np.asarray(full), truth, len(found.names), shape[1])
    progress(len(keys), len(keys))
    return PseudoLabelCounts(points, pixels)


class _Masks:
    """The truth of images by their stamps; one drive's at a time are in memory."""

    def __init__(self, bags: Sequence[Path]) -> None:
        self._bags = {bag.name: bag for bag in bags}
        self._drive = ''
        self._masks: dict[int, NDArray[np.uint8]] = {}

    def at(self, dataset: Dataset, sample: Sample, stamp_ns: int) -> NDArray[np.uint8]:
        """Give the true classes (H, W) of a sample's image."""
        if sample.source != self._drive:
            origin = next(s.origin for s in dataset.manifest.sources if s.name == sample.source)
            if origin not in self._bags:
                raise EvaluationError(f'{dataset.path}: no recording of its drive '
                                      f'{sample.source} among {sorted(self._bags)}')
            self._drive, self._masks = sample.source, dict(truths(self._bags[origin]))
        if stamp_ns not in self._masks:
            raise EvaluationError(f'{self._drive}: no {MASK_TOPIC} for the image of {stamp_ns}')
        return self._masks[stamp_ns]


def truths(bag: Path) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """
    Read the ground truth of a simulated drive: stamps [ns] with masks (H, W).

    :raises EvaluationError: if it holds none.
    """
    with open_bag(bag) as recorded:
        if MASK_TOPIC not in recorded.topics:
            raise EvaluationError(f'{bag}: has no {MASK_TOPIC}: no simulated drive')
        for record in recorded.messages([MASK_TOPIC]):
            picture = image_from_message(record.message)
            yield picture.stamp_ns, picture.rgb[..., 0]
