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

"""What networks learn from; known to workers that have no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """
    An image with its partial labels, reduced to about the size that training needs.

    :param rgb: (H, W, 3) uint8.
    :param labels: (H, W) uint8 pseudo-classes, UNLABELLED elsewhere.
    :param source: the drive that it comes from.
    """

    rgb: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    source: str


@runtime_checkable
class Counted(Protocol):
    """Images of a drive whose labels were counted before."""

    @property
    def label_counts(self) -> NDArray[np.int64]:
        """(256,) pixels of each label, of all images together."""
