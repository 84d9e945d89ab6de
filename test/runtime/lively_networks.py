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

"""Untrained networks of every kind whose labels differ from place to place, and runs of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.config.segmenter import SegmenterConfig
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import Provenance
from dseg_ros.models.networks import build, Network
from dseg_ros.runtime.engine import ModelInfo
import numpy as np
import torch

SEGMENTER = SegmenterConfig(width=24, depth=2, heads=2, image_px=64)
KINDS = [ModelConfig('tiny', 6), ModelConfig('residual', 6),
         ModelConfig('segmenter', segmenter=SEGMENTER)]
CLASSES = 5
PIXELS = 64 * 96


def smooth_picture(height: int, width: int, seed: int = 4) -> np.ndarray:
    """Draw blobs: what resizing does to them depends little on its details."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), min(height, width) / 16), None, 0, 255,
                         cv2.NORM_MINMAX)


def lively(config: ModelConfig) -> Network:
    """Build an untrained network whose labels differ from place to place."""
    network = build(config, CLASSES, seed=3).eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        if config.kind == 'segmenter':
            torch.nn.init.normal_(network.encoder.pos_embed, std=0.5)
            for module in network.modules():
                if isinstance(module, torch.nn.Linear):
                    torch.nn.init.normal_(module.weight, std=0.3)
        else:
            network.head.weight.data *= 20
    return network


def info_of(config: ModelConfig, **changes: object) -> ModelInfo:
    """Describe a model of such a network."""
    return replace(ModelInfo(tuple('abcde'), np.zeros((CLASSES, 3), np.uint8),
                             network_pixels=PIXELS, network=config.kind), **changes)


def saved_run(folder: Path, config: ModelConfig, network: Network) -> Path:
    """Write a finished run."""
    made_of = Provenance(tuple('abcde'), ((9, 8, 7),) * CLASSES,
                         {'model': as_mapping(config), 'steps': 2}, 'c0ffee')
    folder.mkdir(exist_ok=True)
    checkpoint.save(folder / checkpoint.FINISHED, network.state_dict(), made_of, 2)
    return folder
