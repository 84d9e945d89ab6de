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

"""k-means over descriptions: finds what is there, says when there is too little."""

from dataclasses import replace

from dseg_ros.config.pseudo import ClusterConfig, GeometryFeaturesConfig
from dseg_ros.pseudo.appearance import look
from dseg_ros.pseudo.clusters import NOISE
from dseg_ros.pseudo.geometry_features import (
    describe, Elements, GROUND_FEATURES, OBJECT_FEATURES)
from dseg_ros.pseudo.pseudo_classes import (
    ClusterError, element_weights, fit, palette, PseudoClasses, vote)
from dseg_ros.types import Cloud, Proposals, UNLABELLED, View
import numpy as np
import pytest

Street = tuple[Cloud, Proposals, View, np.ndarray]
WIDTH = len(OBJECT_FEATURES)
CONFIG = ClusterConfig(objects=3, grounds=1, inits=2)


def classes_of(street: Street) -> tuple[PseudoClasses, Elements, Elements]:
    """Cluster the street."""
    cloud, proposals, view, _ = street
    voxels, cells = describe(cloud, proposals, look(cloud, view), GeometryFeaturesConfig())
    parts = [fit([(e.features, element_weights(e, 1.0))], columns, k, CONFIG)
             for e, columns, k in ((cells, GROUND_FEATURES, 1), (voxels, OBJECT_FEATURES, 3))]
    return PseudoClasses(parts[0], parts[1], True), voxels, cells


def test_the_street_falls_into_its_things(street: Street) -> None:
    """Cars, walls and poles get a class each; the road is class 0."""
    classes, voxels, cells = classes_of(street)
    assert classes.names == ('ground_0', 'object_0', 'object_1', 'object_2', 'sky')
    assert classes.sky_id == 4
    labels = classes.label(voxels, cells, CONFIG)
    kind = street[3]
    assert (labels[kind == 0] == 0).all()
    winners = [np.bincount(labels[kind == k]).argmax() for k in (1, 2, 3)]
    assert sorted(winners) == [1, 2, 3]
    for k, winner in zip((1, 2, 3), winners):
        assert (labels[kind == k] == winner).mean() > 0.8


def test_equal_seeds_give_equal_classes(street: Street) -> None:
    """Clustering twice gives the same centroids."""
    a, b = classes_of(street)[0], classes_of(street)[0]
    assert np.array_equal(a.objects.centroids, b.objects.centroids)


def test_unknown_features_count_as_average() -> None:
    """A voxel that no camera saw is told by its shape alone."""
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(c, 0.1, (50, WIDTH)) for c in (-3, 3)])
    clusters = fit([(features.astype(np.float32), np.ones(100, np.float32))], OBJECT_FEATURES,
                   2, CONFIG)
    half = features.astype(np.float32)
    half[:, 8:] = np.nan
    assert np.array_equal(clusters.assign(half), clusters.assign(features.astype(np.float32)))


def test_drives_weigh_alike_however_long() -> None:
    """A drive of ten elements moves the average as much as one of ten thousand."""
    long = (np.full((10000, WIDTH), 0.0, np.float32), np.ones(10000, np.float32))
    short = (np.full((10, WIDTH), 1.0, np.float32), np.ones(10, np.float32))
    clusters = fit([long, short], OBJECT_FEATURES, 2, CONFIG)
    assert clusters.mean == pytest.approx(np.full(WIDTH, 0.5), abs=1e-3)


def test_too_little_data_is_said() -> None:
    """Fewer elements than clusters cannot be clustered."""
    few = (np.zeros((2, WIDTH), np.float32), np.ones(2, np.float32))
    with pytest.raises(ClusterError, match='2 described elements for 3 clusters'):
        fit([few], OBJECT_FEATURES, 3, CONFIG)
    with pytest.raises(ClusterError, match='0 described elements'):
        fit([], OBJECT_FEATURES, 3, CONFIG)


def test_only_small_components_vote() -> None:
    """A car takes one class by its points; a wall stays divided."""
    elements = Elements(np.zeros(0, np.int32), np.zeros((6, 1), np.float32),
                        np.array([10, 1, 1, 5, 5, 5]), np.array([0, 0, 0, 1, 1, 1]),
                        np.array([4.0] * 3 + [20.0] * 3), np.array([1.5] * 3 + [6.0] * 3))
    assert vote(np.array([2, 1, 1, 0, 1, 2]), elements, ClusterConfig()).tolist() == [
        2, 2, 2, 0, 1, 2]


def test_palette_keeps_ground_and_sky_apart() -> None:
    """Ground is greyish, sky blue, no two classes look alike."""
    names = ('ground_0', 'ground_1', *(f'object_{i}' for i in range(12)), 'sky')
    colours = palette(names).astype(int)
    assert np.ptp(colours[0]) < 40 and np.ptp(colours[1]) < 40
    assert tuple(colours[-1]) == (70, 130, 180)
    distance = np.abs(colours[:, None] - colours[None]).sum(-1) + 999 * np.eye(len(names))
    assert distance.min() > 30
    assert distance[-1, 3:-1].min() > 150, 'something looks like the sky'


def test_noise_stands_in_the_vote() -> None:
    """A small component is noise if most of it is; of a large one the parts are."""
    elements = Elements(np.zeros(0, np.int32), np.zeros((8, 1), np.float32),
                        np.array([5, 3, 3, 5, 1, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 2, 2, 2]),
                        np.array([4.0] * 5 + [20.0] * 3), np.array([1.5] * 5 + [6.0] * 3))
    classes = np.array([1, NOISE, NOISE, 2, NOISE, 0, NOISE, 1])
    assert vote(classes, elements, ClusterConfig()).tolist() == [
        NOISE, NOISE, NOISE, 2, 2, 0, NOISE, 1]


def test_noise_is_unlabelled(street: Street) -> None:
    """Points near two clusters alike get no class; without a share all described ones do."""
    classes, voxels, cells = classes_of(street)
    x = classes.objects.standardise(voxels.features)
    noisy = replace(classes, objects=classes.objects.with_noise(x, np.ones(len(x), np.float32),
                                                                0.3))
    big = replace(CONFIG, vote_length_m=0.0)
    before, after = (c.label(voxels, cells, big) for c in (classes, noisy))
    lost = after == UNLABELLED
    assert (before != UNLABELLED).all() and 0.1 < lost[street[3] > 0].mean() < 0.5
    assert np.array_equal(before[~lost], after[~lost]) and not lost[street[3] == 0].any()
