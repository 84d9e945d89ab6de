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

"""The loss on labelled pixels, and the count of what is predicted."""

from __future__ import annotations

from dseg_ros.types import UNLABELLED
from lightning_fabric import Fabric
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
from torch.nn import functional


class Objective:
    """
    Weighted cross-entropy of labelled pixels as a sum, to be divided by that of the whole batch.

    Crops are spread over processes and parts that hold differently many labels; so the mean over
    the batch is not the mean of their means.
    """

    def __init__(self, weights: Tensor, smoothing: float) -> None:
        """
        Remember what classes weigh.

        :param weights: (C,) float.
        :param smoothing: share of the target that is spread over all classes.
        """
        self._smoothing = smoothing
        self._of_label = weights.new_zeros(UNLABELLED + 1)
        self._of_label[:len(weights)] = weights

    def amount(self, target: Tensor) -> Tensor:
        """
        Sum the weights of labelled pixels.

        :param target: (B, h, w) int64, UNLABELLED where unknown.
        """
        return self._of_label[target].sum()

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """
        Sum the cross-entropy.

        :param logits: (B, C, h, w).
        :param target: as for amount.
        """
        # not the library's weights: those would smooth towards what weighs much
        each = functional.cross_entropy(logits.float(), target, ignore_index=UNLABELLED,
                                        reduction='none', label_smoothing=self._smoothing)
        return (each * self._of_label[target]).sum()


class Tally:
    """Counts pixels by predicted and labelled class, where the network is."""

    def __init__(self, classes: int, device: torch.device) -> None:
        """Begin with nothing."""
        self._classes = classes
        self._predicted = torch.zeros(UNLABELLED + 1, dtype=torch.int64, device=device)
        self._labelled, self._right = self._predicted.clone(), self._predicted[0].clone()

    def add(self, logits: Tensor, target: Tensor) -> None:
        """
        Count some crops.

        :param logits: (B, C, h, w).
        :param target: (B, h, w) int64.
        """
        best = logits.argmax(1)
        for count, ids in ((self._predicted, best), (self._labelled, target)):
            count.scatter_add_(0, ids.flatten(), torch.ones_like(ids.flatten()))
        self._right += (best == target).sum()            # an unlabelled pixel is never right

    def everywhere(self, fabric: Fabric) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Sum over processes: predicted (C,), labelled (C,), rightly predicted pixels."""
        mine = torch.cat([self._predicted[:self._classes], self._labelled[:self._classes],
                          self._right[None]])
        total: Tensor = fabric.all_reduce(mine, reduce_op='sum')  # type: ignore[assignment]
        values = total.cpu().numpy()
        return values[:self._classes], values[self._classes:-1], int(values[-1])
