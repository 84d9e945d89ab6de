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
from dataclasses import fields
import hashlib
import json
from pathlib import Path
import zipfile

from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.schema import as_mapping, from_mapping
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.manifest import FILE as MANIFEST
from dseg_ros.dataset.sample import source_of
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.class_files import ClassPictures, write_sweep
from dseg_ros.distill.describing import Descriptions
from dseg_ros.distill.files import npz, replace_file
from dseg_ros.distill.same_run import differing
from dseg_ros.pseudo.choosing import choose, sweep
from dseg_ros.pseudo.geometry_features import Elements, GROUND_FEATURES
from dseg_ros.pseudo.pseudo_classes import (
    ClusterError, Clusters, element_weights, fit, PseudoClasses)
import numpy as np
from numpy.typing import NDArray

CLASSES, ASSIGNMENT, CONFIG = 'classes.npz', 'assignment.npz', 'config.json'

Progress = Callable[[int, int], None]


def cluster(data: Path, out: Path, config: ClusterConfig, progress: Progress,
            workers: WorkersConfig = WorkersConfig(workers=1),
            describing: Progress = lambda done, total: None) -> Path:
    """
    Find pseudo-classes in a data set and give every point one.

    :param data: the data set; nothing is written into it.
    :param out: folder for classes.npz (centroids), assignment.npz (a class per point of every
        sample), classes.png and sheets/ (contact sheets), config.json; sweep.csv and sweep.png
        if the number of classes was to be chosen; descriptions are kept in features/ so that
        clustering again is quick, those by a network beside the data set.
    :param config: the recipe.
    :param progress: called with samples done and in all (every sample is visited twice).
    :param workers: who describes; the result is the same.
    :param describing: called with samples described and in all, before progress.
    :returns: out; at once if this was done before with the same data and configuration.
    :raises ClusterError: for too little data.
    :raises BackboneError: if a mode needs a backbone that cannot be loaded.
    :raises DatasetError: if a sample is damaged or a worker died.
    """
    identity = json.dumps({'config': as_mapping(config), 'data_sha256': fingerprint(data)},
                          indent=1)
    if (out / CONFIG).exists() and (out / CONFIG).read_text() == identity:
        return out
    dataset = Dataset(data)
    if not len(dataset):
        raise ClusterError(f'{data}: holds no samples')
    samples = Descriptions(data, fingerprint(data), out, config)
    samples.complete(workers, describing)
    all_voxels: Drawn = {}
    all_cells: Drawn = {}
    for i, key in enumerate(dataset.keys()):
        progress(i, 2 * len(dataset))
        voxels, cells = samples[key]
        drive = source_of(key)
        _draw(voxels, samples.seen_voxel, config.component_power, config.fit_points,
              all_voxels.setdefault(drive, []))
        _draw(cells, samples.seen_cell, 0.0, 1, all_cells.setdefault(drive, []))
    classes = _fit(all_voxels, all_cells, samples.columns, config, data, out)
    pictures = ClassPictures(dataset, classes.names, samples.columns, config.seed)
    (out / CONFIG).unlink(missing_ok=True)     # until all of it is of this recipe
    _assign(samples, classes, out, config, progress, pictures)
    save_classes(out / CLASSES, classes)
    replace_file(out / CONFIG, identity.encode())
    return out


def require_same_classes(data: Path, classes: Path, config: ClusterConfig) -> None:
    """
    Refuse to cluster anew where something was trained on the result.

    :param data: the data set.
    :param classes: folder that `cluster` wrote, or will.
    :param config: the recipe.
    :raises ClusterError: if it holds pseudo-classes of other data or another recipe; the first
        value that differs is named.
    """
    if not (classes / CONFIG).exists():
        return
    _, recipe, data_sha256 = load_classes(classes)
    differs = ''
    if found := differing(as_mapping(recipe), as_mapping(config)):
        name, there, here = found
        differs = f'{name} is {there!r}, wanted {here!r}'
    elif data_sha256 != fingerprint(data):
        differs = (f'data set had the hash {data_sha256[:12]}, {data} has '
                   f'{fingerprint(data)[:12]}')
    if differs:
        raise ClusterError(f'{classes}: a network was trained on these pseudo-classes, and their '
                           f'{differs}; take another folder')


def fingerprint(data: Path) -> str:
    """Hash a data set by its manifest, which holds the hashes of all shards."""
    return hashlib.sha256((data / MANIFEST).read_bytes()).hexdigest()


def save_classes(path: Path, classes: PseudoClasses) -> None:
    """Write centroids and what belongs to them."""
    arrays = {f'{part}/{name}': value
              for part, clusters in (('ground', classes.ground), ('objects', classes.objects))
              for name, value in vars(clusters).items()}
    replace_file(path, npz({**arrays, 'sky': np.asarray(classes.sky)}))


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


def _assign(samples: Descriptions, classes: PseudoClasses, out: Path, config: ClusterConfig,
            progress: Progress, pictures: ClassPictures) -> None:
    """Label every point and draw the contact sheets."""
    dataset = samples.dataset
    labels = {}
    for i, key in enumerate(dataset.keys()):
        progress(len(dataset) + i, 2 * len(dataset))
        voxels, cells = samples[key]
        labels[key] = classes.label(voxels, cells, config)
        pictures.add(key, labels[key], voxels, cells)
    progress(2 * len(dataset), 2 * len(dataset))
    replace_file(out / ASSIGNMENT, npz(labels))
    pictures.write(out)
