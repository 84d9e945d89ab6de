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
Self-supervised ViTs that describe images: [CLS] and patch tokens.

Drive&Segment (section 3.2) describes its proposals by such a network, of the DINO family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
from typing import Protocol
from urllib.error import URLError
from urllib.request import urlopen

from dseg_ros.config.backbone import BackboneConfig
from dseg_ros.models.onnx_backbone import OnnxNetwork
from dseg_ros.models.weights_file import BackboneError, fit, read_weights
import numpy as np
from numpy.typing import NDArray
import timm
from timm.layers.pos_embed import resample_abs_pos_embed
from timm.models.eva import Eva
from timm.models.vision_transformer import checkpoint_filter_fn, VisionTransformer
import torch
from torch import Tensor

Vit = VisionTransformer | Eva
"""Kinds of ViT in timm; DINOv3's is an Eva."""

_TIMEOUT_S = 10.0
_HUB = 'https://huggingface.co'


class Network(Protocol):
    """What turns pixels into tokens."""

    patch_px: int
    fixed_px: tuple[int, int] | None

    def tokens(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Describe images.

        :param pixels: (B, 3, H, W), normalised; H and W multiples of patch_px, or fixed_px.
        :returns: (B, P + H / patch_px * W / patch_px, D); the first of P tokens is [CLS].
        """
        ...


@dataclass(frozen=True)
class Backbone:
    """
    A loaded network.

    :param network: turns pixels into tokens.
    :param name: what to call it.
    :param sha256: of its weights file.
    :param mean: of its training images' channels, 0..1.
    :param deviation: likewise.
    """

    network: Network
    name: str
    sha256: str
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def describe(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32],
                                                             NDArray[np.float32]]:
        """
        Describe a batch of images of one size.

        :param pixels: (B, 3, H, W) float32, normalised.
        :returns: [CLS] (B, D) and patches (B, H / patch_px, W / patch_px, D).
        :raises BackboneError: for a size that the network does not take.
        """
        height, width = pixels.shape[2:]
        patch, fixed = self.network.patch_px, self.network.fixed_px
        if height % patch or width % patch or (fixed and fixed != (height, width)):
            takes = f'{fixed[1]}x{fixed[0]} px' if fixed else f'multiples of {patch} px'
            raise BackboneError(f'{self.name}: image of {width}x{height} px, it takes {takes}')
        tokens = self.network.tokens(pixels)
        rows, columns = height // patch, width // patch
        if tokens.ndim != 3 or tokens.shape[1] <= rows * columns:
            raise BackboneError(f'{self.name}: gives {tokens.shape} for {rows}x{columns} patches; '
                                'expected are images x ([CLS] + patches) x channels')
        grid = tokens[:, tokens.shape[1] - rows * columns:]
        return tokens[:, 0], grid.reshape(len(tokens), rows, columns, -1)


class TimmNetwork:
    """
    A ViT of timm; bfloat16 where the device has it.

    :param model: its weights loaded.
    :param device: where it runs.
    """

    fixed_px: tuple[int, int] | None = None

    def __init__(self, model: Vit, device: torch.device) -> None:
        """Move it there."""
        half = device.type == 'cuda' and torch.cuda.is_bf16_supported()
        self._model = model.eval().to(device, torch.bfloat16 if half else torch.float32)
        self.patch_px = int(model.patch_embed.patch_size[0])

    def tokens(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Describe images, see Network."""
        first = next(self._model.parameters())
        with torch.inference_mode():
            out = self._model.forward_features(
                torch.from_numpy(pixels).to(first.device, first.dtype))
        return np.asarray(out.float().cpu().numpy(), np.float32)


def load_backbone(config: BackboneConfig) -> Backbone:
    """
    Load a backbone from a local file, or fetch its file first.

    :raises BackboneError: for an unknown name; for a file that is missing, damaged or of another
        network, naming the first keys that do not fit; without a network, naming the file to
        fetch and where to put it.
    """
    if config.weights.endswith('.onnx'):
        path = Path(config.weights).expanduser()
        network = OnnxNetwork(path, config.device != 'cpu')
        return Backbone(network, path.stem, _sha256(path), *_IMAGENET)
    model, mean, deviation = _create(config.name)
    path = weights_path(config)
    load_encoder(model, path, config.name)
    return Backbone(TimmNetwork(model, _device(config.device)), config.name, _sha256(path),
                    mean, deviation)


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def load_encoder(model: Vit, path: Path, name: str) -> None:
    """
    Put a file's weights into a ViT; DINO's, DINOv2's and timm's names of tensors are known.

    :param model: the ViT; the position embedding is interpolated to its grid.
    :param path: .safetensors or .pth.
    :param name: what to call the ViT in an error.
    :raises BackboneError: for a file of another network.
    """
    tensors = read_weights(path)
    patch = 'patch_embed.proj.weight'
    same_patches = patch in tensors and tensors[patch].shape == model.state_dict()[patch].shape
    if isinstance(model, VisionTransformer) and 'mask_token' in tensors and same_patches:
        # DINOv2's own names, turned into timm's
        tensors = dict(checkpoint_filter_fn(tensors, model))
    fit(model, _on_grid(tensors, model), path, name)


def _on_grid(tensors: Mapping[str, Tensor], model: Vit) -> dict[str, Tensor]:
    """Interpolate a square position embedding to the network's grid."""
    own, given = model.pos_embed, tensors.get('pos_embed')
    prefix = 0 if model.no_embed_class else model.num_prefix_tokens
    if own is None or given is None or given.ndim != 3 or given.shape[-1] != own.shape[-1] or (
            given.shape == own.shape):
        return dict(tensors)
    side = round(max(0, given.shape[1] - prefix) ** 0.5)
    if not side or side ** 2 != given.shape[1] - prefix:
        return dict(tensors)
    size = list(model.patch_embed.grid_size)
    return {**tensors, 'pos_embed': resample_abs_pos_embed(
        given, size, [side, side], num_prefix_tokens=prefix)}


def weights_path(config: BackboneConfig) -> Path:
    """Find the weights file that a configuration names, fetching it as a last resort."""
    return Path(config.weights).expanduser() if config.weights else fetched(config)


def fetched(config: BackboneConfig, hub: str = _HUB) -> Path:
    """
    Find the weights of a name in the folder, fetching them if they are not there.

    :param config: name and folder.
    :param hub: address of the hub.
    :raises BackboneError: without a network, naming the file to fetch and where to put it.
    """
    path = Path(config.folder).expanduser() / f'{config.name}.safetensors'
    if path.is_file():
        return path
    source = timm.get_pretrained_cfg(config.name)
    if source is None or not source.hf_hub_id:
        raise BackboneError(f'{config.name}: timm knows no weights of it; name a file as weights')
    url = f'{hub}/{source.hf_hub_id}/resolve/main/model.safetensors'
    part = path.with_name(path.name + '.part')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urlopen(url, timeout=_TIMEOUT_S) as answer, part.open('wb') as f:
            while block := answer.read(1 << 20):
                f.write(block)
        os.replace(part, path)
    except (URLError, OSError) as error:
        raise BackboneError(f'cannot fetch the weights of {config.name}: {error}; fetch {url} '
                            f'elsewhere and put it at {path}') from error
    return path


def _create(name: str) -> tuple[Vit, tuple[float, float, float],
                                tuple[float, float, float]]:
    if not timm.is_model(name):
        near = timm.list_models(f'*{name.partition(".")[0]}*')[:5]
        raise BackboneError(f'{name!r}: timm has no such model; near are {near or "none"}')
    try:
        model = timm.create_model(name, num_classes=0, dynamic_img_size=True)
    except TypeError:      # other kinds of network take no such options
        model = None
    except RuntimeError as error:
        raise BackboneError(f'{name!r}: no such weights: {error}') from error
    if not isinstance(model, (VisionTransformer, Eva)):
        raise BackboneError(f'{name!r}: is no ViT')
    source = timm.get_pretrained_cfg(name)
    mean, deviation = (source.mean, source.std) if source else _IMAGENET
    return model, (mean[0], mean[1], mean[2]), (deviation[0], deviation[1], deviation[2])


def _device(name: str) -> torch.device:
    if name == 'cuda' and not torch.cuda.is_available():
        raise BackboneError('device: cuda, but torch finds no GPU')
    return torch.device('cuda' if name != 'cpu' and torch.cuda.is_available() else 'cpu')


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
