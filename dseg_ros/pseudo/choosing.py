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
How many clusters? A sweep, judged by what can be known without a ground truth.

Our choice. On twelve simulated streets (three sets of four, two seeds each; 4 to 30 clusters of
objects, strict mIoU of points against the simulator's truth, where 11 clusters have 23.2 and the
best count of each run 24.4): knee 23.1, stability 22.9 to 23.2 for limits of 0.8 to 0.875, but
silhouette 18.9, Davies-Bouldin 18.3, Calinski-Harabasz 17.6: these three find four clusters best.
The knee took 11 to 13 each time. No criterion beat a fixed 11; the curve shows why: from 9
to 30 clusters strict mIoU hardly changes, while pixel accuracy falls with every one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dseg_ros.config.pseudo import ClusterConfig, KNEE, STABILITY, SweepConfig
from dseg_ros.pseudo.clusters import ClusterError, Columns, Floats, means_of, standardised
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score, silhouette_score)


@dataclass(frozen=True)
class Trial:
    """
    What came of a number of clusters.

    :param clusters: K.
    :param spread: mean squared distance to the nearest centroid.
    :param stability: adjusted Rand index of clusterings of two random halves, averaged.
    :param silhouette: mean silhouette, -1..1.
    :param calinski_harabasz: variance between over variance within clusters.
    :param davies_bouldin: mean likeness of the most alike clusters; small is good.
    """

    clusters: int
    spread: float
    stability: float
    silhouette: float
    calinski_harabasz: float
    davies_bouldin: float


def sweep(samples: Sequence[tuple[Floats, Floats]], columns: Columns,
          config: ClusterConfig) -> list[Trial]:
    """
    Cluster with every wished number of clusters.

    :param samples: see clusters.fit.
    :param columns: see clusters.fit.
    :param config: the counts, and how much is looked at.
    :returns: a trial per count, rising.
    :raises ClusterError: if there are fewer elements than clusters to be tried.
    """
    rng = np.random.default_rng(config.seed)
    _, x, weight = standardised(samples, columns, config)
    if len(x) > config.sweep.elements:
        chosen = rng.choice(len(x), config.sweep.elements, replace=False)
        x, weight = x[chosen], weight[chosen]
    most = max(config.sweep.counts)
    if len(np.unique(x, axis=0)) < 2 * most:                 # halves are clustered, too
        raise ClusterError(f'{len(np.unique(x, axis=0))} different described elements are too '
                           f'few to try {most} clusters: lower sweep.counts')
    share = weight / weight.sum(dtype=np.float64)
    judged = x[rng.choice(len(x), config.sweep.judged, p=share)]
    return [_tried(k, x, weight, judged, config) for k in sorted(config.sweep.counts)]


def choose(trials: Sequence[Trial], config: SweepConfig) -> int:
    """
    Choose the number of clusters.

    :param trials: rising by clusters.
    :param config: by which criterion.
    """
    if config.criterion == KNEE:
        return trials[_knee([t.clusters for t in trials], [t.spread for t in trials])].clusters
    if config.criterion == STABILITY:
        stable = [t for t in trials if t.stability >= config.stable]
        return (stable or [max(trials, key=lambda t: t.stability)])[-1].clusters
    sign = -1 if config.criterion == 'davies_bouldin' else 1
    return max(trials, key=lambda t: sign * float(getattr(t, config.criterion))).clusters


def _tried(clusters: int, x: Floats, weight: Floats, judged: Floats,
           config: ClusterConfig) -> Trial:
    means = means_of(x, weight, clusters, config.sweep.inits, config.seed)
    label = means.predict(judged)
    spread = float(((judged - means.cluster_centers_[label]) ** 2).sum(1).mean())
    return Trial(clusters, spread, _stability(clusters, x, weight, judged, config),
                 float(silhouette_score(judged, label)),
                 float(calinski_harabasz_score(judged, label)),
                 float(davies_bouldin_score(judged, label)))


def _stability(clusters: int, x: Floats, weight: Floats, judged: Floats,
               config: ClusterConfig) -> float:
    scores = []
    for split in range(config.sweep.splits):
        half = np.random.default_rng([config.seed, split]).random(len(x)) < 0.5
        one, other = (means_of(x[part], weight[part], clusters, config.sweep.inits,
                               config.seed).predict(judged) for part in (half, ~half))
        scores.append(adjusted_rand_score(one, other))
    return float(np.mean(scores))


def _knee(counts: Sequence[int], spread: Sequence[float]) -> int:
    """Find the trial farthest below the straight line from the first to the last."""
    x, y = _unit(np.asarray(counts, np.float64)), _unit(np.asarray(spread, np.float64))
    return int((1 - x - y).argmax())


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((values - values.min()) / max(float(np.ptp(values)), 1e-12))
