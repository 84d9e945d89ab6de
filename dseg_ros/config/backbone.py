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

"""Options of a self-supervised backbone that describes images."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, option


@dataclass(frozen=True)
class BackboneConfig(Config):
    """Which network, from which file, on which device."""

    name: str = option('vit_small_patch16_224.dino', "timm's name of a ViT; a weights file has to "
                       'fit it. Of no meaning for an ONNX file.')
    weights: str = option('', 'Local file: .safetensors, .pth, .pt or .onnx; empty: '
                          'FOLDER/NAME.safetensors, which is fetched where there is a network.')
    folder: str = option('~/.cache/dseg_ros/backbones', 'Where fetched weights are kept.')
    device: str = option('auto', 'Where it runs; auto: the GPU if there is one.',
                         choices=('auto', 'cpu', 'cuda'))
    batch: int = option(16, 'Images or crops at once.', low=1)
