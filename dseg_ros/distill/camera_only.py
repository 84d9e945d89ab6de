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

"""The recipe data set -> camera-only baseline: clusters of image patches, no LiDAR."""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import zipfile

from dseg_ros.config.camera_only import CameraOnlyConfig
from dseg_ros.config.schema import as_mapping, from_mapping
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.clustering import fingerprint
from dseg_ros.models.checkpoint import CONFIG, write_atomically
from dseg_ros.pseudo.image_features import normalised, unit, whole_image
from dseg_ros.pseudo.patches import describe_patches, fit_patches, PatchClasses, place
from dseg_ros.pseudo.pseudo_classes import ClusterError
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray

PATCHES = 'patches.npz'

Progress = Callable[[int, int], None]


def cluster_images(data: Path, out: Path, clusters: int, config: CameraOnlyConfig,
                   progress: Progress) -> Path:
    """
    Cluster the image patches of a data set, looking at no point.

    :param data: the data set.
    :param out: folder for patches.npz and config.json.
    :param clusters: K.
    :param config: the recipe.
    :param progress: called with samples done and in all.
    :returns: out; at once if this was done before.
    :raises ClusterError: for fewer patches than clusters.
    :raises BackboneError: if a backbone is asked for that cannot be loaded.
    """
    identity = json.dumps({'config': as_mapping(config), 'clusters': clusters,
                           'data_sha256': fingerprint(data)}, indent=1)
    if (out / CONFIG).exists() and (out / CONFIG).read_text() == identity:
        return out
    describe = PatchDescriber(config)
    dataset = Dataset(data)
    rng = np.random.default_rng(config.seed)
    drives: dict[str, list[NDArray[np.float32]]] = {}
    for i, key in enumerate(dataset.keys()):
        progress(i, len(dataset))
        sample = dataset[key]
        for view in sample.frame().views:
            patches = describe(view.image.rgb)
            drives.setdefault(sample.source, []).append(patches.reshape(-1, patches.shape[2]))
    progress(len(dataset), len(dataset))
    drawn = [rng.permutation(np.concatenate(d))[:config.patches_per_drive]
             for d in drives.values()]
    try:
        found = fit_patches(drawn, clusters, describe.weights(drawn[0].shape[1] if drawn else 0),
                            config.inits, config.seed)
    except ClusterError as error:
        raise ClusterError(f'{data}: {error}') from error
    out.mkdir(parents=True, exist_ok=True)
    part = out / f'{PATCHES}.part'
    with part.open('wb') as f:
        np.savez_compressed(f, **vars(found))
    os.replace(part, out / PATCHES)
    write_atomically(out / CONFIG, identity)
    return out


class CameraOnly:
    """
    The finished baseline as a model: an image in, clusters out.

    :param folder: that `cluster_images` wrote.
    :raises ClusterError: if it holds no finished result.
    """

    def __init__(self, folder: Path) -> None:
        """Load it."""
        try:
            identity = json.loads((folder / CONFIG).read_text())
            with np.load(folder / PATCHES) as f:
                self.classes = PatchClasses(f['centroids'], f['mean'], f['scale'])
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise ClusterError(f'{folder}: no finished camera-only baseline: {error}') from error
        self._describe = PatchDescriber(from_mapping(CameraOnlyConfig, identity['config']))

    def __call__(self, rgb: NDArray[np.uint8]) -> LabelMap:
        """Label an image (H, W, 3) uint8."""
        return self.classes.predict(self._describe(rgb), *rgb.shape[:2])


class PatchDescriber:
    """Describes the patches of an image as a recipe asks for."""

    def __init__(self, config: CameraOnlyConfig) -> None:
        """
        Load the backbone, if one is needed.

        :raises BackboneError: if that cannot be done.
        """
        self._config = config
        self._backbone = None
        if config.features == 'backbone':
            from dseg_ros.models.backbones import load_backbone
            self._backbone = load_backbone(config.images.backbone)

    def __call__(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Describe the patches of (H, W, 3) uint8 as (h, w, F) float32."""
        found = self._tokens(rgb) if self._backbone else describe_patches(
            rgb, self._config.network_pixels)
        if self._config.position:
            found = np.concatenate([found, place(*found.shape[:2])], axis=-1)
        return found

    def weights(self, features: int) -> NDArray[np.float32]:
        """Tell what each of the F features counts."""
        weight = np.ones(features, np.float32)
        if self._config.position:
            weight[-2:] = self._config.position_weight
        return weight

    def _tokens(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        backbone = self._backbone
        assert backbone is not None
        pixels = whole_image(normalised(rgb, backbone.mean, backbone.deviation),
                             self._config.images.image_pixels, backbone.network.patch_px,
                             backbone.network.fixed_px)
        tokens = backbone.describe(pixels[None])[1][0]
        return unit(tokens.reshape(-1, tokens.shape[2])).reshape(tokens.shape)
