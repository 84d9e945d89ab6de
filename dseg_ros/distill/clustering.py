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

"""The recipe data set -> pseudo-classes: describe, cluster, assign, show; into a folder beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
import hashlib
import json
import os
from pathlib import Path
from typing import Any, TYPE_CHECKING
import zipfile

from dseg_ros.config.image_features import GEOMETRY
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.schema import as_mapping, from_mapping
from dseg_ros.dataset.manifest import FILE as MANIFEST
from dseg_ros.dataset.sample import Sample, source_of
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.class_files import ClassPictures, write_sweep
from dseg_ros.models.checkpoint import write_atomically
from dseg_ros.pseudo.appearance import average, look
from dseg_ros.pseudo.choosing import choose, sweep
from dseg_ros.pseudo.geometry_features import (
    describe, Elements, GROUND_FEATURES, NONE, OBJECT_FEATURES)
from dseg_ros.pseudo.pseudo_classes import (
    ClusterError, Clusters, element_weights, fit, PseudoClasses)
from dseg_ros.types import View
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dseg_ros.distill.image_features import ObjectDescriptions

CLASSES, ASSIGNMENT, CONFIG = 'classes.npz', 'assignment.npz', 'config.json'
_SEEN_VOXEL = [n for n, _ in OBJECT_FEATURES].index('lightness')
_SEEN_CELL = [n for n, _ in GROUND_FEATURES].index('lightness')

Progress = Callable[[int, int], None]


def cluster(data: Path, out: Path, config: ClusterConfig, progress: Progress) -> Path:
    """
    Find pseudo-classes in a data set and give every point one.

    :param data: the data set; nothing is written into it.
    :param out: folder for classes.npz (centroids), assignment.npz (a class per point of every
        sample), classes.png and sheets/ (contact sheets), config.json; sweep.csv and sweep.png
        if the number of classes was to be chosen; descriptions are kept in features/ so that
        clustering again is quick, those by a network beside the data set.
    :param config: the recipe.
    :param progress: called with samples done and in all (every sample is visited twice).
    :returns: out; at once if this was done before with the same data and configuration.
    :raises ClusterError: for too little data.
    :raises BackboneError: if a mode needs a backbone that cannot be loaded.
    """
    identity = json.dumps({'config': as_mapping(config), 'data_sha256': fingerprint(data)},
                          indent=1)
    if (out / CONFIG).exists() and (out / CONFIG).read_text() == identity:
        return out
    dataset = Dataset(data)
    if not len(dataset):
        raise ClusterError(f'{data}: holds no samples')
    cache = _cache(out, config, fingerprint(data))
    modes = _modes(data, config)
    all_voxels: Drawn = {}
    all_cells: Drawn = {}
    for i, key in enumerate(dataset.keys()):
        progress(i, 2 * len(dataset))
        voxels, cells = _described(dataset, key, cache, config, modes)
        drive = source_of(key)
        _draw(voxels, _seen(config), config.component_power, config.fit_points,
              all_voxels.setdefault(drive, []))
        _draw(cells, _SEEN_CELL, 0.0, 1, all_cells.setdefault(drive, []))
    columns = modes.columns if modes else OBJECT_FEATURES
    classes = _fit(all_voxels, all_cells, columns, config, data, out)
    pictures = ClassPictures(dataset, classes.names, columns, config.seed)
    _assign(dataset, cache, classes, out, config, modes, progress, pictures)
    save_classes(out / CLASSES, classes)
    write_atomically(out / CONFIG, identity)
    return out


def fingerprint(data: Path) -> str:
    """Hash a data set by its manifest, which holds the hashes of all shards."""
    return hashlib.sha256((data / MANIFEST).read_bytes()).hexdigest()


def describe_sample(sample: Sample, views: tuple[View, ...],
                    config: ClusterConfig) -> tuple[Elements, Elements]:
    """Describe a sample's points by what the LiDAR and its cameras saw."""
    looks = [look(sample.cloud, view) for view in views]
    return describe(sample.cloud, sample.proposals, average(looks, len(sample.cloud)),
                    config.features)


def save_classes(path: Path, classes: PseudoClasses) -> None:
    """Write centroids and what belongs to them."""
    arrays = {f'{part}/{name}': value
              for part, clusters in (('ground', classes.ground), ('objects', classes.objects))
              for name, value in vars(clusters).items()}
    _savez(path, {**arrays, 'sky': np.asarray(classes.sky)})


def load_classes(folder: Path) -> tuple[PseudoClasses, ClusterConfig, str]:
    """
    Read a folder that `cluster` wrote.

    :returns: the classes, their recipe, the fingerprint of their data set.
    :raises ClusterError: if the folder holds no finished result.
    """
    try:
        identity = json.loads((folder / CONFIG).read_text())
        with np.load(folder / CLASSES) as f:
            parts = [Clusters(*(f[f'{part}/{x.name}'] for x in fields(Clusters)))
                     for part in ('ground', 'objects')]
            classes = PseudoClasses(parts[0], parts[1], bool(f['sky']))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ClusterError(f'{folder}: no finished pseudo-classes: {error}') from error
    return classes, from_mapping(ClusterConfig, identity['config']), identity['data_sha256']


