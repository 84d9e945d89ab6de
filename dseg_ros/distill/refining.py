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

"""The step predictions -> dense labels of a whole data set, kept on disk beside the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import hashlib
import json
import os
from pathlib import Path

import cv2
from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.masks import MaskConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.config.student import RefineConfig
from dseg_ros.dataset.sample import Sample
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.augment import TrainingImage
from dseg_ros.distill.clustering import assignments, fingerprint, load_classes
from dseg_ros.distill.merging import Merged, weights_sha256
from dseg_ros.distill.prediction import Predictor
from dseg_ros.distill.training_data import (
    data_hash, partial_labels, stored_scale, TrainingDataError)
from dseg_ros.geometry import scaled
from dseg_ros.pseudo.dense_labels import dense_labels
from dseg_ros.pseudo.masks import proposal_mask
from dseg_ros.pseudo.pseudo_classes import PseudoClasses
from dseg_ros.types import Proposals, UNLABELLED, View
import numpy as np
from numpy.typing import NDArray

FOLDER = 'dense'

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Sources:
    """
    What dense labels are made of.

    :param data: the data set.
    :param classes: folder that `cluster` wrote for it.
    :param teacher: directory of the finished run that predicts.
    :param merged: what became of the pseudo-classes.
    :param refine: the recipe.
    :param training: sizes of the images.
    """

    data: Path
    classes: Path
    teacher: Path
    merged: Merged
    refine: RefineConfig
    training: TrainingConfig

    def sha256(self) -> str:
        """Hash all that the labels depend on."""
        sizes = (self.training.network_pixels, self.training.stored_magnification)
        parts = [as_mapping(self.refine), self.merged.new_ids.tolist(), data_hash(self.classes),
                 weights_sha256(self.teacher), sizes]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def dense_images(sources: Sources, out: Path, progress: Progress) -> list[list[TrainingImage]]:
    """
    Label all images densely, or read what was labelled before a kill.

    :param sources: what the labels are made of.
    :param out: directory of the run; the labels go into dense/ as PNG files.
    :param progress: called with samples done and in all.
    :returns: per drive, its images that have any label.
    :raises TrainingDataError: if data set and classes do not belong together or no label is left.
    """
    classes, recipe, data_sha256 = load_classes(sources.classes)
    if data_sha256 != fingerprint(sources.data):
        raise TrainingDataError(f'{sources.classes}: pseudo-classes of another data set than '
                                f'{sources.data}; cluster it again')
    folder = out / FOLDER / sources.sha256()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    refiner = _Refiner(sources, classes, recipe, folder)
    dataset = Dataset(sources.data)
    drives: dict[str, list[TrainingImage]] = {}
    for i, (key, labels) in enumerate(assignments(sources.classes)):
        progress(i, len(dataset))
        sample = dataset[key]
        drives.setdefault(sample.source, []).extend(refiner.images(key, sample, labels))
    progress(len(dataset), len(dataset))
    result = [images for images in drives.values() if images]
    if not result:
        raise TrainingDataError(f'{sources.teacher}: not one pixel of {len(dataset)} samples is '
                                'labelled by it')
    return result


class _Refiner:
    """Labels the images of one sample after another."""

    def __init__(self, sources: Sources, classes: PseudoClasses, recipe: ClusterConfig,
                 folder: Path) -> None:
        self._sources, self._classes, self._recipe = sources, classes, recipe
        self._folder = folder
        self._predict = Predictor(sources.teacher, sources.training.execution.accelerator)

    def images(self, key: str, sample: Sample,
               labels: NDArray[np.uint8]) -> Iterator[TrainingImage]:
        """Yield the sample's images that have any label; labels (N,) are those of the points."""
        for view in sample.frame().views:
            scale = stored_scale(view.camera, self._sources.training)
            path = self._folder / f'{key}.{view.name}.png'
            dense = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.exists() else None
            if dense is None:
                dense = self._label(sample, view, labels, scale)
                _write_png(path, dense)
            if (dense != UNLABELLED).any():
                yield TrainingImage(_reduced(view, scale), np.asarray(dense, np.uint8),
                                    sample.source)

    def _label(self, sample: Sample, view: View, labels: NDArray[np.uint8],
               scale: float) -> NDArray[np.uint8]:
        merged, refine = self._sources.merged, self._sources.refine
        partial = partial_labels(sample, view, labels, scale, self._classes, self._recipe)
        probability = self._predict(partial.rgb, refine.scales, refine.flip)
        if probability.shape[2] != len(merged.names):       # a teacher of what was merged later
            probability = merged.probabilities(probability)
        return dense_labels(
            partial.rgb, probability, merged.labels(partial.labels),
            _whole_things(sample, view, scale, refine.proposal_length_m), merged.grounds, refine)


def _reduced(view: View, scale: float) -> NDArray[np.uint8]:
    camera = scaled(view.camera, scale)
    return np.asarray(cv2.resize(view.image.rgb, (camera.width, camera.height),
                                 interpolation=cv2.INTER_AREA), np.uint8)


def _whole_things(sample: Sample, view: View, scale: float,
                  most_m: float) -> NDArray[np.int32]:
    """Show the proposals that hold one thing: ground (0), short ones (1..); else -1."""
    mask = proposal_mask(sample.proposals, sample.cloud, view, MaskConfig(scale=scale))
    long_ones = np.flatnonzero(sample.proposals.box_size_m[:, 0] > most_m) + 1
    mask[np.isin(mask, long_ones)] = Proposals.NOISE
    return mask


def _write_png(path: Path, labels: NDArray[np.uint8]) -> None:
    """Write labels (H, W) as a whole or not at all."""
    part = path.with_suffix('.part')
    part.write_bytes(cv2.imencode('.png', labels)[1].tobytes())
    os.replace(part, path)
