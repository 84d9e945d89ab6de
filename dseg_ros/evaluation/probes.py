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
Probes: how well few labels and a simple rule tell classes apart in the features of a network.

k-NN votes by cosine, as in the evaluation of DINO (Caron et al., ICCV 2021, after Wu et al., CVPR
2018), and multinomial logistic regression; the network itself learns nothing. IJCV 2025 reports
k-NN; drawing, sizes and the linear probe are our choice.
"""

from __future__ import annotations

from typing import Protocol
import warnings

from dseg_ros.config.probe import ProbeConfig
from dseg_ros.evaluation.features import FeatureError, Floats
from dseg_ros.pseudo.image_features import unit
import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
import torch

Ids = NDArray[np.uint8]
_ROWS = 1024
"""Features that are compared with all labelled ones at once."""


class Probe(Protocol):
    """A rule from features to classes."""

    def __call__(self, features: Floats) -> Floats:
        """Map (N, D) to (N, C), the share that each class has; rows add up to 1."""

    def fact(self) -> str:
        """Say what it is, for the protocol."""


class Neighbours:
    """
    k-NN: the k most alike by cosine vote, weighted by exp(cosine / temperature).

    :param features: (N, D) labelled.
    :param labels: (N,) uint8 class ids.
    :param classes: C.
    :param config: k, temperature.
    :raises FeatureError: for fewer labelled features than k.
    """

    def __init__(self, features: Floats, labels: Ids, classes: int, config: ProbeConfig) -> None:
        """Keep them."""
        if len(features) < config.neighbours:
            raise FeatureError(f'{len(features)} labelled cells, fewer than the '
                               f'{config.neighbours} neighbours that vote')
        self._known = torch.from_numpy(unit(features)).T.contiguous()     # (D, N)
        self._labels = torch.from_numpy(labels.astype(np.int64))
        self._classes, self._config = classes, config

    def __call__(self, features: Floats) -> Floats:
        """Let the neighbours vote."""
        rows = torch.from_numpy(unit(features))
        votes = torch.zeros(len(rows), self._classes)
        for start in range(0, len(rows), _ROWS):
            alike, which = (rows[start:start + _ROWS] @ self._known).topk(self._config.neighbours)
            weight = ((alike - alike[:, :1]) / self._config.temperature).exp()   # largest: 1
            votes[start:start + _ROWS].scatter_add_(1, self._labels[which], weight)
        return np.asarray((votes / votes.sum(1, keepdim=True)).numpy())

    def fact(self) -> str:
        """Say what it is, for the protocol."""
        return (f'k-NN by cosine, k = {self._config.neighbours}, votes weighted by '
                f'exp(cosine / {self._config.temperature:g})')


class Linear:
    """
    Multinomial logistic regression on standardised features.

    :param features: (N, D) labelled.
    :param labels: (N,) uint8 class ids.
    :param classes: C.
    :param config: penalty, iterations.
    :raises FeatureError: if all labels are of one class.
    """

    def __init__(self, features: Floats, labels: Ids, classes: int, config: ProbeConfig) -> None:
        """Fit it."""
        if len(np.unique(labels)) < 2:
            raise FeatureError(f'{len(labels)} labelled cells of {len(np.unique(labels))} class: '
                               'a linear probe needs two classes')
        self._mean = features.mean(axis=0)
        self._deviation = np.maximum(features.std(axis=0), 1e-6)
        self._model = LogisticRegression(C=config.inverse_penalty, max_iter=config.iterations)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', ConvergenceWarning)     # told by fact()
            self._model.fit((features - self._mean) / self._deviation, labels)
        self._classes, self._config = classes, config

    def __call__(self, features: Floats) -> Floats:
        """Give probabilities; a class that was not labelled has none."""
        result = np.zeros((len(features), self._classes), np.float32)
        result[:, self._model.classes_] = self._model.predict_proba(
            (features - self._mean) / self._deviation)
        return result

    def fact(self) -> str:
        """Say what it is, for the protocol."""
        taken = int(self._model.n_iter_.max())
        ended = 'converged' if taken < self._config.iterations else 'not converged'
        return (f'multinomial logistic regression on standardised features, L-BFGS, '
                f'C = {self._config.inverse_penalty:g}, {ended} after {taken} iterations')


PROBES: dict[str, type[Neighbours] | type[Linear]] = {'knn': Neighbours, 'linear': Linear}
"""By the name that scores are written under."""
