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

"""Images of a data set as every step of a chain sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dseg_ros.dataset.show import choose
from dseg_ros.distill.augment import TrainingImage
from dseg_ros.distill.clustering import assignments
from dseg_ros.distill.prediction import training_of
from dseg_ros.distill.refining import dense_folder
from dseg_ros.distill.store_building import image_key
from dseg_ros.distill.training_data import partial_labels, stored_scale
from dseg_ros.distill.training_store import StoredImages
from dseg_ros.evaluation.chain import Chain, ChainError, Training
from dseg_ros.evaluation.features import Floats, RunDescriber
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.uint8]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Example:
    """
    An image at the size of training, with what the steps made of it.

    :param drive: where it comes from.
    :param camera: its name.
    :param key: of the sample.
    :param rgb: (H, W, 3) uint8.
    :param partial: (H, W) uint8 pseudo-classes that the LiDAR gave, or UNLABELLED.
    :param dense: (H, W) uint8 labels that the student learned from, if there is a student.
    :param predicted: (H, W) uint8 per training, by its name.
    :param features: (h, w, D) of the last training's network.
    """

    drive: str
    camera: str
    key: str
    rgb: NDArray[np.uint8]
    partial: Ids
    dense: Ids | None
    predicted: Mapping[str, Ids]
    features: Floats


def examples(chain: Chain, per_drive: int, progress: Progress) -> list[Example]:
    """
    Show what became of some images of every drive and camera.

    :param chain: the run.
    :param per_drive: samples of each drive, spread evenly; all their cameras are shown.
    :param progress: called with samples done and in all.
    :returns: by drive, camera and time.
    :raises ChainError: if the data set holds no image.
    """
    keys = [key for source in chain.data.sources
            for key in choose(chain.data, per_drive, source)]
    labels = {key: values for key, values in assignments(chain.classes) if key in set(keys)}
    networks = {t.name: RunDescriber(t.folder) for t in chain.trainings}
    student = chain.training('student')
    dense = dense_labels_of(student) if student else None
    result: list[Example] = []
    for i, key in enumerate(keys):
        progress(i, len(keys))
        result.extend(_of_sample(chain, key, labels[key], networks, dense))
    progress(len(keys), len(keys))
    if not result:
        raise ChainError(f'{chain.data.path}: {len(keys)} samples without an image')
    return sorted(result, key=lambda e: (e.drive, e.camera, e.key))


def _of_sample(chain: Chain, key: str, labels: Ids,
               networks: Mapping[str, RunDescriber],
               dense: StoredImages | None) -> Iterator[Example]:
    sample = chain.data[key]
    training = training_of(chain.trainings[0].made_of)
    for i, view in enumerate(sample.frame().views):
        scale = stored_scale(view.camera, training)
        image: TrainingImage = partial_labels(sample, view, labels, scale, chain.found,
                                              chain.recipe)
        predicted = {}
        features: Floats = np.zeros((0, 0, 0), np.float32)
        for name, network in networks.items():           # the features of the last one stay
            features, probability = network.both(image.rgb)
            predicted[name] = probability.argmax(axis=2).astype(np.uint8)
        found = dense.named(image_key(key, i)) if dense else None
        yield Example(sample.source, view.name, key, image.rgb, image.labels,
                      found.labels if found else None, predicted, features)


def dense_labels_of(student: Training) -> StoredImages | None:
    """Open a student's dense labels, if they are still there."""
    identity = student.made_of.data_sha256
    try:
        return StoredImages(dense_folder(student.folder, identity), identity)
    except FileNotFoundError:
        return None


def dense_shares(student: Training) -> NDArray[np.float64] | None:
    """Share of each class among the densely labelled pixels of the whole data set, (C,)."""
    dense = dense_labels_of(student)
    if dense is None:
        return None
    counts = sum((drive.label_counts for drive in dense), np.zeros(256, np.int64))
    counts[UNLABELLED] = 0
    return np.asarray(counts[:len(student.made_of.class_names)] / max(counts.sum(), 1))
