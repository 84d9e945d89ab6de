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
How good masks are where every pixel is known: purity and coverage, with each step on and off.

Two things are measured. Proposals: a pixel of a proposal is right if it shows what most of the
proposal's pixels show, a pixel of the ground if it shows ground. Partial labels: every point
carries its true class into the image, so that whatever is wrong there was made wrong by
projection, fill, sky or growth, not by the classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from dseg_ros.classes import CITYSCAPES_19, TRAIN_ID
from dseg_ros.config.mask_quality import MaskQualityConfig
from dseg_ros.config.masks import MaskConfig
from dseg_ros.evaluation.metrics import confusion, score
from dseg_ros.evaluation.proposal_quality import GROUND_CLASSES
from dseg_ros.pseudo.masks import proposal_mask
from dseg_ros.pseudo.partial_labels import carry, complete
from dseg_ros.types import Cloud, Proposals, UNLABELLED, View
import numpy as np
from numpy.typing import NDArray

CLASSES = len(CITYSCAPES_19)
SKY = TRAIN_ID['sky']
SMALL_CLASSES = tuple(TRAIN_ID[name] for name in (
    'pole', 'traffic light', 'traffic sign', 'person', 'rider', 'motorcycle', 'bicycle'))
"""Classes of which a point or two too many make most of a mask."""

_GROUND_FIRST = np.array([*GROUND_CLASSES, *(k for k in range(CLASSES)
                                             if k not in GROUND_CLASSES)], np.uint8)


@dataclass(frozen=True)
class Tally:
    """
    Counted pixels.

    :param right: labelled as what they show.
    :param labelled: labelled at all.
    :param wanted: that should be labelled.
    """

    right: int = 0
    labelled: int = 0
    wanted: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Count on."""
        return Tally(self.right + other.right, self.labelled + other.labelled,
                     self.wanted + other.wanted)

    @property
    def purity(self) -> float:
        """Share of the labelled pixels that are right; NaN without any."""
        return self.right / self.labelled if self.labelled else float('nan')

    @property
    def coverage(self) -> float:
        """Labelled pixels as a share of those wanted; NaN where none is."""
        return self.labelled / self.wanted if self.wanted else float('nan')

    @property
    def recall(self) -> float:
        """Share of those wanted that are labelled right; NaN where none is."""
        return self.right / self.wanted if self.wanted else float('nan')


@dataclass(frozen=True, eq=False)
class Shot:
    """
    A camera's part of a sample with its truth.

    :param cloud: the sweep, every point with its true class (Cloud.label).
    :param proposals: what was found in it.
    :param view: the camera.
    :param truth: (H, W) uint8 true classes (trainIds) of the image's pixels.
    :raises ValueError: for a cloud without labels or a truth of another size.
    """

    cloud: Cloud
    proposals: Proposals
    view: View
    truth: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Reject parts that do not belong together."""
        size = (self.view.camera.height, self.view.camera.width)
        if self.truth.shape != size:
            raise ValueError(f'truth of {self.truth.shape} pixels for an image of {size}')
        if self.cloud.label is None:
            raise ValueError(f'cloud {self.cloud.frame!r} at {self.cloud.stamp_ns} ns: its points '
                             'carry no true classes')


@dataclass(frozen=True)
class Variant:
    """One way to make masks: its name, the options of the fill, whether sky and growth are on."""

    name: str
    masks: MaskConfig
    sky: bool = True
    grow: bool = True


@dataclass(frozen=True, eq=False)
class Row:
    """
    What came of a variant.

    :param variant: how masks were made.
    :param proposals: pixels of proposals and of the ground; wanted is all but the sky.
    :param counts: (20, 19) pixels by label and truth, see metrics.confusion.
    """

    variant: Variant
    proposals: Tally
    counts: NDArray[np.int64]

    @property
    def labels(self) -> Tally:
        """Pixels of the partial labels; wanted is every one."""
        return self._tally(range(CLASSES), int(self.counts.sum()))

    @property
    def small(self) -> Tally:
        """Pixels of small things; wanted are those that truly are."""
        return self._tally(SMALL_CLASSES, int(self.counts[:, SMALL_CLASSES].sum()))

    @property
    def miou(self) -> float:
        """Mean IoU of the labels with the truth; unlabelled pixels are missed ones."""
        return score(self.counts, np.arange(CLASSES)).miou

    def _tally(self, classes: Sequence[int], wanted: int) -> Tally:
        own = np.asarray(classes)
        return Tally(int(self.counts[own, own].sum()), int(self.counts[own].sum()), wanted)


