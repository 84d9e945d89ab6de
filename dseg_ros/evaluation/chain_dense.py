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

"""The dense labels that a student learned from, by sample and camera."""

from __future__ import annotations

from pathlib import Path

import cv2
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.dataset.shard import Entry, read_entry, scan, split_members, SUFFIX
from dseg_ros.distill.refining import dense_store
from dseg_ros.distill.store_building import image_key
from dseg_ros.distill.training_store import LABELS, StoredImages
from dseg_ros.evaluation.chain import Training
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray


class DenseLabels:
    """
    What a training left of its dense labels; none if they were deleted.

    :param training: a finished student.
    :param recipe: how its pseudo-classes were found.
    :raises TrainingDataError: if they are damaged.
    """

    def __init__(self, training: Training, recipe: ClusterConfig) -> None:
        """Find the images; none is read yet."""
        folder, identity = dense_store(training.folder, training.made_of.data_sha256, recipe)
        self._places: dict[str, tuple[Path, Entry]] = {}
        self._counts = np.zeros(0, np.int64)
        try:
            drives = StoredImages(folder, identity)
        except FileNotFoundError:
            return
        self._counts = np.sum([drive.label_counts for drive in drives], axis=0)
        self._counts[UNLABELLED] = 0
        for shard in sorted(folder.glob(f'*{SUFFIX}')):
            self._places |= {entry.key: (shard, entry) for entry in scan(shard).entries}

    def shares(self, classes: int) -> NDArray[np.float64] | None:
        """Share of each class among the labelled pixels of the whole data set, (C,)."""
        if not len(self._counts):
            return None
        return np.asarray(self._counts[:classes] / max(self._counts.sum(), 1))

    def of(self, sample: str, view: int) -> NDArray[np.uint8] | None:
        """
        Read the labels of an image.

        :param sample: its key.
        :param view: place of its camera among those of the sample.
        :returns: (H, W) uint8; None if it has none.
        """
        place = self._places.get(image_key(sample, view))
        if place is None:
            return None
        shard, entry = place
        data = split_members(read_entry(shard, entry), entry)[LABELS]
        return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED),
                          np.uint8)
