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
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
from dseg_ros.classes import SemanticClass
from dseg_ros.evaluation.benchmarks import Benchmark, BenchmarkError, read_image
from dseg_ros.evaluation.metrics import confusion, evaluate, Score, Scores
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray

SHOWN_WIDTH_PX = 480

Predict = Callable[[NDArray[np.uint8]], LabelMap]


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
    A model on a benchmark.

    :param protocol: how it was measured, by what; for people, in order.
    :param clusters: names of what the model tells apart.
    :param classes: what the ground truth tells apart.
    :param counts: (K + 1, C), see metrics.confusion; summed over all images.
    :param shown: some of the images.
    """

    protocol: Mapping[str, str]
    clusters: tuple[str, ...]
    classes: tuple[SemanticClass, ...]
    counts: NDArray[np.int64]
    shown: tuple[Shown, ...]

    @cached_property
    def scores(self) -> Scores:
        """Match over the whole benchmark and score in all three ways."""
        return evaluate(self.counts)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes."""
        return [c.name for c in self.classes]

    def matched(self, score: Score) -> dict[str, str]:
        """Name the class of every cluster that has one."""
        return {self.clusters[k]: self.classes[c].name
                for k, c in enumerate(score.matching) if c >= 0}

    def summary(self) -> dict[str, Any]:
        """Write as plain values; percentages."""
        names, scores = self.class_names, self.scores
        return {
            'protocol': dict(self.protocol),
            **scores.summary(names),
            'iou': {name: {label: _percent(v) for label, v in zip(names, one.iou)} for name, one
                    in (('strict', scores.strict), ('dropped', scores.dropped),
                        ('many_to_one', scores.many_to_one))},
            'matching': self.matched(scores.strict),
            'many_to_one_matching': self.matched(scores.many_to_one),
            'confusion': {'rows': [*self.clusters, 'no prediction'], 'columns': names,
                          'pixels': self.counts.tolist()},
        }


def run_benchmark(benchmark: Benchmark, predict: Predict, clusters: Sequence[str],
                  protocol: Mapping[str, str], progress: Callable[[int, int], None],
                  shown: int = 6) -> Evaluation:
    """
    Compare a model's masks with the ground truth, at the size of the ground truth.

    :param benchmark: the labelled images.
    :param predict: the model.
    :param clusters: names of the K classes that the model tells apart.
    :param protocol: what else to say about how it was measured (model, post-processing).
    :param progress: called with images done and in all.
    :param shown: how many images to keep for pictures, spread evenly.
    :raises BenchmarkError: for ground truth of another size, unknown values, damaged files, or
        no labelled pixel at all.
    """
    counts = np.zeros((len(clusters) + 1, len(benchmark.classes)), np.int64)
    wanted = set(np.linspace(0, len(benchmark) - 1, min(shown, len(benchmark))).astype(int))
    kept: list[Shown] = []
    sizes: dict[str, int] = {}
    for i, (path, truth) in enumerate(benchmark):
        rgb = read_image(path)
        if rgb.shape[:2] != truth.shape:
            raise BenchmarkError(f'{path}: image is {_size(rgb)} px, but its ground truth '
                                 f'{benchmark.files[i][1].name} {_size(truth)} px')
        predicted = predict(rgb).ids
        counts += confusion(predicted, truth, *(np.array(counts.shape) - (1, 0)))
        sizes[_size(rgb)] = sizes.get(_size(rgb), 0) + 1
        if i in wanted:
            kept.append(_small(path.name, rgb, predicted, truth))
        progress(i + 1, len(benchmark))
    if not counts.any():
        raise BenchmarkError(f'{benchmark.root}: {len(benchmark)} images without one labelled '
                             'pixel')
    return Evaluation({**_protocol(benchmark, sizes, counts), **protocol}, tuple(clusters),
                      benchmark.classes, counts, tuple(kept))


def _protocol(benchmark: Benchmark, sizes: Mapping[str, int],
              counts: NDArray[np.int64]) -> dict[str, str]:
    """Say what was measured."""
    taken = '' if benchmark.every == 1 else f', every {benchmark.every}th image'
    common = sorted(sizes, key=lambda size: -sizes[size])
    more = f' and {len(common) - 3} other sizes' if len(common) > 3 else ''
    return {
        'benchmark': f'{benchmark.name}: {benchmark.layout.split}{taken}',
        'images': f'{len(benchmark)}, {counts.sum():,} labelled pixels',
        'resolution': f'scored at the full size of the ground truth: '
                      f'{", ".join(common[:3])}{more}',
        'classes': f'{benchmark.layout.labels.name}; {np.count_nonzero(counts.sum(0))} of them '
                   f'occur, and the mean is over these; unlabelled pixels are left out',
        'matching': f'Hungarian, by the sum of IoU, once over the whole benchmark; '
                    f'{len(counts) - 1} pseudo-classes; no label was used in another way',
    }


def _small(name: str, rgb: NDArray[np.uint8], predicted: NDArray[np.uint8],
           truth: NDArray[np.uint8]) -> Shown:
    """Shrink an image and its masks."""
    width = min(SHOWN_WIDTH_PX, rgb.shape[1])
    size = (width, max(1, round(width * rgb.shape[0] / rgb.shape[1])))
    masks = [np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
             for mask in (predicted, truth)]
    return Shown(name, np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8),
                 *masks)


def _size(pixels: NDArray[np.uint8]) -> str:
    return f'{pixels.shape[1]}x{pixels.shape[0]}'


def _percent(share: float) -> float | None:
    return round(100 * float(share), 2) if np.isfinite(share) else None