def variants(masks: MaskConfig) -> tuple[Variant, ...]:
    """Change one thing at a time."""
    return (
        Variant('as configured', masks),
        Variant(f'hull {_switch(not masks.hull)}', replace(masks, hull=not masks.hull)),
        Variant(f'drop_hidden {_switch(not masks.drop_hidden)}',
                replace(masks, drop_hidden=not masks.drop_hidden)),
        *(Variant(f'{name} x {factor:g}', _scaled(masks, name, factor))
          for name in ('fill_m', 'least_deg', 'most_deg') for factor in (0.5, 2.0)),
        Variant('no growth', masks, grow=False),
        Variant('no sky, no growth', masks, sky=False, grow=False))


def _switch(on: bool) -> str:
    return 'on' if on else 'off'


def _scaled(masks: MaskConfig, name: str, factor: float) -> MaskConfig:
    """Change a radius; the limits keep their order."""
    fill_m, least, most = (getattr(masks, other) * (factor if other == name else 1.0)
                           for other in ('fill_m', 'least_deg', 'most_deg'))
    if name == 'most_deg':
        least = min(least, most)
    return replace(masks, fill_m=fill_m, least_deg=least, most_deg=max(least, most))


def measure(shots: Iterable[Shot], config: MaskQualityConfig,
            wanted: Sequence[Variant] | None = None) -> list[Row]:
    """
    Measure variants of masks on the same shots.

    :param shots: what is known.
    :param config: what is varied.
    :param wanted: the variants; those of `variants` if not given.
    :returns: a row per variant.
    """
    chosen = variants(config.masks) if wanted is None else tuple(wanted)
    tallies = [Tally()] * len(chosen)
    counts = [np.zeros((CLASSES + 1, CLASSES), np.int64) for _ in chosen]
    for shot in shots:
        for i, variant in enumerate(chosen):
            tallies[i] += proposal_tally(proposal_mask(
                shot.proposals, shot.cloud, shot.view, replace(variant.masks, scale=1.0)),
                shot.truth)
            labels = true_labels(shot, variant, config)
            counts[i] += confusion(labels, shot.truth, CLASSES, CLASSES)
    return [Row(*row) for row in zip(chosen, tallies, counts)]


def proposal_tally(mask: NDArray[np.int32], truth: NDArray[np.uint8]) -> Tally:
    """
    Count the pixels of proposals that show what most pixels of theirs show.

    :param mask: (H, W) int32 as proposal_mask gives it.
    :param truth: (H, W) uint8 trainIds.
    :returns: ground pixels are right where they show ground; wanted are all but the sky.
    """
    known = truth != UNLABELLED
    ids, shown = mask[known], truth[known].astype(np.int64)
    of_object, ground = ids > 0, ids == Proposals.GROUND
    width = CLASSES
    table = np.bincount(ids[of_object].astype(np.int64) * width + shown[of_object],
                        minlength=width)
    rows = np.pad(table, (0, -len(table) % width)).reshape(-1, width)
    right = int(rows.max(1).sum()) + int(np.isin(shown[ground], GROUND_CLASSES).sum())
    return Tally(right, int(of_object.sum() + ground.sum()), int((shown != SKY).sum()))


def true_labels(shot: Shot, variant: Variant, config: MaskQualityConfig) -> NDArray[np.uint8]:
    """Carry the true classes of points into the image, as pseudo-classes would be: (H, W)."""
    assert shot.cloud.label is not None
    renamed = np.full(256, UNLABELLED, np.uint8)
    renamed[_GROUND_FIRST] = np.arange(CLASSES)
    mask = carry(renamed[shot.cloud.label], shot.cloud, shot.proposals, shot.view,
                 masks=variant.masks)
    mask = complete(mask, shot.cloud, shot.view, int(renamed[SKY]) if variant.sky else None,
                    config.sky_rule, len(GROUND_CLASSES) if variant.grow else None)
    back = np.full(256, UNLABELLED, np.uint8)
    back[:CLASSES] = _GROUND_FIRST
    return np.asarray(back[mask])


def table(rows: Iterable[Row]) -> Iterator[dict[str, str | float]]:
    """Give the figures of rows by column, shares as percentages rounded to 0.01."""
    for row in rows:
        shares = {
            'proposals purity': row.proposals.purity, 'proposals coverage': row.proposals.coverage,
            'labels purity': row.labels.purity, 'labels coverage': row.labels.coverage,
            'small purity': row.small.purity, 'small recall': row.small.recall,
            'labels mIoU': row.miou}
        yield {'variant': row.variant.name,
               **{name: round(100 * value, 2) for name, value in shares.items()}}
