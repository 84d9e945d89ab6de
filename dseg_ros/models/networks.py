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
Every kind of network that the recipes can train, behind one face.

A network is a module that maps normalised pixels (B, 3, H, W), H and W multiples of `stride`, to
logits (B, C, H / output_stride, W / output_stride).
"""

from __future__ import annotations

from typing import Protocol

from dseg_ros.config.distill import ModelConfig
from dseg_ros.models import residual, segmenter, tiny
from dseg_ros.models.backbones import load_encoder, weights_path
from dseg_ros.models.normalisation import NORMALISATIONS
from dseg_ros.models.pyramid import Pyramid
from torch import nn, Tensor


class Traits(Protocol):
    """What the surroundings of a network have to know of it."""

    stride: int
    output_stride: int
    normalisation: str


Network = Pyramid | segmenter.Segmenter
"""Any of the kinds."""


def build(config: ModelConfig, classes: int, seed: int) -> Network:
    """
    Build a network whose random weights depend on kind, sizes and seed alone.

    :param config: kind and sizes.
    :param classes: C, number of pseudo-classes.
    """
    if config.kind == 'segmenter':
        return segmenter.build(classes, config.segmenter, seed)
    if config.kind == 'residual':
        return residual.build(classes, config.width, seed)
    return tiny.build(classes, config.width, seed)


def initialise(network: Network, config: ModelConfig) -> None:
    """
    Put in the weights that a recipe starts from, where it does not start from random ones.

    :param network: what `build` made of the same configuration.
    :raises BackboneError: for weights that are not there or of another network.
    """
    if isinstance(network, segmenter.Segmenter) and config.segmenter.pretrained:
        backbone = config.segmenter.backbone
        load_encoder(network.encoder, weights_path(backbone), backbone.name)


def traits(config: ModelConfig) -> Traits:
    """Tell what a kind of network needs, without building one."""
    kinds: dict[str, type[nn.Module]] = {
        'tiny': tiny.TinySegmenter, 'residual': residual.ResidualSegmenter,
        'segmenter': segmenter.Segmenter}
    found: Traits = kinds[config.kind]  # type: ignore[assignment]
    return found


def normalise(network: Traits, raw: Tensor) -> Tensor:
    """
    Normalise pixels as a network wants them.

    :param raw: (B, 3, H, W) float, 0..255.
    """
    return NORMALISATIONS[network.normalisation](raw)
