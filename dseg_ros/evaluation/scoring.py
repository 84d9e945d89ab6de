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

"""What a model does on labelled images: counts, scores, some pictures, and how it was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
from dseg_ros.classes import SemanticClass
from dseg_ros.evaluation.labelled import LabelledImage, LabelledImages, Predict, size
from dseg_ros.evaluation.metrics import confusion, evaluate, Score, score, Scores
import numpy as np
from numpy.typing import NDArray

SHOWN_WIDTH_PX = 480


class ScoringError(ValueError):
    """Labelled images that cannot be scored; the message names them."""


@dataclass(frozen=True, eq=False)
class Shown:
    """
    A labelled image with its prediction, small enough for a report.

    :param name: of the image.
    :param rgb: (H, W, 3) uint8.
    :param predicted: (H, W) uint8 cluster ids.
    :param truth: (H, W) uint8 class ids.
    """

    name: str
    rgb: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    truth: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """
    A model on labelled images.

    :param title: names the images.
    :param protocol: how it was measured, by what; for people, in order.
    :param clusters: names of what the model tells apart.
    :param classes: what the ground truth tells apart.
    :param counts: (K + 1, C), see metrics.confusion; summed over all images.
    :param shown: some of the images.
    :param parts: the same counts of each part (drive), if the images come in parts.
    """

    title: str
    protocol: Mapping[str, str]
    clusters: tuple[str, ...]
    classes: tuple[SemanticClass, ...]
    counts: NDArray[np.int64]
    shown: tuple[Shown, ...]
    parts: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    @cached_property
    def scores(self) -> Scores:
        """Match over the whole benchmark and score in all three ways."""
        return evaluate(self.counts)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes."""
        return [c.name for c in self.classes]

    def matched(self, one: Score) -> dict[str, str]:
        """Name the class of every cluster that has one."""
        return {self.clusters[k]: self.classes[c].name
                for k, c in enumerate(one.matching) if c >= 0}

    def of_parts(self) -> dict[str, Score]:
        """Score every part strictly, by the matching over all of them."""
        return {name: score(counts, self.scores.strict.matching)
                for name, counts in self.parts.items()}

    def summary(self) -> dict[str, Any]:
        """Write as plain values; percentages."""
        names, scores = self.class_names, self.scores
        return {
            'protocol': dict(self.protocol),
            **scores.summary(names),
            'iou': {name: {label: _percent(v) for label, v in zip(names, one.iou)} for name, one
                    in (('strict', scores.strict), ('dropped', scores.dropped),
                        ('many_to_one', scores.many_to_one))},
            **({'parts': {name: {'miou': _percent(one.miou),
                                 'pixel_accuracy': _percent(one.accuracy)}
                          for name, one in self.of_parts().items()}} if self.parts else {}),
            'matching': self.matched(scores.strict),
            'many_to_one_matching': self.matched(scores.many_to_one),
            'confusion': {'rows': [*self.clusters, 'no prediction'], 'columns': names,
                          'pixels': self.counts.tolist()},
        }


def run_benchmark(images: LabelledImages, predict: Predict, clusters: Sequence[str],
                  protocol: Mapping[str, str], progress: Callable[[int, int], None],
                  shown: int = 6) -> Evaluation:
    """
    Compare a model's masks with the ground truth, at the size of the ground truth.

    :param images: a benchmark, or simulated drives.
    :param predict: the model.
    :param clusters: names of the K classes that the model tells apart.
    :param protocol: what else to say about how it was measured (model, post-processing).
    :param progress: called with images done and in all.
    :param shown: how many images to keep for pictures, spread evenly.
    :raises ScoringError: if there is no labelled pixel at all.
    :raises BenchmarkError, EvaluationError: for ground truth of another size or with unknown
        values, or damaged files.
    """
    shape = (len(clusters) + 1, len(images.classes))
    wanted = set(np.linspace(0, len(images) - 1, min(shown, len(images))).astype(int))
    kept: list[Shown] = []
    sizes: dict[str, int] = {}
    parts: dict[str, NDArray[np.int64]] = {}
    for i, image in enumerate(images.images()):
        predicted = predict(image.rgb).ids
        counts = parts.setdefault(image.part, np.zeros(shape, np.int64))
        counts += confusion(predicted, image.truth, len(clusters), shape[1])
        sizes[size(image.rgb)] = sizes.get(size(image.rgb), 0) + 1
        if i in wanted:
            kept.append(_small(image, predicted))
        progress(i + 1, len(images))
    total = sum(parts.values(), np.zeros(shape, np.int64))
    if not total.any():
        raise ScoringError(f'{images.title}: {len(images)} images without one labelled pixel')
    return Evaluation(images.title, {**images.facts(), **_protocol(images, sizes, total),
                                     **protocol}, tuple(clusters), images.classes, total,
                      tuple(kept), {name: part for name, part in parts.items() if name})


def _protocol(images: LabelledImages, sizes: Mapping[str, int],
              counts: NDArray[np.int64]) -> dict[str, str]:
    """Say how it was measured."""
    common = sorted(sizes, key=lambda size: -sizes[size])
    more = f' and {len(common) - 3} other sizes' if len(common) > 3 else ''
    return {
        'images': f'{sum(sizes.values())}, {counts.sum():,} labelled pixels',
        'resolution': f'scored at the full size of the ground truth: '
                      f'{", ".join(common[:3])}{more}',
        'classes': f'{images.label_set}; {np.count_nonzero(counts.sum(0))} of them '
                   f'occur, and the mean is over these; unlabelled pixels are left out',
        'matching': f'Hungarian, by the sum of IoU, once over all images; '
                    f'{len(counts) - 1} pseudo-classes; no label was used in another way',
    }


def _small(image: LabelledImage, predicted: NDArray[np.uint8]) -> Shown:
    """Shrink an image and its masks."""
    rgb = image.rgb
    width = min(SHOWN_WIDTH_PX, rgb.shape[1])
    small = (width, max(1, round(width * rgb.shape[0] / rgb.shape[1])))
    masks = [np.asarray(cv2.resize(mask, small, interpolation=cv2.INTER_NEAREST), np.uint8)
             for mask in (predicted, image.truth)]
    return Shown(image.name,
                 np.asarray(cv2.resize(rgb, small, interpolation=cv2.INTER_AREA), np.uint8),
                 *masks)


def _percent(share: float) -> float | None:
    return round(100 * float(share), 2) if np.isfinite(share) else None
