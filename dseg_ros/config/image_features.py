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

"""Options of the feature modes that look at images through a self-supervised network."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.backbone import BackboneConfig
from dseg_ros.config.masks import MaskConfig
from dseg_ros.config.schema import Config, option, section

GEOMETRY, PATCH_POOL, CLS_CROP = 'geometry', 'patch_pool', 'cls_crop'


@dataclass(frozen=True)
class ImageFeaturesConfig(Config):
    """How proposals are described by what a network sees of them."""

    crop_px: int = option(224, 'Side that crops are resized to [px].', low=16)
    least_mask_px: int = option(64, 'Masks of fewer pixels are not described [px].', low=1)
    image_pixels: int = option(480 * 832, 'Pixels that patch_pool makes the network see of an '
                               'image.', low=32 * 32)
    mask: MaskConfig = section(MaskConfig)
    backbone: BackboneConfig = section(BackboneConfig)
