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
k-means over the descriptions of a whole data set, and which elements it is sure about.

Descriptions by geometry are standardised column by column and compared by Euclidean distance.
Those by a network are directions (length 1): compared by cosine, which is the Euclidean distance
between them (|a - b|^2 = 2 - 2 cos), or standardised like the rest, as ClusterConfig.image_metric
says. The paper does not say which it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dseg_ros.config.image_features import CLS_CROP, PATCH_POOL
from dseg_ros.config.pseudo import ClusterConfig, COSINE
from dseg_ros.pseudo.geometry_features import weights
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

Floats = NDArray[np.float32]
Columns = tuple[tuple[str, str], ...]
"""Meaning of the columns of a description: name, group of FeatureWeightsConfig."""

NOISE = -1
"""Cluster of an element that lies between two."""

_LIMIT = 3.0
"""Standardised features are clipped here: a tower is tall, not infinitely unlike."""


class ClusterError(ValueError):
    """A data set that cannot be clustered; the message says why."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """
    Centroids in a standardised, weighted space.

    :param centroids: (K, F) float32 in that space.
    :param mean: (F,) of the features.
    :param deviation: (F,) of the features.
    :param weight: (F,) what a deviation of each counts.
    :param least_margin: (K,) below which an element near each centroid is noise; empty: none is.
    """

    centroids: Floats
    mean: Floats
    deviation: Floats
    weight: Floats
    least_margin: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    def assign(self, features: Floats) -> NDArray[np.int64]:
        """
        Find the nearest centroid; unknown features count as average.

        :param features: (E, F) float32, NaN where unknown.
        :returns: (E,) cluster.
        """
        return self._nearest(self.standardise(features))[0]

    def assign_sure(self, features: Floats) -> NDArray[np.int64]:
        """Find the nearest centroid as `assign` does, NOISE where the second is about as near."""
        nearest, margin = self._nearest(self.standardise(features))
        if not len(self.least_margin):
            return nearest
        return np.where(margin < self.least_margin[nearest], NOISE, nearest)

    def standardise(self, features: Floats) -> Floats:
        """Centre, scale, clip and weigh; unknown values become the average, 0."""
        z = np.clip((features - self.mean) / self.deviation, -_LIMIT, _LIMIT)
        return np.asarray(np.nan_to_num(z) * self.weight, np.float32)

    def with_noise(self, x: Floats, weight: Floats, share: float) -> Clusters:
        """
        Learn the margin that a share of each cluster's elements stays below.

        :param x: (E, F) standardised elements.
        :param weight: (E,) what each counts.
        :param share: 0..1; 0 makes nothing noise.
        """
        if not share:
            return self
        nearest, margin = self._nearest(x)
        least = [_quantile(margin[nearest == k], weight[nearest == k], share)
                 for k in range(len(self.centroids))]
        return replace(self, least_margin=np.asarray(least, np.float32))

    def _nearest(self, x: Floats) -> tuple[NDArray[np.int64], Floats]:
        """Give the nearest centroid, and (d2 - d1) / (d2 + d1) of the two nearest, 0..1."""
        squared = (self.centroids ** 2).sum(1) - 2 * x @ self.centroids.T
        nearest = np.asarray(squared.argmin(1), np.int64)
        if len(self.centroids) == 1:
            return nearest, np.ones(len(x), np.float32)
        two = np.partition(squared, 1, axis=1)[:, :2] + (x ** 2).sum(1, keepdims=True)
        d1, d2 = np.sqrt(np.maximum(two, 0)).T
        return nearest, np.asarray((d2 - d1) / np.maximum(d2 + d1, 1e-9), np.float32)


def fit(samples: Sequence[tuple[Floats, Floats]], columns: Columns, clusters: int,
        config: ClusterConfig, noise: float = 0.0) -> Clusters:
    """
    Cluster elements with k-means.

    :param samples: per drive (E, F) features and (E,) weights; each drive's sum counts alike.
    :param columns: the meaning of the F columns.
    :param clusters: K.
    :param config: seed, starts, feature weights.
    :param noise: share of each cluster's elements that becomes noise.
    :raises ClusterError: if there are fewer different elements than clusters.
    """
    space, x, weight = standardised(samples, columns, config)
    if len(x) < clusters:
        why = '' if len(x) else ': no camera sees any'
        raise ClusterError(f'{len(x)} described elements for {clusters} clusters{why}')
    means = means_of(x, weight, clusters, config.inits, config.seed)
    size = np.bincount(means.labels_, weight, clusters)
    if not size.all():
        raise ClusterError(f'{np.count_nonzero(size)} different elements among {len(x)} described '
                           f'ones for {clusters} clusters')
    order = np.argsort(-size)                                # largest first
    found = replace(space, centroids=means.cluster_centers_[order].astype(np.float32))
    return found.with_noise(x, weight, noise)


def standardised(samples: Sequence[tuple[Floats, Floats]], columns: Columns,
                 config: ClusterConfig) -> tuple[Clusters, Floats, Floats]:
    """
    Bring the elements of all drives into one space.

    :param samples: see fit.
    :param columns: see fit.
    :param config: see fit.
    :returns: the space as clusters without centroids, (E, F) elements in it, (E,) weights.
    """
    none = np.zeros((0, len(columns)), np.float32)
    features = np.concatenate([none, *(f for f, _ in samples)])
    weight = np.concatenate([none[:, 0], *(w / w.sum() for _, w in samples if len(w))])
    space = Clusters(none, *_moments(features, weight.astype(np.float32)),
                     weights(columns, config.weights))
    if config.image_metric == COSINE:
        for mode in (CLS_CROP, PATCH_POOL):
            space = _directions(space, columns, mode, getattr(config.weights, mode))
    return space, space.standardise(features), weight.astype(np.float32)


def means_of(x: Floats, weight: Floats, clusters: int, inits: int, seed: int) -> KMeans:
    """Run scikit-learn's k-means; equal seeds give equal results."""
    means = KMeans(clusters, n_init=inits, random_state=seed)
    return means.fit(x, sample_weight=weight * (len(weight) / weight.sum()))


def _directions(space: Clusters, columns: Columns, mode: str, weight: float) -> Clusters:
    """Leave directions undistorted, together spread as wide as standardised columns would be."""
    own = np.array([group == mode for _, group in columns])
    if not own.any():
        return space
    spread = float(np.sqrt((space.deviation[own] ** 2).sum()))
    return replace(space, deviation=np.where(own, 1, space.deviation).astype(np.float32),
                   weight=np.where(own, weight / spread, space.weight).astype(np.float32))


def _moments(features: Floats, weight: Floats) -> tuple[Floats, Floats]:
    known = np.isfinite(features)
    w = weight[:, None] * known
    total = np.maximum(w.sum(0), 1e-12)
    x = np.nan_to_num(features)
    mean = (w * x).sum(0) / total
    deviation = np.sqrt((w * (x - mean) ** 2).sum(0) / total)
    deviation[deviation < 1e-6] = 1.0
    return mean.astype(np.float32), deviation.astype(np.float32)


def _quantile(values: Floats, weight: Floats, share: float) -> float:
    """Find the value below which a share of the weight lies."""
    order = np.argsort(values)
    below = np.cumsum(weight[order], dtype=np.float64)
    return float(values[order][np.searchsorted(below, share * below[-1])])
