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
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
import hashlib
import json
from pathlib import Path

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.masks import MaskConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.config.student import RefineConfig
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.sample import Sample
from dseg_ros.dataset.shard import Packed
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.clustering import fingerprint, load_classes
from dseg_ros.distill.merging import Merged, weights_sha256
from dseg_ros.distill.prediction import Predictor
from dseg_ros.distill.store_building import build_store
from dseg_ros.distill.training_data import (
    data_hash, label_samples, LabelJob, pack_labelled, partial_labels, stored_scale,
    TrainingDataError)
from dseg_ros.distill.training_image import TrainingImage
from dseg_ros.distill.training_store import StoredImages
from dseg_ros.pseudo.dense_labels import dense_labels
from dseg_ros.pseudo.masks import proposal_mask
from dseg_ros.pseudo.pseudo_classes import PseudoClasses
from dseg_ros.types import Proposals, View
import numpy as np
from numpy.typing import NDArray
import torch

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


def dense_images(sources: Sources, out: Path, progress: Progress,
                 workers: WorkersConfig = WorkersConfig(workers=1)) -> StoredImages:
    """
    Label all images densely, or what is missing of it, and give them to be read one at a time.

    :param sources: what the labels are made of.
    :param out: directory of the run; images and labels go into dense/HASH/.
    :param progress: called with samples done and in all.
    :param workers: who labels; the result is the same.
    :returns: per drive, its images that have any label.
    :raises TrainingDataError: if data set and classes do not belong together, no label is left or
        a file that was made earlier is damaged.
    """
    classes, recipe, data_sha256 = load_classes(sources.classes)
    if data_sha256 != fingerprint(sources.data):
        raise TrainingDataError(f'{sources.classes}: pseudo-classes of another data set than '
                                f'{sources.data}; cluster it again')
    identity = sources.sha256()
    keys = Dataset(sources.data).keys()
    result = build_store(dense_folder(out, identity), identity, keys, partial(
        label_samples, sources.data, sources.classes, partial(_Refiner, sources, classes, recipe),
        workers), progress)
    if not len(result):
        raise TrainingDataError(f'{sources.teacher}: not one pixel of {len(keys)} samples is '
                                'labelled by it')
    return result


def dense_folder(out: Path, sources_sha256: str) -> Path:
    """Tell where a run keeps its dense labels."""
    return out / FOLDER / sources_sha256[:12]


class _Refiner:
    """What one worker does: dense labels, from a network's predictions and the LiDAR."""

    def __init__(self, sources: Sources, classes: PseudoClasses, recipe: ClusterConfig) -> None:
        self._sources, self._classes, self._recipe = sources, classes, recipe
        self._predict = Predictor(sources.teacher, sources.training.execution.accelerator)

    def __call__(self, job: LabelJob) -> tuple[Packed, ...]:
        """Label the images of a sample; returns those that have any label."""
        sample = job.sample.decoded()
        with _one_thread():
            return pack_labelled(job.key, (
                self._label(sample, job.labels, view) for view in sample.frame().views))

    def _label(self, sample: Sample, labels: NDArray[np.uint8], view: View) -> TrainingImage:
        merged, refine = self._sources.merged, self._sources.refine
        scale = stored_scale(view.camera, self._sources.training)
        image = partial_labels(sample, view, labels, scale, self._classes, self._recipe)
        probability = self._predict(image.rgb, refine.scales, refine.flip)
        if probability.shape[2] != len(merged.names):       # a teacher of what was merged later
            probability = merged.probabilities(probability)
        return replace(image, labels=dense_labels(
            image.rgb, probability, merged.labels(image.labels),
            _whole_things(sample, view, scale, refine.proposal_length_m), merged.grounds,
            refine))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: results must not depend on how many workers share the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _whole_things(sample: Sample, view: View, scale: float,
                  most_m: float) -> NDArray[np.int32]:
    """Show the proposals that hold one thing: ground (0), short ones (1..); else -1."""
    mask = proposal_mask(sample.proposals, sample.cloud, view, MaskConfig(scale=scale))
    long_ones = np.flatnonzero(sample.proposals.box_size_m[:, 0] > most_m) + 1
    mask[np.isin(mask, long_ones)] = Proposals.NOISE
    return mask
