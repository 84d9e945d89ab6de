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

"""Options of the baseline that sees no LiDAR: k-means on patches of whole images."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.image_features import ImageFeaturesConfig
from dseg_ros.config.schema import Config, option, section


@dataclass(frozen=True)
class CameraOnlyConfig(Config):
    """What an image patch is described by, and how patches are clustered."""

    features: str = option('colour', 'What describes a patch: colour (Lab mean and deviation, '
                           'gradient histogram; no network) or backbone (patch tokens).',
                           choices=('colour', 'backbone'))
    position: bool = option(False, 'The place in the image is a feature, too.')
    position_weight: float = option(1.0, 'What it weighs against a standardised feature.', low=0)
    network_pixels: int = option(288 * 512, 'Pixels of an image that is cut into patches of 16 '
                                 'px (colour); inference scale.', low=32 * 32)
    patches_per_drive: int = option(20000, 'Patches drawn from each drive; drives weigh alike.',
                                    low=16)
    inits: int = option(6, 'Starts of k-means, of which the best counts.', low=1)
    seed: int = option(1, 'Seed of the sampling and of k-means.', low=0)
    images: ImageFeaturesConfig = section(ImageFeaturesConfig, 'Features: backbone.')
