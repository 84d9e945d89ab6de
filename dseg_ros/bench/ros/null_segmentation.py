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

"""Our segmentation node with a network that takes no time: what is left is ours."""

from __future__ import annotations

from collections.abc import Sequence

from dseg_ros.nodes.running import main_of
from dseg_ros.nodes.segmentation_node import SegmentationNode
from dseg_ros.runtime.engine import ModelInfo
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray


class NullEngine:
    """Answers at once."""

    def __init__(self, info: ModelInfo) -> None:
        """Take the place of an engine."""
        self.info = info
        self._labels = LabelMap(*np.zeros((2, 1, 1), np.uint8))

        self.runs_on = 'nothing'
        self.typical_size = 360, 640

    def infer(self, rgb: NDArray[np.uint8]) -> LabelMap:
        """Return the same labels for all images of a size."""
        if self._labels.ids.shape != rgb.shape[:2]:
            self._labels = LabelMap(*np.zeros((2, *rgb.shape[:2]), np.uint8))
        return self._labels

    def infer_many(self, images: Sequence[NDArray[np.uint8]]) -> list[LabelMap]:
        """Return the same labels for all images of a size."""
        return [self.infer(rgb) for rgb in images]

    def close(self) -> None:
        """Hold nothing."""


class NullSegmentationNode(SegmentationNode):
    """All of the node but its network."""

    def build(self) -> None:
        """Load the model for its classes, then leave it alone."""
        super().build()
        self._engine = NullEngine(self._loaded().info)


if __name__ == '__main__':
    main_of(lambda: [NullSegmentationNode()])
