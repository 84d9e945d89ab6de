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

"""From a data set and its pseudo-classes to images with partial labels, kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
import hashlib
import json
import math
from pathlib import Path

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.masks import MaskConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.sample import Sample
from dseg_ros.dataset.shard import Packed
from dseg_ros.dataset.store import Dataset, Encoded
from dseg_ros.dataset.workers import Start, start_workers
from dseg_ros.distill.clustering import (
    ASSIGNMENT, assignments, CLASSES, fingerprint, load_classes)
from dseg_ros.distill.store_building import build_store, image_key
from dseg_ros.distill.training_image import TrainingImage
from dseg_ros.distill.training_store import pack_image, StoredImages, TrainingDataError
from dseg_ros.pseudo.partial_labels import carry, complete, image_of
from dseg_ros.pseudo.pseudo_classes import PseudoClasses
from dseg_ros.types import Camera, UNLABELLED, View
import numpy as np
from numpy.typing import NDArray


__all__ = ['data_hash', 'label_samples', 'LabelJob', 'load_images', 'pack_labelled',
           'partial_labels', 'stored_scale', 'TrainingDataError']

FOLDER = 'images'

Progress = Callable[[int, int], None]


def load_images(data: Path, classes: Path, config: TrainingConfig, progress: Progress,
                workers: WorkersConfig = WorkersConfig(workers=1)) -> StoredImages:
    """
    Give all images with their partial labels, reduced in size, to be read one at a time.

    They are made once, into CLASSES/images/HASH/.

    :param data: the data set.
    :param classes: folder that `cluster` wrote for this data set.
    :param config: sizes.
    :param progress: called with samples done and in all.
    :param workers: who makes them; the result is the same.
    :returns: per drive, its images that have any label.
    :raises TrainingDataError: if they do not belong together, nothing is labelled or a file that
        was made earlier is damaged.
    """
    found, recipe, data_sha256 = load_classes(classes)
    if data_sha256 != fingerprint(data):
        raise TrainingDataError(f'{classes}: pseudo-classes of another data set than {data}; '
                                'cluster it again')
    sizes = (config.network_pixels, config.stored_magnification)
    identity = hashlib.sha256(json.dumps([data_hash(classes), sizes]).encode()).hexdigest()
    keys = Dataset(data).keys()
    result = build_store(classes / FOLDER / identity[:12], identity, keys, partial(
        label_samples, data, classes, partial(_Labeller, found, recipe, config), workers),
        progress)
    if not len(result):
        raise TrainingDataError(f'{data}: not one pixel of {len(keys)} samples is labelled')
    return result


@dataclass(frozen=True, eq=False)
class LabelJob:
    """
    A sample whose images are to be labelled.

    :param sample: the sample.
    :param labels: (N,) uint8 class per point.
    """

    sample: Encoded
    labels: NDArray[np.uint8]

    @property
    def key(self) -> str:
        """Name of the sample."""
        return self.sample.key


def label_samples(data: Path, classes: Path, start: Start[LabelJob, tuple[Packed, ...]],
                  workers: WorkersConfig, keys: Sequence[str]) -> Iterator[tuple[Packed, ...]]:
    """
    Have the images of samples labelled.

    :param data: the data set.
    :param classes: folder that `cluster` wrote for it.
    :param start: what a worker begins with.
    :param workers: who works.
    :param keys: the samples.
    :returns: in their order, the images that have any label.
    """
    dataset, wanted = Dataset(data), set(keys)
    jobs = (LabelJob(dataset.encoded(key), labels) for key, labels in assignments(classes)
            if key in wanted)
    with start_workers(workers, start) as pool:
        yield from pool.map(jobs)


def data_hash(classes: Path) -> str:
    """Hash what a training learns from: the assignment stands for the data set, too."""
    _, recipe, data_sha256 = load_classes(classes)
    of_images = (as_mapping(recipe.sky_rule), recipe.grow, as_mapping(MaskConfig()))
    total = hashlib.sha256((data_sha256 + json.dumps(of_images)).encode())
    for name in (CLASSES, ASSIGNMENT):
        total.update((classes / name).read_bytes())
    return total.hexdigest()


def stored_scale(camera: Camera, config: TrainingConfig) -> float:
    """Return the size at which training keeps a camera's images, relative to the original."""
    area = camera.width * camera.height
    return min(1.0, config.stored_magnification * math.sqrt(config.network_pixels / area))


class _Labeller:
    """What one worker does: partial labels, from the classes of points."""

    def __init__(self, classes: PseudoClasses, recipe: ClusterConfig,
                 config: TrainingConfig) -> None:
        self._classes, self._recipe, self._config = classes, recipe, config

    def __call__(self, job: LabelJob) -> tuple[Packed, ...]:
        """Label the images of a sample; returns those that have any label."""
        sample = job.sample.decoded()
        return pack_labelled(job.key, (
            partial_labels(sample, view, job.labels, stored_scale(view.camera, self._config),
                           self._classes, self._recipe) for view in sample.frame().views))


def pack_labelled(sample: str, images: Iterable[TrainingImage]) -> tuple[Packed, ...]:
    """Lay out the images of a sample that have any label, as pieces of a shard."""
    return tuple(pack_image(image_key(sample, i), image) for i, image in enumerate(images)
                 if (image.labels != UNLABELLED).any())


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
