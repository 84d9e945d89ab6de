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

"""Scoring a model on a simulated drive, whose every pixel is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.reader import Bag, open_bag
from dseg_ros.classes import CITYSCAPES_19
from dseg_ros.config.sim import MASK_TOPIC
from dseg_ros.evaluation.metrics import confusion
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray

Predict = Callable[[NDArray[np.uint8]], LabelMap]


class EvaluationError(ValueError):
    """A drive that cannot be scored; the message names it."""


def score_drive(bag: Path, predict: Predict, clusters: int, every: int,
                progress: Callable[[int, int], None]) -> NDArray[np.int64]:
    """
    Compare a model's masks with the ground truth of a simulated drive, at the image's size.

    :param bag: rosbag2 with images of one camera and /sim/mask at their stamps.
    :param predict: the model.
    :param clusters: K, how many classes the model tells apart.
    :param every: take every n-th image.
    :param progress: called with images done and in all.
    :returns: (K + 1, 19) counts, as metrics.confusion.
    :raises EvaluationError: if the drive holds no ground truth or no image that belongs to it.
    """
    counts = np.zeros((clusters + 1, len(CITYSCAPES_19)), np.int64)
    scored = 0
    with open_bag(bag) as recorded:
        if MASK_TOPIC not in recorded.topics:
            raise EvaluationError(f'{bag}: has no {MASK_TOPIC}: no simulated drive')
        total = -(-recorded.topics[MASK_TOPIC].count // every)
        for rgb, truth in islice(_pairs(recorded), 0, None, every):
            counts += confusion(predict(rgb).ids, truth, clusters, counts.shape[1])
            scored += 1
            progress(scored, total)
    if not scored:
        raise EvaluationError(f'{bag}: no image has a mask of the same stamp')
    return counts


def _pairs(bag: Bag) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Read images (H, W, 3) with the masks (H, W) of their stamps, whichever comes first."""
    images = [topic for topic, info in bag.topics.items() if topic != MASK_TOPIC
              and info.type.endswith(('/Image', '/CompressedImage'))]
    waiting: dict[int, tuple[str, NDArray[np.uint8]]] = {}
    for record in bag.messages([*images, MASK_TOPIC]):
        picture = image_from_message(record.message)
        topic, other = waiting.pop(picture.stamp_ns, ('', picture.rgb))
        if not topic:
            waiting[picture.stamp_ns] = (record.topic, picture.rgb)
        elif record.topic == MASK_TOPIC:
            yield other, picture.rgb[..., 0]
        elif topic == MASK_TOPIC:
            yield picture.rgb, other[..., 0]
