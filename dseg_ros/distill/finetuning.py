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

"""Supervised training that starts where a training without labels ended, under a new head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import hashlib
import json
import math
from pathlib import Path

import cv2
from dseg_ros.classes import SemanticClass
from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.distill.augment import class_frequency, Crops, TrainingImage
from dseg_ros.distill.loop import class_weights, train
from dseg_ros.distill.merging import weights_sha256
from dseg_ros.distill.starting import under_new_head
from dseg_ros.models.checkpoint import CONFIG, Provenance, write_atomically
import numpy as np
from numpy.typing import NDArray

FINETUNED = 'finetuned'
"""In a recipe: what it started from, and which share of the labels it saw."""


def finetune(start: Path | None, drives: Sequence[Sequence[TrainingImage]],
             classes: Sequence[SemanticClass], share: float, config: TrainingConfig, out: Path,
             progress: Callable[[int, int], None]) -> Path:
    """
    Train on labelled images, or go on where a killed run stopped.

    :param start: directory of a finished run, whose weights but the head are taken; None for
        random weights.
    :param drives: images with the ids of classes as labels, per drive.
    :param classes: index = class id; the network gets a head for these.
    :param share: of the labels that this is, to be written into the recipe.
    :param config: the recipe; its network must be that of the run.
    :param out: directory of the run; its checkpoint is like any other.
    :param progress: called with steps done and in all.
    :returns: the finished weights.
    :raises CheckpointError: for a start that is not finished, or another run in out.
    :raises NoImagesError: for no image.
    """
    origin = {'start': '' if start is None else weights_sha256(start), 'share': share}
    made_of = Provenance(tuple(c.name for c in classes), tuple(c.rgb for c in classes),
                         {**as_mapping(config), FINETUNED: origin}, _sha256(drives))
    tensors = None if start is None else under_new_head(start, config.model, len(classes),
                                                        config.seed)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / CONFIG, json.dumps(made_of.recipe, indent=1))
    weights = class_weights(class_frequency(drives, len(classes)), config.class_weight_power)
    return train(Crops(drives, config), weights, config, made_of, out, progress, tensors)


def training_image(rgb: NDArray[np.uint8], truth: NDArray[np.uint8], source: str,
                   config: TrainingConfig) -> TrainingImage:
    """
    Reduce a labelled image to the size that training keeps.

    :param rgb: (H, W, 3) uint8.
    :param truth: (H, W) uint8.
    :param source: the drive that it is of.
    """
    height, width = truth.shape
    scale = min(1.0, config.stored_magnification
                * math.sqrt(config.network_pixels / (height * width)))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return TrainingImage(np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)),
                         np.asarray(cv2.resize(truth, size, interpolation=cv2.INTER_NEAREST)),
                         source)


def _sha256(drives: Sequence[Sequence[TrainingImage]]) -> str:
    total = hashlib.sha256()
    for drive in drives:
        for image in drive:
            total.update(image.source.encode() + image.rgb.tobytes() + image.labels.tobytes())
    return total.hexdigest()
