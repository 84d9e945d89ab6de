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

"""What sizes and batches of images an engine takes."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.runtime import TensorRtConfig
from dseg_ros.runtime.engine import EngineError, ImageRefused, ModelInfo

Size = tuple[int, int]


@dataclass(frozen=True)
class Shapes:
    """
    Limits of an engine's input, all sizes as height, width [px].

    :param least: smallest image.
    :param likely: what it is tuned for.
    :param most: largest image.
    :param batch: most images at once; 0 for a model that takes single ones, without an axis.
    """

    least: Size
    likely: Size
    most: Size
    batch: int = 0

    def profile(self) -> tuple[tuple[int, ...], ...]:
        """Return the least, likely and largest shape of the input tensor."""
        return tuple(((count,) if self.batch else ()) + size + (3,) for count, size in (
            (1, self.least), (self.batch, self.likely), (self.batch, self.most)))

    def takes(self, height: int, width: int) -> bool:
        """Tell whether an image of this size is taken."""
        return (self.least[0] <= height <= self.most[0]
                and self.least[1] <= width <= self.most[1])

    def check(self, height: int, width: int) -> None:
        """Raise ImageRefused unless an image of this size is taken."""
        if not self.takes(height, width):
            raise ImageRefused(f'image is {width}x{height} px, the engine is built for {self}; '
                               'engine.tensorrt.least and .most change that')

    def __str__(self) -> str:
        """Say it in a few words."""
        least, most = (f'{width}x{height}' for height, width in (self.least, self.most))
        sizes = f'{least} px' if least == most else f'{least} to {most} px'
        return f'{sizes}, up to {self.batch} at once' if self.batch > 1 else sizes


def shapes_of(info: ModelInfo, config: TensorRtConfig) -> Shapes:
    """
    Decide on the limits for a model.

    :param info: the model's metadata; its own size wins.
    :param config: what is wanted for one that takes any size.
    :raises EngineError: if a batch is wanted of a model that takes none.
    """
    if config.batch > 1 and not info.batched:
        raise EngineError(f'batch: {config.batch}, but the model takes single images; export it '
                          'with --batched')
    batch = config.batch if info.batched else 0
    if info.input_height:
        only = info.input_height, info.input_width
        return Shapes(only, only, only, batch)
    (least, likely, most) = ((shape[0], shape[1]) for shape in (
        config.least, config.likely, config.most))
    return Shapes(least, likely, most, batch)
