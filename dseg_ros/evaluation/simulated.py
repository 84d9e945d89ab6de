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

"""Simulated drives, whose every pixel is known, as labelled images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.reader import Bag, open_bag
from dseg_ros.classes import CITYSCAPES_19, SemanticClass
from dseg_ros.config.sim import MASK_TOPIC
from dseg_ros.evaluation.labelled import LabelledImage, Predict, size
from dseg_ros.evaluation.metrics import confusion
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray


class EvaluationError(ValueError):
    """A drive that cannot be scored; the message names it."""


class SimulatedDrives:
    """
    The labelled images of simulated drives; iterating reads one after another.

    :param bags: rosbag2 with images of one camera and /sim/mask at their stamps.
    :param every: take every n-th image of each.
    :raises EvaluationError: if a drive holds no ground truth.
    """

    classes: tuple[SemanticClass, ...] = CITYSCAPES_19
    label_set = f'Cityscapes, {len(CITYSCAPES_19)} classes'

    def __init__(self, bags: Sequence[Path], every: int = 1) -> None:
        """Count the masks; no pixel is read yet."""
        if every < 1:
            raise EvaluationError(f'every {every}th image: the number is less than 1')
        self.bags, self.every = tuple(bags), every
        names = [bag.name for bag in bags]
        self.names = [str(b) for b in bags] if len(set(names)) < len(names) else names
        self._count = sum(-(-_masks(bag) // every) for bag in self.bags)

    @property
    def title(self) -> str:
        """Name the drives."""
        taken = '' if self.every == 1 else f', 1 image of {self.every}'
        return f'simulated: {", ".join(self.names)}{taken}'

    def facts(self) -> dict[str, str]:
        """Say what is measured, for the protocol."""
        return {'drives': self.title}

    def __len__(self) -> int:
        """Count the images."""
        return self._count

    def images(self) -> Iterator[LabelledImage]:
        """
        Read images with their ground truth.

        :raises EvaluationError: if no image of a drive has a mask, or one of another size or
            with unknown ids.
        """
        for bag, name in zip(self.bags, self.names):
            image = None
            with open_bag(bag) as recorded:
                for image in islice(_pairs(recorded, name), 0, None, self.every):
                    yield _checked(image)
            if image is None:
                raise EvaluationError(f'{bag}: no image has a mask of the same stamp')


def score_drive(bag: Path, predict: Predict, clusters: int, every: int,
                progress: Callable[[int, int], None]) -> NDArray[np.int64]:
    """
    Compare a model's masks with the ground truth of a simulated drive, at the image's size.

    :param bag: see SimulatedDrives.
    :param predict: the model.
    :param clusters: K, how many classes the model tells apart.
    :param every: take every n-th image.
    :param progress: called with images done and in all.
    :returns: (K + 1, 19) counts, as metrics.confusion.
    :raises EvaluationError: as SimulatedDrives.
    """
    drive = SimulatedDrives([bag], every)
    counts = np.zeros((clusters + 1, len(drive.classes)), np.int64)
    for i, image in enumerate(drive.images()):
        counts += confusion(predict(image.rgb).ids, image.truth, clusters, counts.shape[1])
        progress(i + 1, len(drive))
    return counts


def _masks(bag: Path) -> int:
    with open_bag(bag) as recorded:
        if MASK_TOPIC not in recorded.topics:
            raise EvaluationError(f'{bag}: has no {MASK_TOPIC}: no simulated drive')
        return int(recorded.topics[MASK_TOPIC].count)


def _checked(image: LabelledImage) -> LabelledImage:
    """Reject ground truth that cannot belong to the image, or means nothing."""
    if image.rgb.shape[:2] != image.truth.shape:
        raise EvaluationError(f'{image.name}: image is {size(image.rgb)} px, its mask '
                              f'{size(image.truth)} px')
    unknown = image.truth[(image.truth != UNLABELLED) & (image.truth >= len(CITYSCAPES_19))]
    if unknown.size:
        raise EvaluationError(f'{image.name}: unknown id {unknown[0]} in {unknown.size} pixels '
                              f'of the mask, known are 0..{len(CITYSCAPES_19) - 1}')
    return image


def _pairs(recorded: Bag, drive: str) -> Iterator[LabelledImage]:
    """Read images with the masks of their stamps, whichever comes first."""
    images = [topic for topic, info in recorded.topics.items() if topic != MASK_TOPIC
              and info.type.endswith(('/Image', '/CompressedImage'))]
    if len(images) > 1:
        raise EvaluationError(f'{drive}: images of several cameras, {", ".join(sorted(images))}; '
                              f'which of them {MASK_TOPIC} belongs to is not told')
    waiting: dict[int, tuple[str, NDArray[np.uint8]]] = {}
    for record in recorded.messages([*images, MASK_TOPIC]):
        picture = image_from_message(record.message)
        topic, other = waiting.pop(picture.stamp_ns, ('', picture.rgb))
        name = f'{drive}, image of {picture.stamp_ns}'
        if not topic:
            waiting[picture.stamp_ns] = (record.topic, picture.rgb)
        elif record.topic == MASK_TOPIC:
            yield LabelledImage(name, other, picture.rgb[..., 0], drive)
        elif topic == MASK_TOPIC:
            yield LabelledImage(name, picture.rgb, other[..., 0], drive)
