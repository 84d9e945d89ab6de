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

"""k-means in its space: what is noise, what cosine means, what cannot be clustered."""

from dataclasses import replace

from dseg_ros.config.pseudo import ClusterConfig, FeatureWeightsConfig
from dseg_ros.pseudo.clusters import ClusterError, Clusters, fit, NOISE, standardised
import numpy as np
import pytest

CONFIG = ClusterConfig(inits=2)
PLAIN = (('height', 'height'),)
NETWORK = tuple((f'cls_crop_{i}', 'cls_crop') for i in range(8))


def samples(features: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Make one drive whose elements weigh alike."""
    return [(features.astype(np.float32), np.ones(len(features), np.float32))]


def between(seed: int = 0) -> np.ndarray:
    """Give two heaps, and a tenth of everything half way between them."""
    rng = np.random.default_rng(seed)
    heaps = [rng.normal(c, 0.2, (450, 1)) for c in (-2, 2)]
    middle = [rng.normal(c, 0.02, (50, 1)) for c in (-0.2, 0.2)]   # as many on either side
    return np.concatenate([*heaps, *middle])


def test_noise_is_what_lies_between() -> None:
    """A share of each cluster becomes noise: those about as near to the other one."""
    points = between()
    clusters = fit(samples(points), PLAIN, 2, CONFIG, noise=0.1)
    found = clusters.assign_sure(points.astype(np.float32))
    assert (found == NOISE).mean() == pytest.approx(0.1, abs=0.01)
    assert (found[900:] == NOISE).mean() > 0.95 and (found[:900] == NOISE).mean() < 0.02
    sure = found != NOISE
    assert np.array_equal(found[sure], clusters.assign(points.astype(np.float32))[sure])


def test_without_a_share_nothing_is_noise() -> None:
    """Neither with none asked for, nor with one cluster, which has no other."""
    points = between().astype(np.float32)
    assert (fit(samples(points), PLAIN, 2, CONFIG).assign_sure(points) != NOISE).all()
    assert (fit(samples(points), PLAIN, 1, CONFIG, noise=0.3).assign_sure(points) == 0).all()


def test_noise_goes_by_weight() -> None:
    """Light elements between the heaps take more of them to make up the share."""
    points = between()
    light = np.where(np.arange(1000) < 900, 1.0, 0.1).astype(np.float32)
    clusters = fit([(points.astype(np.float32), light)], PLAIN, 2, CONFIG, noise=0.01)
    noise = clusters.assign_sure(points.astype(np.float32)) == NOISE
    assert noise[900:].mean() > 0.8 and not noise[:900].any()


def test_cosine_is_the_distance_of_directions() -> None:
    """Squared distances are 2 - 2 cos up to one factor; unknown directions count as the mean."""
    rng = np.random.default_rng(0)
    f = rng.normal(0.3, 1, (200, 8))
    f = (f / np.linalg.norm(f, axis=1, keepdims=True)).astype(np.float32)
    space, x, _ = standardised(samples(f), NETWORK, CONFIG)
    squared = ((x[:, None] - x[None]) ** 2).sum(-1)
    np.testing.assert_allclose(squared, (2 - 2 * f @ f.T) * space.weight[0] ** 2, atol=2e-4)
    # together they spread as wide as standardised columns of that weight
    assert (x ** 2).sum(1).mean() == pytest.approx(FeatureWeightsConfig().cls_crop ** 2, rel=1e-3)
    assert np.array_equal(space.standardise(np.full((1, 8), np.nan, np.float32)), np.zeros((1, 8)))
    euclidean = standardised(samples(f), NETWORK, replace(CONFIG, image_metric='euclidean'))[1]
    assert not np.allclose(x, euclidean, atol=0.1)


def test_geometry_is_euclidean_always() -> None:
    """The metric of a network's features is nothing to it, and mixed columns keep theirs."""
    points = between()
    both = np.concatenate([points, np.tile(np.eye(8), (125, 1))], axis=1)
    one, other = (standardised(samples(both), PLAIN + NETWORK, replace(CONFIG, image_metric=m))[1]
                  for m in ('cosine', 'euclidean'))
    assert np.array_equal(one[:, :1], other[:, :1]) and not np.array_equal(one, other)


def test_what_cannot_be_clustered_is_named() -> None:
    """Too few, none that a camera sees, and many that are all the same."""
    for points, message in ((np.zeros((2, 1)), '^2 described elements for 3 clusters$'),
                            (np.zeros((0, 1)), '^0 described elements for 3 clusters: no camera'),
                            (np.tile([[1.0], [3.0]], (20, 1)),
                             '^2 different elements among 40 described ones for 3 clusters')):
        with pytest.raises(ClusterError, match=message):
            fit(samples(points), PLAIN, 3, CONFIG)


def test_clusters_without_margins_know_no_noise() -> None:
    """Centroids alone are enough."""
    one = np.ones(2, np.float32)
    clusters = Clusters(np.array([[0, 0], [1, 1]], np.float32), 0 * one, one, one)
    assert clusters.assign_sure(np.full((1, 2), 0.5, np.float32))[0] != NOISE