def assignments(folder: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Read the class per point (N,) of every sample, by key."""
    with np.load(folder / ASSIGNMENT) as f:
        for key in f.files:
            yield key, f[key]


def _cache(out: Path, config: ClusterConfig, data_sha256: str) -> Path:
    text = json.dumps([asdict(config.features), data_sha256])
    folder = out / 'features' / hashlib.sha256(text.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _modes(data: Path, config: ClusterConfig) -> ObjectDescriptions | None:
    """Load what the modes beside geometry need; geometry alone needs nothing."""
    if config.feature_modes == (GEOMETRY,):
        return None
    from dseg_ros.distill.image_features import ObjectDescriptions
    return ObjectDescriptions(data, fingerprint(data), config)


def _seen(config: ClusterConfig) -> int:
    """Tell the column that is known of what a camera saw."""
    return _SEEN_VOXEL if GEOMETRY in config.feature_modes else 0


def _described(dataset: Dataset, key: str, cache: Path, config: ClusterConfig,
               modes: ObjectDescriptions | None) -> tuple[Elements, Elements]:
    """Describe a sample in all modes, or read its descriptions of an earlier run."""
    voxels, cells = _by_geometry(dataset, key, cache, config)
    return (modes.of(dataset, key, voxels) if modes else voxels), cells


def _by_geometry(dataset: Dataset, key: str, cache: Path,
                 config: ClusterConfig) -> tuple[Elements, Elements]:
    path = cache / f'{key}.npz'
    if path.exists():
        with np.load(path) as f:
            parts = [Elements(*(f[f'{part}/{x.name}'] for x in fields(Elements)))
                     for part in ('voxels', 'cells')]
        return parts[0], parts[1]
    sample = dataset[key]
    voxels, cells = describe_sample(sample, sample.frame().views, config)
    _savez(path, {f'{part}/{name}': value for part, elements in (
        ('voxels', voxels), ('cells', cells)) for name, value in vars(elements).items()})
    return voxels, cells


Drawn = dict[str, list[tuple[NDArray[np.float32], NDArray[np.float32]]]]


def _draw(elements: Elements, seen: int, power: float, least_points: int,
          into: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> None:
    """Keep what a camera saw of large enough components; `seen` is the column that tells."""
    rows = np.isfinite(elements.features[:, seen])
    if len(rows):
        of_component = np.bincount(elements.component, elements.points)
        rows &= of_component[elements.component] >= least_points
    into.append((elements.features[rows], element_weights(elements, power)[rows]))


def _fit(voxels: Drawn, cells: Drawn, columns: tuple[tuple[str, str], ...],
         config: ClusterConfig, data: Path, out: Path) -> PseudoClasses:
    rng = np.random.default_rng(config.seed)

    def thinned(parts: list[tuple[NDArray[np.float32], NDArray[np.float32]]]
                ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        features, weight = (np.concatenate(a) for a in zip(*parts))
        chosen = rng.permutation(len(features))[:config.samples_per_drive]
        return features[chosen], weight[chosen]

    part = 'ground'
    try:
        ground = fit([thinned(p) for p in cells.values()], GROUND_FEATURES, config.grounds, config)
        part, samples, count = 'objects', [thinned(p) for p in voxels.values()], config.objects
        if not count:
            trials = sweep(samples, columns, config)
            count = choose(trials, config.sweep)
            write_sweep(out, trials, count)
        return PseudoClasses(ground, fit(samples, columns, count, config, config.noise),
                             config.sky)
    except ClusterError as error:
        raise ClusterError(f'{data}: {part}: {error}') from error


def _assign(dataset: Dataset, cache: Path, classes: PseudoClasses, out: Path,
            config: ClusterConfig, modes: ObjectDescriptions | None,
            progress: Progress, pictures: ClassPictures) -> None:
    """Label every point and draw the contact sheets."""
    labels = {}
    for i, key in enumerate(dataset.keys()):
        progress(len(dataset) + i, 2 * len(dataset))
        voxels, cells = _described(dataset, key, cache, config, modes)
        labels[key] = classes.label(voxels, cells, config)
        pictures.add(key, labels[key], voxels, cells)
    progress(2 * len(dataset), 2 * len(dataset))
    _savez(out / ASSIGNMENT, labels)
    pictures.write(out)


def _savez(path: Path, arrays: dict[str, Any]) -> None:
    """Write a compressed npz atomically."""
    part = path.with_name(path.name + '.part')
    with part.open('wb') as f:
        np.savez_compressed(f, **arrays)
    os.replace(part, path)
