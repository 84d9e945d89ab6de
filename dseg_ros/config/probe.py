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

"""Options of the probes: what features are worth, told by few labels."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.backbone import BackboneConfig
from dseg_ros.config.schema import Config, option, section


@dataclass(frozen=True)
class ProbeConfig(Config):
    """How features of pixels are classified by labelled ones, the network left as it is."""

    seed: int = option(1, 'Seed of what is drawn from the training images.', low=0)
    cells_per_image: int = option(400, 'Labelled cells of the feature map that are drawn from a '
                                  'training image.', low=1)
    neighbours: int = option(20, 'k of the k-NN probe.', low=1)
    temperature: float = option(0.07, 'A neighbour votes with exp(cosine / temperature), as in '
                                "DINO's evaluation.", low=0.001, high=100)
    inverse_penalty: float = option(1.0, 'Inverse strength of the L2 penalty of the linear probe '
                                    '(C of logistic regression).', low=1e-6, high=1e6)
    iterations: int = option(500, 'Most iterations of the linear probe (L-BFGS).', low=1)
    train_share: float = option(0.5, "Share of a benchmark's images, first by name, that trains; "
                                'the rest tests.', low=0.01, high=0.99)
    image_pixels: int = option(480 * 832, 'Pixels that a backbone sees of an image; a trained '
                               'network sees what it sees at inference.', low=32 * 32)
    backbone: BackboneConfig = section(BackboneConfig, 'The backbone, where one is probed.')
