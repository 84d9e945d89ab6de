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

"""Options of Segmenter, the network of the paper."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.backbone import BackboneConfig
from dseg_ros.config.schema import Config, ConfigError, option, section


@dataclass(frozen=True)
class SegmenterConfig(Config):
    """
    Segmenter with a ViT-S/16 encoder and one decoder layer, as Drive&Segment uses it (published).

    Patches are 16 px wide, always.
    """

    width: int = option(384, 'Channels of every token.', low=8)
    depth: int = option(12, 'Transformer blocks of the encoder.', low=1)
    heads: int = option(6, 'Attention heads of encoder and decoder.', low=1)
    mlp_ratio: float = option(4.0, 'Width of the hidden layer of a block, in widths.', low=0.5)
    drop_path: float = option(0.1, 'Stochastic depth of the last encoder block; linear up to it.',
                              low=0, high=0.9)
    decoder_layers: int = option(1, 'Transformer blocks of the decoder.', low=1)
    decoder_dropout: float = option(0.1, 'Dropout in the decoder.', low=0, high=0.9)
    image_px: int = option(512, 'Side that the position embedding is made for [px]; other sizes '
                           'interpolate it.', low=16)
    pretrained: bool = option(False, 'The encoder starts from the weights of backbone, a '
                              'self-supervised ViT of these sizes (published); else from none.')
    backbone: BackboneConfig = section(BackboneConfig)

    def check(self) -> None:
        """Heads divide the width, patches the image."""
        if self.width % self.heads:
            raise ConfigError(f'heads: {self.heads} do not divide width {self.width}')
        if self.image_px % 16:
            raise ConfigError(f'image_px: {self.image_px} is no multiple of 16')
