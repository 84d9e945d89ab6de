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

"""Images with ground truth, wherever they come from: what scoring and probes ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from dseg_ros.classes import SemanticClass
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray

Predict = Callable[[NDArray[np.uint8]], LabelMap]
"""A model: (H, W, 3) uint8 RGB in, labels of the same size out."""


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """
    An image with its ground truth.

    :param name: of the image, unique.
    :param rgb: (H, W, 3) uint8.
    :param truth: (H, W) uint8 class ids, or UNLABELLED.
    :param part: what it belongs to, if the images come in parts (drives).
    """

    name: str
    rgb: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    part: str = ''


class LabelledImages(Protocol):
    """A source of labelled images: a benchmark, or simulated drives."""

    @property
    def title(self) -> str:
        """Name it for people."""

    @property
    def classes(self) -> tuple[SemanticClass, ...]:
        """Tell the classes; index = class id."""

    @property
    def label_set(self) -> str:
        """Name the list of classes."""

    def facts(self) -> dict[str, str]:
        """Say what is measured, for the protocol."""

    def __len__(self) -> int:
        """Count the images."""

    def images(self) -> Iterator[LabelledImage]:
        """Read one after another."""


def size(pixels: NDArray[np.uint8]) -> str:
    """Write the size of an image or mask."""
    return f'{pixels.shape[1]}x{pixels.shape[0]}'
