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

"""k-means of others."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class KMeans(Protocol):
    """Fits, and returns how many iterations that took."""

    def __call__(self, x: Floats, clusters: int, seed: int) -> int:
        """Fit."""


def scikit_learn() -> KMeans:
    """Make scikit-learn's k-means with nothing around it."""
    from sklearn.cluster import KMeans as Means

    def fit(x: Floats, clusters: int, seed: int) -> int:
        return int(Means(clusters, n_init=1, random_state=seed).fit(x).n_iter_)
    return fit


def numpy_lloyd(iterations: int) -> KMeans:
    """Make Lloyd's iterations with a matrix product, as one writes them by hand."""
    def fit(x: Floats, clusters: int, seed: int) -> int:
        centre = x[np.random.default_rng(seed).choice(len(x), clusters, replace=False)]
        for _ in range(iterations):
            near = ((centre ** 2).sum(1) - 2 * x @ centre.T).argmin(1)
            order = np.argsort(near, kind='stable')
            begin = np.searchsorted(near[order], np.arange(clusters))
            count = np.maximum(np.bincount(near, minlength=clusters), 1)[:, None]
            centre = (np.add.reduceat(x[order], begin) / count).astype(np.float32)
        return iterations
    return fit


def faiss(iterations: int) -> KMeans:
    """Make faiss's k-means."""
    import faiss as library

    def fit(x: Floats, clusters: int, seed: int) -> int:
        means: Any = library.Kmeans(x.shape[1], clusters, niter=iterations, seed=seed,
                                    max_points_per_centroid=len(x))
        means.train(x)
        return iterations
    return fit
