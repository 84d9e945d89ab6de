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
Scores of unsupervised masks: matching of pseudo-classes to ground truth, mIoU, pixel accuracy.

Three ways of matching, always reported together: strict (one to one by Hungarian matching, pixels
of unmatched clusters are errors; the primary figure), dropped (the same matching, their pixels
left out), many-to-one (each cluster to the class it overlaps most).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

UNMATCHED = -1
"""Class of a cluster that the matching gives none."""


def confusion(predicted: NDArray[Any], truth: NDArray[Any], clusters: int,
              classes: int) -> NDArray[np.int64]:
    """
    Count pixels by cluster and class.

    :param predicted: integer cluster ids; those outside 0..clusters-1 (unlabelled) count in the
        last row.
    :param truth: integer class ids of the same shape; UNLABELLED pixels are left out.
    :param clusters: K.
    :param classes: C.
    :returns: (K + 1, C) int64; row K holds pixels without a prediction.
    :raises ValueError: for different shapes or a class id that is neither 0..C-1 nor UNLABELLED.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f'prediction is {predicted.shape}, ground truth {truth.shape}')
    known = truth != UNLABELLED
    t = truth[known].astype(np.int64)
    if t.size and (t.min() < 0 or t.max() >= classes):
        bad = t[(t < 0) | (t >= classes)][0]
        raise ValueError(f'ground truth holds class {bad}, known are 0..{classes - 1}')
    p = predicted[known].astype(np.int64)
    p[(p < 0) | (p >= clusters)] = clusters
    counts = np.bincount(p * classes + t, minlength=(clusters + 1) * classes)
    return counts.reshape(clusters + 1, classes)


def hungarian(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """
    Match clusters to classes one to one so that the sum of their IoU is greatest.

    A pair without a common pixel is no match: which of them the assignment takes is arbitrary,
    and neither IoU nor strict accuracy depends on it.

    :param counts: (K + 1, C), see `confusion`.
    :returns: (K,) class per cluster or UNMATCHED.
    """
    rows = counts[:-1].astype(float)
    union = rows.sum(1, keepdims=True) + counts.sum(0, keepdims=True) - rows
    iou = np.divide(rows, union, out=np.zeros_like(rows), where=union > 0)
    cluster, label = linear_sum_assignment(-iou)
    matching = np.full(len(rows), UNMATCHED, np.int64)
    overlap = iou[cluster, label] > 0
    matching[cluster[overlap]] = label[overlap]
    return matching


def majority(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each cluster the class that it overlaps most; many-to-one; an empty one none."""
    rows = counts[:-1]
    return np.where(rows.any(axis=1), rows.argmax(axis=1), UNMATCHED)


@dataclass(frozen=True, eq=False)
class Score:
    """
    A score under one matching.

    :param iou: (C,) float64 per class; NaN where the ground truth has no pixel of it.
    :param accuracy: share of correct pixels.
    :param matching: (K,) class per cluster, UNMATCHED where none.
    """

    iou: NDArray[np.float64]
    accuracy: float
    matching: NDArray[np.int64]

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that the ground truth holds."""
        return float(np.nanmean(self.iou)) if np.isfinite(self.iou).any() else float('nan')


def score(counts: NDArray[np.int64], matching: NDArray[np.int64], *,
          drop_unmatched: bool = False) -> Score:
    """
    Score under a given matching.

    :param counts: (K + 1, C), see `confusion`.
    :param matching: (K,) class per cluster or UNMATCHED.
    :param drop_unmatched: leave pixels of unmatched clusters (and without prediction) out instead
        of counting them as errors.
    """
    classes = counts.shape[1]
    mapped = np.zeros((classes, classes), np.int64)      # (predicted class, true class)
    matched = matching != UNMATCHED
    np.add.at(mapped, matching[matched], counts[:-1][matched])
    present = counts.sum(0) > 0
    total = mapped.sum(0) if drop_unmatched else counts.sum(0)
    hit = np.diag(mapped).astype(float)
    union = mapped.sum(1) + total - hit
    iou = np.where(present, np.divide(hit, union, out=np.zeros(classes), where=union > 0), np.nan)
    pixels = int(total.sum())
    return Score(iou, float(hit.sum() / pixels) if pixels else float('nan'), matching)


@dataclass(frozen=True, eq=False)
class Scores:
    """The three scores that belong together."""

    strict: Score
    dropped: Score
    many_to_one: Score

    def summary(self, class_names: Sequence[str] = ()) -> dict[str, Any]:
        """
        Write as plain values, percentages rounded to 0.01.

        :param class_names: adds the IoU per class if given.
        """
        def percent(x: float) -> float | None:
            return round(100 * float(x), 2) if np.isfinite(x) else None

        result: dict[str, Any] = {
            name: {'miou': percent(s.miou), 'pixel_accuracy': percent(s.accuracy)}
            for name, s in (('strict', self.strict), ('dropped', self.dropped),
                            ('many_to_one', self.many_to_one))}
        result['strict']['iou'] = {n: percent(v) for n, v in zip(class_names, self.strict.iou)
                                   if np.isfinite(v)}
        return result


def evaluate(counts: NDArray[np.int64]) -> Scores:
    """Match and score in all three ways; counts as from `confusion`, summed over all images."""
    matching = hungarian(counts)
    return Scores(score(counts, matching), score(counts, matching, drop_unmatched=True),
                  score(counts, majority(counts)))
