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
Segmenter (Strudel et al., ICCV 2021): a ViT encoder and a mask transformer as its decoder.

Teacher and student of Drive&Segment (section 3.3). Sizes as published; the encoder is timm's, so
that weights of self-supervised ViTs fit (models/backbones.py).
"""

from __future__ import annotations

from dseg_ros.config.segmenter import SegmenterConfig
from timm.models.vision_transformer import Block, VisionTransformer
import torch
from torch import nn, Tensor
from torch.nn import functional

STRIDE = 16
"""Input sides must be multiples of this [px]."""

OUTPUT_STRIDE = 1
"""Logits come at the input's size."""


class MaskTransformer(nn.Module):
    """
    Decode patches into masks: class tokens attend to patches; a mask is their similarity.

    :param classes: K, one class token each.
    :param config: sizes.
    """

    def __init__(self, classes: int, config: SegmenterConfig) -> None:
        """Build it with random weights."""
        super().__init__()
        width, dropout = config.width, config.decoder_dropout
        self.enter = nn.Linear(width, width)
        self.class_tokens = nn.Parameter(torch.zeros(1, classes, width))
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.mlp_ratio, qkv_bias=True, proj_drop=dropout,
                  attn_drop=dropout) for _ in range(config.decoder_layers))
        self.norm = nn.LayerNorm(width)
        self.of_patches = nn.Linear(width, width, bias=False)
        self.of_classes = nn.Linear(width, width, bias=False)
        self.mask_norm = nn.LayerNorm(classes)
        self.apply(_small_random)
        nn.init.trunc_normal_(self.class_tokens, std=0.02)
        for projection in (self.of_patches, self.of_classes):
            nn.init.normal_(projection.weight, std=width ** -0.5)

    def forward(self, patches: Tensor) -> Tensor:
        """Map patches (B, N, width) to masks (B, N, K)."""
        tokens = self.class_tokens.expand(patches.shape[0], -1, -1)
        x = torch.cat([self.enter(patches), tokens], 1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        n = patches.shape[1]
        patch = functional.normalize(self.of_patches(x[:, :n]), dim=-1)
        token = functional.normalize(self.of_classes(x[:, n:]), dim=-1)
        masks: Tensor = self.mask_norm(patch @ token.transpose(1, 2))
        return masks


def _small_random(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Segmenter(nn.Module):
    """
    Encoder, mask transformer, bilinear enlargement.

    :param classes: K pseudo-classes (the paper's 31).
    :param config: sizes; the defaults are the published ones.
    """

    stride = STRIDE
    output_stride = OUTPUT_STRIDE
    normalisation = 'imagenet'

    def __init__(self, classes: int, config: SegmenterConfig) -> None:
        """Build it with random weights; a self-supervised encoder is put in afterwards."""
        super().__init__()
        self.encoder = VisionTransformer(
            img_size=config.image_px, patch_size=STRIDE, embed_dim=config.width,
            depth=config.depth, num_heads=config.heads, mlp_ratio=config.mlp_ratio,
            drop_path_rate=config.drop_path, num_classes=0, global_pool='',
            dynamic_img_size=True)
        self.decoder = MaskTransformer(classes, config)

    def forward(self, pixels: Tensor) -> Tensor:
        """
        Compute logits.

        :param pixels: (B, 3, H, W) float, ImageNet-normalised; H and W multiples of STRIDE.
        :returns: (B, K, H, W).
        :raises ValueError: for another size.
        """
        height, width = int(pixels.shape[2]), int(pixels.shape[3])
        if height % STRIDE or width % STRIDE:
            raise ValueError(f'image of {width}x{height} px: not multiples of {STRIDE}')
        tokens = self.encoder.forward_features(pixels)
        masks = self.decoder(tokens[:, self.encoder.num_prefix_tokens:])
        coarse = masks.transpose(1, 2).unflatten(2, (height // STRIDE, width // STRIDE))
        return functional.interpolate(coarse, size=(height, width), mode='bilinear',
                                      align_corners=False)


def build(classes: int, config: SegmenterConfig, seed: int) -> Segmenter:
    """Build a network whose random weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Segmenter(classes, config)
