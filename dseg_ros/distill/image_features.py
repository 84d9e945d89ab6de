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

"""
Describe a data set's proposals by a network, once: the results are kept beside the data set.

Many workers may do it, each with the network in its own memory. On a Ray cluster the weights file
has to lie at the same place on every node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
import hashlib
import io
import json
from pathlib import Path
import zipfile

from dseg_ros.config.image_features import CLS_CROP, GEOMETRY, ImageFeaturesConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.workers import RAY, WorkersConfig
from dseg_ros.dataset.sample import DatasetError, Sample
from dseg_ros.dataset.store import Dataset, Encoded
from dseg_ros.dataset.workers import start_workers
from dseg_ros.distill.files import npz, replace_file
from dseg_ros.models.backbones import Backbone, load_backbone
from dseg_ros.pseudo.geometry_features import Elements, NONE, OBJECT_FEATURES
from dseg_ros.pseudo.image_features import (
    masked_crops, normalised, pooled, unit, whole_image)
from dseg_ros.pseudo.masks import proposal_mask
from dseg_ros.types import View
import numpy as np
from numpy.typing import NDArray
import torch

Progress = Callable[[int, int], None]
Floats = NDArray[np.float32]


class ImageDescriber:
    """
    Describes the proposals of samples in one mode, or reads what an earlier run found.

    DATASET.features/MODE-HASH/KEY.npz, written atomically one by one: a run that was killed goes
    on where it was. The hash is of the data, the weights and the options.

    :param data: the data set; nothing is written into it.
    :param data_sha256: its fingerprint.
    :param mode: CLS_CROP or PATCH_POOL.
    :param config: backbone, sizes.
    :raises BackboneError: if the backbone cannot be loaded.
    """

    def __init__(self, data: Path, data_sha256: str, mode: str, config: ImageFeaturesConfig,
                 backbone: Backbone | None = None) -> None:
        """Load the backbone, if none is given."""
        self._mode, self._config = mode, config
        self._backbone = backbone = backbone or load_backbone(config.backbone)
        side = backbone.network.fixed_px or (backbone.network.patch_px,) * 2
        self.width = backbone.describe(np.zeros((1, 3, *side), np.float32))[0].shape[1]
        identity = json.dumps([data_sha256, mode, self._backbone.sha256, self._backbone.name,
                               config.crop_px, config.least_mask_px, config.image_pixels,
                               asdict(config.mask)])
        name = f'{mode}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}'
        self.folder = data.with_name(data.name + '.features') / name

    def path(self, key: str) -> Path:
        """Name the file of a sample."""
        return self.folder / f'{key}.npz'

    def packed(self, sample: Sample) -> bytes:
        """Describe a sample; returns its npz file."""
        ids, features = self.describe(sample, sample.frame().views)
        return npz({'point_ids': sample.proposals.point_ids, 'ids': ids,
                    'features': features.astype(np.float16)})

    def keep(self, key: str, packed: bytes) -> None:
        """Write the file of a sample."""
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(self.path(key), packed)

    def features(self, dataset: Dataset, key: str, voxels: Elements) -> Floats:
        """
        Describe each voxel as its proposal.

        :returns: (E, D) float32, NaN where a voxel is of no described proposal.
        """
        point_ids, ids, found = self._proposals(dataset, key)
        table = np.full((1 + max(0, point_ids.max(initial=0)), found.shape[1]), np.nan,
                        np.float32)
        table[ids] = found
        of_voxel = np.zeros(len(voxels.features), np.int64)
        chosen = voxels.of_point != NONE
        of_voxel[voxels.of_point[chosen]] = np.maximum(point_ids[chosen], 0)
        return np.asarray(table[of_voxel], np.float32)

    def _proposals(self, dataset: Dataset, key: str
                   ) -> tuple[NDArray[np.int32], NDArray[np.int64], Floats]:
        """Give the proposal per point, and proposals with their features."""
        try:
            return _unpacked(self.path(key).read_bytes())
        except (FileNotFoundError, zipfile.BadZipFile, KeyError, ValueError):
            pass                                            # not yet, or damaged: again
        packed = self.packed(dataset[key])
        self.keep(key, packed)
        return _unpacked(packed)

    def describe(self, sample: Sample, views: tuple[View, ...]
                 ) -> tuple[NDArray[np.int64], Floats]:
        """
        Describe the proposals that cameras see.

        :returns: (C,) proposals, rising, and their features (C, D) of length 1; what several
            cameras see is averaged (our choice).
        """
        found = [self._in_view(sample, view) for view in views]
        ids, group = np.unique(np.concatenate([i for i, _ in found] or [np.zeros(0, np.int64)]),
                               return_inverse=True)
        total = np.zeros((len(ids), self.width), np.float32)
        if len(ids):
            np.add.at(total, group, np.concatenate([unit(f) for _, f in found]))
        return ids, unit(total)

    def _in_view(self, sample: Sample, view: View) -> tuple[NDArray[np.int64], Floats]:
        config, backbone = self._config, self._backbone
        image = normalised(view.image.rgb, backbone.mean, backbone.deviation)
        if self._mode != CLS_CROP:
            patch_px, fixed = backbone.network.patch_px, backbone.network.fixed_px
            pixels = whole_image(image, config.image_pixels, patch_px, fixed)
            return pooled(backbone.describe(pixels[None])[1][0], sample.cloud, sample.proposals,
                          view)
        mask = proposal_mask(sample.proposals, sample.cloud, view, replace(config.mask, scale=1.0))
        ids, crops = masked_crops(image, mask, config.crop_px, config.least_mask_px)
        batch = config.backbone.batch
        parts = [backbone.describe(crops[i:i + batch])[0] for i in range(0, len(ids), batch)]
        return ids, np.concatenate(parts) if parts else np.zeros(
            (0, self.width), np.float32)


def _unpacked(packed: bytes) -> tuple[NDArray[np.int32], NDArray[np.int64], Floats]:
    with np.load(io.BytesIO(packed)) as f:
        return f['point_ids'], f['ids'], f['features'].astype(np.float32)


class ObjectDescriptions:
    """
    Puts the descriptions of several modes side by side.

    :param data: the data set; nothing is written into it.
    :param data_sha256: its fingerprint.
    :param config: modes and their options.
    :raises BackboneError: if a backbone is needed and cannot be loaded.
    """

    def __init__(self, data: Path, data_sha256: str, config: ClusterConfig) -> None:
        """Load the backbone once for all modes."""
        self._begin = partial(_worker, data, data_sha256, config)
        self._on_gpu = config.images.backbone.device != 'cpu' and torch.cuda.is_available()
        self._geometry = GEOMETRY in config.feature_modes
        backbone = load_backbone(config.images.backbone)
        self._describers = {mode: ImageDescriber(data, data_sha256, mode, config.images, backbone)
                            for mode in config.feature_modes if mode != GEOMETRY}

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Name and weigh the columns, as OBJECT_FEATURES does."""
        return (*(OBJECT_FEATURES if self._geometry else ()), *(
            (f'{mode}_{i}', mode) for mode, d in self._describers.items()
            for i in range(d.width)))

    def complete(self, dataset: Dataset, workers: WorkersConfig, progress: Progress) -> None:
        """
        Describe in all modes what is not described yet.

        :param dataset: the data set.
        :param workers: who does it; a GPU of this machine is fed by this process alone.
        :param progress: called with samples done and in all.
        :raises DatasetError: if a worker has other weights.
        """
        if self._on_gpu and workers.engine != RAY:
            workers = replace(workers, workers=1)
        alone = workers.engine != RAY and workers.workers == 1
        keys = dataset.keys()
        missing = [key for key in keys
                   if not all(d.path(key).exists() for d in self._describers.values())]
        before = len(keys) - len(missing)
        progress(before, len(keys))
        # the network is loaded here already
        with start_workers(workers, (lambda: self.one) if alone else self._begin) as pool:
            made = pool.map(dataset.encoded(key) for key in missing)
            for done, (key, files) in enumerate(made, before + 1):
                for describer in self._describers.values():
                    if describer.folder.name not in files:
                        raise DatasetError(f'{key}: described with other weights than '
                                           f'{describer.folder.name}')
                    describer.keep(key, files[describer.folder.name])
                progress(done, len(keys))

    def one(self, job: Encoded) -> tuple[str, dict[str, bytes]]:
        """Describe a sample in all modes; returns key, and files by the names of their folders."""
        sample = job.decoded()
        return job.key, {d.folder.name: d.packed(sample) for d in self._describers.values()}

    def of(self, dataset: Dataset, key: str, voxels: Elements) -> Elements:
        """Describe voxels; without geometry those of no described proposal are left out."""
        parts = [voxels.features] if self._geometry else []
        parts += [d.features(dataset, key, voxels) for d in self._describers.values()]
        described = replace(voxels, features=np.concatenate(parts, axis=1))
        return described if self._geometry else described_only(described)


def _worker(data: Path, data_sha256: str, config: ClusterConfig
            ) -> Callable[[Encoded], tuple[str, dict[str, bytes]]]:
    """Begin as one of several workers: a network of its own, in one thread."""
    torch.set_num_threads(1)
    return ObjectDescriptions(data, data_sha256, config).one


def described_only(elements: Elements) -> Elements:
    """Leave out elements of which nothing is known."""
    keep = np.isfinite(elements.features).any(1)
    renamed = np.append(np.where(keep, np.cumsum(keep) - 1, NONE), NONE).astype(np.int32)
    return Elements(renamed[elements.of_point], elements.features[keep], elements.points[keep],
                    elements.component[keep], elements.long_m[keep], elements.top_m[keep])
