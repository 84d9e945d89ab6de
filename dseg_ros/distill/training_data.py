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

"""From a data set and its pseudo-classes to images with partial labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import hashlib
import math
from pathlib import Path

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.dataset.sample import Sample
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.augment import TrainingImage
from dseg_ros.distill.clustering import (
    ASSIGNMENT, assignments, CLASSES, fingerprint, load_classes)
from dseg_ros.pseudo.partial_labels import carry, complete, image_of
from dseg_ros.pseudo.pseudo_classes import PseudoClasses
from dseg_ros.types import Camera, UNLABELLED, View
import numpy as np
from numpy.typing import NDArray


class TrainingDataError(ValueError):
    """Pseudo-classes and data set that do not belong together, or no label at all."""


def load_images(data: Path, classes: Path, config: TrainingConfig,
                progress: Callable[[int, int], None]) -> list[list[TrainingImage]]:
    """
    Read all images with their partial labels into memory, reduced in size.

    :param data: the data set.
    :param classes: folder that `cluster` wrote for this data set.
    :param config: sizes.
    :param progress: called with samples done and in all.
    :returns: per drive, its images that have any label.
    :raises TrainingDataError: if they do not belong together or nothing is labelled.
    """
    found, recipe, data_sha256 = load_classes(classes)
    if data_sha256 != fingerprint(data):
        raise TrainingDataError(f'{classes}: pseudo-classes of another data set than {data}; '
                                'cluster it again')
    dataset = Dataset(data)
    drives: dict[str, list[TrainingImage]] = {}
    for i, (key, labels) in enumerate(assignments(classes)):
        progress(i, len(dataset))
        sample = dataset[key]
        drives.setdefault(sample.source, []).extend(
            _labelled(sample, labels, found, recipe, config))
    progress(len(dataset), len(dataset))
    result = [images for images in drives.values() if images]
    if not result:
        raise TrainingDataError(f'{data}: not one pixel of {len(dataset)} samples is labelled')
    return result


def data_hash(classes: Path) -> str:
    """Hash what a training learns from: the assignment stands for the data set, too."""
    total = hashlib.sha256(load_classes(classes)[2].encode())
    for name in (CLASSES, ASSIGNMENT):
        total.update((classes / name).read_bytes())
    return total.hexdigest()


def stored_scale(camera: Camera, config: TrainingConfig) -> float:
    """Return the size at which training keeps a camera's images, relative to the original."""
    area = camera.width * camera.height
    return min(1.0, config.stored_magnification * math.sqrt(config.network_pixels / area))


def _labelled(sample: Sample, labels: NDArray[np.uint8], classes: PseudoClasses,
              recipe: ClusterConfig, config: TrainingConfig) -> Iterator[TrainingImage]:
    for view in sample.frame().views:
        scale = stored_scale(view.camera, config)
        image = partial_labels(sample, view, labels, scale, classes, recipe)
        if (image.labels != UNLABELLED).any():
            yield image


def partial_labels(sample: Sample, view: View, labels: NDArray[np.uint8], scale: float,
                   classes: PseudoClasses, recipe: ClusterConfig) -> TrainingImage:
    """
    Carry the classes of points into an image.

    :param sample: where cloud and image come from.
    :param view: one of its views.
    :param labels: (N,) uint8 class per point.
    :param scale: size of the result relative to the image.
    :param classes: tells the sky's id.
    :param recipe: how sky is told.
    """
    mask = carry(labels, sample.cloud, sample.proposals, view, scale)
    mask = complete(mask, sample.cloud, view, classes.sky_id, recipe.sky_rule,
                    len(classes.ground.centroids) if recipe.grow else None)
    return TrainingImage(image_of(view, scale), mask, sample.source)
