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

"""What networks see in an image, before they decide: features on a coarse grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dseg_ros.distill.prediction import Predictor, training_of
from dseg_ros.models.backbones import Backbone
from dseg_ros.models.networks import build
from dseg_ros.models.segmenter import Segmenter, STRIDE
from dseg_ros.pseudo.image_features import normalised, whole_image
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor

Floats = NDArray[np.float32]
_SEED = 0
"""Of random weights that stand for no training."""


class FeatureError(ValueError):
    """Features that cannot be had or used; the message says why."""


def features(network: nn.Module, pixels: Tensor) -> Tensor:
    """
    Compute what a network's last layer decides by.

    :param network: a Segmenter (its features: the encoder's patch tokens), or a network with a
        method `features` (what its head sees).
    :param pixels: (B, 3, H, W) float, normalised as the network wants it.
    :returns: (B, D, h, w) at the network's feature stride.
    :raises FeatureError: for a network that tells no features.
    """
    if isinstance(network, Segmenter):
        tokens = network.encoder.forward_features(pixels)[:, network.encoder.num_prefix_tokens:]
        return tokens.transpose(1, 2).reshape(
            len(pixels), -1, pixels.shape[2] // STRIDE, pixels.shape[3] // STRIDE)
    tell: Callable[[Tensor], Tensor] | None = getattr(network, 'features', None)
    if tell is None:
        raise FeatureError(f'{type(network).__name__}: tells no features')
    return tell(pixels)


class Describer(Protocol):
    """What turns an image into features."""

    name: str

    def facts(self) -> dict[str, str]:
        """Say what it is, for the protocol."""

    def __call__(self, rgb: NDArray[np.uint8]) -> Floats:
        """Describe an image (H, W, 3) uint8 by (h, w, D) float32."""


class RunDescriber:
    """
    A trained network: its features and, on the way, its prediction.

    :param run: directory of a finished run.
    :param untrained: draw the weights of all layers anew: what training is worth.
    :raises CheckpointError: if the run is not finished.
    """

    def __init__(self, run: Path, untrained: bool = False) -> None:
        """Load it."""
        self._predict = Predictor(run)
        self.made_of = self._predict.made_of
        self.name = f'{run}{" with random weights" if untrained else ""}'
        self._untrained = untrained
        if untrained:
            self._predict.network.load_state_dict(build(
                training_of(self.made_of).model, len(self.made_of.class_names),
                _SEED).state_dict())

    def facts(self) -> dict[str, str]:
        """Say what it is, for the protocol."""
        network = type(self._predict.network).__name__
        trained = f'not trained, seed {_SEED}' if self._untrained else (
            f'trained on data {self.made_of.data_sha256[:12]}, '
            f'seed {self.made_of.recipe.get("seed", "unknown")}')
        return {'network': f'{self.name}: {network}, {len(self.made_of.class_names)} '
                           f'pseudo-classes, {trained}'}

    def __call__(self, rgb: NDArray[np.uint8]) -> Floats:
        """Describe an image."""
        with torch.inference_mode():
            found = features(self._predict.network, self._predict.pixels(rgb))
        return np.ascontiguousarray(found[0].permute(1, 2, 0).float().cpu().numpy())

    def both(self, rgb: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """
        Describe an image and predict.

        :returns: features (h, w, D) of the whole image in one pass, and probabilities (H, W, C).
        """
        return self(rgb), self._predict(rgb)


class BackboneDescriber:
    """
    A backbone: its patch tokens.

    :param backbone: the network.
    :param pixels: that it is made to see of an image.
    """

    def __init__(self, backbone: Backbone, pixels: int) -> None:
        """Keep it."""
        self._backbone, self._pixels = backbone, pixels
        self.name = backbone.name

    def facts(self) -> dict[str, str]:
        """Say what it is, for the protocol."""
        return {'network': f'{self.name}, weights {self._backbone.sha256[:12]}; sees about '
                           f'{self._pixels:,} pixels of an image'}

    def __call__(self, rgb: NDArray[np.uint8]) -> Floats:
        """Describe an image."""
        network = self._backbone.network
        image = whole_image(normalised(rgb, self._backbone.mean, self._backbone.deviation),
                            self._pixels, network.patch_px, network.fixed_px)
        return np.asarray(self._backbone.describe(image[None])[1][0])
