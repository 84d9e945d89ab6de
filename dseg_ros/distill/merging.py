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

"""The step teacher -> merged classes: CLASSES/merge.json says which classes became one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any

from dseg_ros.config.schema import as_mapping
from dseg_ros.config.student import MergeConfig
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.clustering import load_classes
from dseg_ros.distill.prediction import Predictor, training_of
from dseg_ros.distill.training_data import data_hash, load_images, TrainingDataError
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import write_atomically
from dseg_ros.pseudo.merging import merge, merged_names
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray

MERGE = 'merge.json'

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Merged:
    """
    What became of the pseudo-classes.

    :param new_ids: (K,) uint8 new id of each class.
    :param names: (M) names of the new classes.
    :param grounds: the first so many of the new classes are ground.
    """

    new_ids: NDArray[np.uint8]
    names: tuple[str, ...]
    grounds: int

    def labels(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Translate labels; UNLABELLED stays so."""
        table = np.full(256, UNLABELLED, np.uint8)
        table[:len(self.new_ids)] = self.new_ids
        return np.asarray(table[mask])

    def probabilities(self, of_old: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add up, over what became one class: (H, W, K) float32 becomes (H, W, M)."""
        into = np.eye(len(self.names), dtype=np.float32)[self.new_ids]
        return np.asarray(of_old @ into)


def merge_classes(data: Path, classes: Path, teacher: Path, config: MergeConfig,
                  progress: Progress, accelerator: str = 'auto') -> Merged:
    """
    Decide which pseudo-classes become one, or read what was decided before.

    :param data: the data set.
    :param classes: folder that `cluster` wrote for it; merge.json goes there.
    :param teacher: directory of the finished teacher.
    :param config: how many are to be left; 0 leaves all and writes nothing.
    :param progress: called with steps done and in all: every sample is visited twice.
    :param accelerator: where the teacher looks at images.
    :raises ClusterError: if that many cannot be left.
    :raises TrainingDataError: if the teacher learned other pseudo-classes.
    """
    made_of = checkpoint.load(teacher / checkpoint.FINISHED)[1]
    if made_of.data_sha256 != data_hash(classes):
        raise TrainingDataError(f'{teacher}: learned other pseudo-classes than {classes}')
    found = load_classes(classes)[0]
    names, grounds = found.names, len(found.ground.centroids)
    if not config.classes:
        return merged(np.arange(len(names), dtype=np.uint8), names, grounds)
    identity = {'config': as_mapping(config), 'data_sha256': data_hash(classes),
                'teacher_sha256': weights_sha256(teacher)}
    path = classes / MERGE
    before = _decided(path)
    if before.get('made_of') == identity:
        return merged(np.asarray(before['new_ids'], np.uint8), names, grounds)
    confusion = teacher_confusion(data, classes, teacher, progress, accelerator)
    new_ids = merge(found, confusion, config.classes, config.confusion)
    result = merged(new_ids, names, grounds)
    share = confusion / np.maximum(confusion.sum(1, keepdims=True), 1e-9)
    write_atomically(path, json.dumps({
        'made_of': identity, 'names': result.names, 'new_ids': new_ids.tolist(),
        'mean_prediction': share.round(4).tolist()}, indent=1))
    return result


def teacher_confusion(data: Path, classes: Path, teacher: Path,
                      progress: Progress, accelerator: str = 'auto') -> NDArray[np.float64]:
    """
    Sum what a teacher says over the pixels of each class.

    :returns: (K, K), row = label, column = prediction; the labels are the pseudo-classes.
    """
    training = training_of(checkpoint.load(teacher / checkpoint.FINISHED)[1])
    predict = Predictor(teacher, accelerator)
    count = len(predict.made_of.class_names)
    total = np.zeros((count, count))
    samples = len(Dataset(data))
    drives = load_images(data, classes, training, lambda done, _: progress(done, 2 * samples))
    count_of_images = sum(len(drive) for drive in drives)
    for i, image in enumerate(drives.images(), 1):
        progress(samples + i * samples // count_of_images, 2 * samples)
        probability = predict(image.rgb)
        for k in np.unique(image.labels[image.labels != UNLABELLED]):
            total[k] += probability[image.labels == k].sum(0, np.float64)
    return total


def _decided(path: Path) -> dict[str, Any]:
    """Read an earlier merge; a file that is none is written anew."""
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def weights_sha256(run: Path) -> str:
    """Hash the weights of a finished run; its file may differ between equal runs."""
    total = hashlib.sha256()
    for name, tensor in sorted(checkpoint.load(run / checkpoint.FINISHED)[0].items()):
        total.update(name.encode() + tensor.numpy().tobytes())
    return total.hexdigest()


def merged(new_ids: NDArray[np.uint8], names: tuple[str, ...], grounds: int) -> Merged:
    """
    Describe a merge.

    :param new_ids: (K,) new id of each class.
    :param names: (K) names of the classes.
    :param grounds: the first so many of them are ground.
    """
    return Merged(new_ids, merged_names(names, new_ids), int(new_ids[:grounds].max()) + 1)
