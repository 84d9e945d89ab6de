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

"""What a trained network says of an image: probabilities, averaged over sizes and a mirror."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from dseg_ros.config.distill import ModelConfig, TrainingConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.distill.devices import device
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import CheckpointError, Provenance
from dseg_ros.models.networks import build, Network, normalise
from dseg_ros.models.sliding_window import slide
from dseg_ros.models.weights_file import mismatches
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
from torch.nn import functional


class Predictor:
    """A finished run's network, ready to look at images as its recipe says."""

    def __init__(self, run: Path, accelerator: str = 'auto') -> None:
        """
        Load it.

        :param run: directory of a finished run.
        :param accelerator: auto, cpu or cuda.
        :raises CheckpointError: if the run is not finished or its weights are another network's.
        :raises DeviceError: if there is no such device.
        """
        path = run / checkpoint.FINISHED
        tensors, self.made_of, _ = checkpoint.load(path)
        self._device = device(accelerator)
        self.network = network_of(self.made_of, tensors, path).to(self._device).eval()
        training = training_of(self.made_of)
        self._pixels, self._window = training.network_pixels, training.window

    def __call__(self, rgb: NDArray[np.uint8], scales: Sequence[float] = (1.0,),
                 flip: bool = False) -> NDArray[np.float32]:
        """
        Predict.

        :param rgb: (H, W, 3) uint8.
        :param scales: sizes relative to inference, averaged.
        :param flip: whether to average with the mirrored image, too.
        :returns: (H, W, C) float32 probabilities.
        """
        raw = torch.from_numpy(rgb).to(self._device).permute(2, 0, 1)[None].float()
        total = torch.zeros((), device=self._device)
        with torch.inference_mode():
            for scale in scales:
                sized = self._sized(raw, scale)
                total = total + self._look(sized, rgb.shape[:2])
                if flip:
                    total = total + self._look(sized.flip(3), rgb.shape[:2]).flip(3)
        mean = total[0].permute(1, 2, 0) / (len(scales) * (1 + flip))
        return np.ascontiguousarray(mean.cpu().numpy())

    def pixels(self, rgb: NDArray[np.uint8]) -> Tensor:
        """Give what the network sees of an image (H, W, 3) uint8 at inference: (1, 3, h, w)."""
        raw = torch.from_numpy(rgb).to(self._device).permute(2, 0, 1)[None].float()
        return normalise(self.network, self._sized(raw, 1.0))

    def _sized(self, raw: Tensor, scale: float) -> Tensor:
        """Resize (1, 3, H, W) to the pixels wanted, sides multiples of the stride."""
        h, w = raw.shape[2:]
        stride = self.network.stride
        factor = scale * (self._pixels / (h * w)) ** 0.5
        size = [max(1, round(s * factor / stride)) * stride for s in (h, w)]
        return functional.interpolate(raw, size, mode='bilinear', antialias=True,
                                      align_corners=False)

    def _look(self, raw: Tensor, shape: tuple[int, ...]) -> Tensor:
        pixels = normalise(self.network, raw)
        if self._window.side_px:
            logits = slide(self._full_size, pixels, self._window.side_px, self._window.step_px)
        else:
            logits = self.network(pixels)
        return functional.interpolate(logits.softmax(1), list(shape), mode='bilinear',
                                      align_corners=False)

    def _full_size(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.network(pixels)
        return functional.interpolate(logits, pixels.shape[2:], mode='bilinear',
                                      align_corners=False)


def training_of(made_of: Provenance) -> TrainingConfig:
    """Read back how a run was trained; its recipe may say more than that."""
    known = {f.name for f in fields(TrainingConfig)}
    return from_mapping(TrainingConfig, {k: v for k, v in made_of.recipe.items() if k in known})


def network_of(made_of: Provenance, tensors: dict[str, Tensor], path: Path) -> Network:
    """
    Build the network of a run and give it its weights.

    :param made_of: says which network.
    :param tensors: the checkpoint's.
    :param path: the checkpoint, for the error.
    :raises CheckpointError: for weights of another network.
    """
    model = from_mapping(ModelConfig, made_of.recipe.get('model', {}), str(path))
    network = build(model, len(made_of.class_names), 0)
    weights = {k: t for k, t in tensors.items() if '/' not in k}
    if wrong := mismatches(network, weights):
        raise CheckpointError(f'{path}: not the weights of a {model.kind} network as its recipe '
                              f'describes: {wrong[0]}')
    network.load_state_dict(weights)
    return network
