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

"""The step data set -> descriptions: each sample once, by many workers, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial
import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING
import zipfile

from dseg_ros.config.image_features import GEOMETRY
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.sample import Sample
from dseg_ros.dataset.store import Dataset, Encoded
from dseg_ros.dataset.workers import start_workers
from dseg_ros.distill.files import npz, replace_file
from dseg_ros.pseudo.appearance import average, look
from dseg_ros.pseudo.geometry_features import (
    describe, Elements, GROUND_FEATURES, OBJECT_FEATURES)
from dseg_ros.types import View
import numpy as np

if TYPE_CHECKING:
    from dseg_ros.distill.image_features import ObjectDescriptions

FOLDER = 'features'
_PARTS = ('voxels', 'cells')
_SEEN_VOXEL = [n for n, _ in OBJECT_FEATURES].index('lightness')
_SEEN_CELL = [n for n, _ in GROUND_FEATURES].index('lightness')

Progress = Callable[[int, int], None]


class Descriptions:
    """
    A data set's samples as they are described in all modes of a recipe.

    Those by geometry are kept in OUT/features/HASH/KEY.npz, written one by one: a run that was
    killed goes on where it was. Those by a network are kept beside the data set.

    :param columns: names and groups of the columns of voxels.
    :param seen_voxel: the column that is known of voxels that a camera saw.
    :param seen_cell: the same of ground cells.
    """

    seen_cell = _SEEN_CELL

    def __init__(self, data: Path, data_sha256: str, out: Path, config: ClusterConfig) -> None:
        """
        Prepare.

        :param data: the data set.
        :param data_sha256: its fingerprint.
        :param out: folder of the clustering.
        :param config: its recipe.
        :raises BackboneError: if a mode needs a backbone that cannot be loaded.
        """
        self.dataset = Dataset(data)
        self._config = config
        text = json.dumps([asdict(config.features), data_sha256])
        self.folder = out / FOLDER / hashlib.sha256(text.encode()).hexdigest()[:12]
        self._modes = _modes(data, data_sha256, config)
        self.columns = self._modes.columns if self._modes else OBJECT_FEATURES
        self.seen_voxel = _SEEN_VOXEL if GEOMETRY in config.feature_modes else 0

    def complete(self, workers: WorkersConfig, progress: Progress) -> None:
        """
        Describe what is not described yet: by geometry, then by a network where a mode asks.

        :param workers: who does it; the result is the same.
        :param progress: called with samples done and in all; a network's count again.
        """
        rounds = 2 if self._modes else 1
        count = len(self.dataset.keys())
        self._complete_geometry(workers, lambda done, all_of: progress(done, rounds * all_of))
        if self._modes:
            self._modes.complete(self.dataset, workers, lambda done, all_of: progress(
                count + done, rounds * all_of))

    def _complete_geometry(self, workers: WorkersConfig, progress: Progress) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = self.dataset.keys()
        missing = [key for key in keys if not self._path(key).exists()]
        before = len(keys) - len(missing)
        progress(before, len(keys))
        with start_workers(workers, partial(_Describer, self._config)) as pool:
            made = pool.map(self.dataset.encoded(key) for key in missing)
            for done, (key, packed) in enumerate(made, before + 1):
                replace_file(self._path(key), packed)
                progress(done, len(keys))

    def __getitem__(self, key: str) -> tuple[Elements, Elements]:
        """
        Read the descriptions of a sample; what is missing or damaged is made again.

        :returns: voxels of what is not ground, cells of the ground.
        """
        try:
            voxels, cells = _unpacked(self._path(key).read_bytes())
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            self.folder.mkdir(parents=True, exist_ok=True)
            packed = _Describer(self._config)(self.dataset.encoded(key))[1]
            replace_file(self._path(key), packed)
            voxels, cells = _unpacked(packed)
        return (self._modes.of(self.dataset, key, voxels) if self._modes else voxels), cells

    def _path(self, key: str) -> Path:
        return self.folder / f'{key}.npz'


def _modes(data: Path, data_sha256: str, config: ClusterConfig) -> ObjectDescriptions | None:
    """Load what the modes beside geometry need; geometry alone needs nothing."""
    if config.feature_modes == (GEOMETRY,):
        return None
    from dseg_ros.distill.image_features import ObjectDescriptions
    return ObjectDescriptions(data, data_sha256, config)


class _Describer:
    """What one worker does."""

    def __init__(self, config: ClusterConfig) -> None:
        self._config = config

    def __call__(self, job: Encoded) -> tuple[str, bytes]:
        """Describe a sample; returns its key and the npz file."""
        sample = job.decoded()
        parts = describe_sample(sample, sample.frame().views, self._config)
        return sample.key, npz({f'{part}/{name}': value for part, elements in zip(_PARTS, parts)
                                for name, value in vars(elements).items()})


def describe_sample(sample: Sample, views: tuple[View, ...],
                    config: ClusterConfig) -> tuple[Elements, Elements]:
    """Describe a sample's points by what the LiDAR and its cameras saw."""
    looks = [look(sample.cloud, view) for view in views]
    return describe(sample.cloud, sample.proposals, average(looks, len(sample.cloud)),
                    config.features)


def _unpacked(packed: bytes) -> tuple[Elements, Elements]:
    with np.load(io.BytesIO(packed)) as f:
        voxels, cells = (Elements(*(f[f'{part}/{x.name}'] for x in fields(Elements)))
                         for part in _PARTS)
    return voxels, cells
