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
How networks want pixels: each by its own normalisation.

The exported model does the same inside its graph (runtime/export/surroundings.py); tests compare.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def per_image(raw: Tensor) -> Tensor:
    """
    Centre and scale each channel of each image by its own mean and deviation (our choice).

    :param raw: (B, 3, H, W) float, 0..255.
    """
    centred = raw - raw.mean((2, 3), keepdim=True)
    deviation = centred.square().mean((2, 3), keepdim=True).sqrt()
    return centred / (deviation + 1.0)


def imagenet(raw: Tensor) -> Tensor:
    """
    Centre and scale the channels by ImageNet's mean and deviation, as Drive&Segment does.

    :param raw: (B, 3, H, W) float, 0..255.
    """
    shape = (1, 3, 1, 1)
    mean = raw.new_tensor(IMAGENET_MEAN).view(shape)
    return (raw / 255 - mean) / raw.new_tensor(IMAGENET_DEVIATION).view(shape)


NORMALISATIONS: dict[str, Callable[[Tensor], Tensor]] = {'per_image': per_image,
                                                         'imagenet': imagenet}
"""By the name that a network carries as `normalisation`."""
