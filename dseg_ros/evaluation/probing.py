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

"""Running probes: labelled images in, scores out, with the protocol beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
from dseg_ros.config.probe import ProbeConfig
from dseg_ros.evaluation.features import Describer, FeatureError, Floats
from dseg_ros.evaluation.labelled import LabelledImages
from dseg_ros.evaluation.metrics import confusion, Score, score
from dseg_ros.evaluation.probes import Ids, Probe, PROBES
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Probed:
    """
    What the probes made of a network's features.

    :param protocol: how it was measured; for people, in order.
    :param class_names: of the C classes.
    :param counts: (C + 1, C) per probe: row = prediction, column = truth, as metrics.confusion.
    """

    protocol: Mapping[str, str]
    class_names: tuple[str, ...]
    counts: Mapping[str, NDArray[np.int64]]

    def scores(self) -> dict[str, Score]:
        """Score each probe; a prediction is a class already, nothing is matched."""
        return {name: score(counts, np.arange(counts.shape[1]))
                for name, counts in self.counts.items()}

    def summary(self) -> dict[str, Any]:
        """Write as plain values; percentages."""
        result: dict[str, Any] = {'protocol': dict(self.protocol)}
        for name, one in self.scores().items():
            result[name] = {
                'miou': _percent(one.miou), 'pixel_accuracy': _percent(one.accuracy),
                'iou': {label: _percent(v) for label, v in zip(self.class_names, one.iou)
                        if np.isfinite(v)},
                'confusion': self.counts[name].tolist()}
        return result


def probe(train: LabelledImages, test: LabelledImages, describe: Describer, config: ProbeConfig,
          progress: Progress) -> Probed:
    """
    Fit the probes on cells of the training images and score them on every test pixel.

    :param train: labelled images.
    :param test: others, of the same classes.
    :param describe: the network.
    :param config: the protocol.
    :param progress: called with images done and in all.
    :raises FeatureError: for too few images or labels, or for different classes.
    """
    if [c.name for c in train.classes] != [c.name for c in test.classes]:
        raise FeatureError(f'{train.title} and {test.title} have different classes')
    total = len(train) + len(test)
    features, labels = _drawn(train, describe, config, lambda done: progress(done, total))
    classes = len(train.classes)
    probes: dict[str, Probe] = {name: kind(features, labels, classes, config)
                                for name, kind in PROBES.items()}
    counts = {name: np.zeros((classes + 1, classes), np.int64) for name in probes}
    seen: set[tuple[int, ...]] = set()
    for i, image in enumerate(test.images()):
        found = describe(image.rgb)
        seen.add(found.shape)
        for name, one in probes.items():
            predicted = _upsampled(one(found.reshape(-1, found.shape[-1])), found, image.truth)
            counts[name] += confusion(predicted, image.truth, classes, classes)
        progress(len(train) + i + 1, total)
    if not all(c.any() for c in counts.values()):
        raise FeatureError(f'{test.title}: {len(test)} images without one labelled pixel')
    return Probed({**describe.facts(), **_protocol(train, test, labels, seen, config),
                   **{name: one.fact() for name, one in probes.items()}},
                  tuple(c.name for c in train.classes), counts)


def _drawn(images: LabelledImages, describe: Describer, config: ProbeConfig,
           progress: Callable[[int], None]) -> tuple[Floats, Ids]:
    """Draw labelled cells (N, D) and their classes (N,) from every image."""
    features: list[Floats] = []
    labels: list[Ids] = []
    for i, image in enumerate(images.images()):
        found = describe(image.rgb)
        truth = at_centres(image.truth, found.shape[:2])
        known = np.flatnonzero(truth != UNLABELLED)
        rng = np.random.default_rng((config.seed, i))
        chosen = rng.permutation(known)[:config.cells_per_image]
        features.append(found.reshape(-1, found.shape[-1])[chosen])
        labels.append(truth.ravel()[chosen])
        progress(i + 1)
    if not sum(map(len, labels)):
        raise FeatureError(f'{images.title}: {len(labels)} images without one labelled cell')
    return np.concatenate(features), np.concatenate(labels)


def at_centres(truth: Ids, grid: tuple[int, ...]) -> Ids:
    """Look up ground truth (H, W) at the centres of the cells of a grid (h, w)."""
    rows, columns = (((np.arange(n) + 0.5) * side / n).astype(int)
                     for n, side in zip(grid, truth.shape))
    return np.asarray(truth[np.ix_(rows, columns)])


def _upsampled(shares: Floats, features: Floats, truth: Ids) -> Ids:
    """Enlarge (h * w, C) to the size of the ground truth; the class that is largest there."""
    height, width = truth.shape
    grid = np.ascontiguousarray(shares.reshape(*features.shape[:2], -1))
    large = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large.argmax(axis=2), np.uint8)


def _protocol(train: LabelledImages, test: LabelledImages, labels: Ids,
              seen: set[tuple[int, ...]], config: ProbeConfig) -> dict[str, str]:
    names = [c.name for c in train.classes]
    grids = ', '.join(f'{w}x{h} cells of {d} channels' for h, w, d in sorted(seen)[:3])
    missing = [n for i, n in enumerate(names) if i not in labels]
    return {
        'trained on': f'{train.title}; {len(labels):,} cells: up to {config.cells_per_image} '
                      f'labelled ones drawn from each of {len(train)} images, seed '
                      f'{config.seed}; the class of a cell is that at its centre',
        'tested on': f'{test.title}; {len(test)} images, every labelled pixel at full size',
        'features': f'{grids}; the shares of the classes are enlarged bilinearly',
        'classes': f'{train.label_set}; the mean is over those that occur in the test; '
                   f'without training label: {", ".join(missing) or "none"}',
    }


def _percent(share: float) -> float | None:
    return round(100 * float(share), 2) if np.isfinite(share) else None
