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
"""Whether a written model does what its network does in torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dseg_ros.models.networks import Network, normalise
from dseg_ros.runtime.engine import Engine
from dseg_ros.runtime.export.surroundings import network_size
import numpy as np
from numpy.typing import NDArray
import torch
from torch.nn import functional

AS_LIKELY = 0.02
"""A label may be less likely than torch's own by this much, in probability: where two classes
are all but equal, rounding decides."""

CONFIDENCE_ERROR = 0.02
"""Mean difference of confidence that is tolerated, in probability."""


class ExportError(RuntimeError):
    """A model that cannot be exported as asked; the message says what is wrong with it."""


@dataclass(frozen=True)
class Agreement:
    """
    What a model and torch have in common, over all pixels of some images.

    :param images: how many.
    :param same: share of pixels with the label that torch gives.
    :param as_likely: share of pixels with that label or one that torch finds as likely.
    :param confidence_error: mean difference of confidence, in probability.
    """

    images: int
    same: float
    as_likely: float
    confidence_error: float

    def __str__(self) -> str:
        """Say it in a line."""
        return (f'{self.same:.2%} of the labels are those of torch, {self.as_likely:.2%} are as '
                f'likely; confidence differs by {self.confidence_error:.4f} '
                f'({self.images} images)')


def network_input(network: Network, rgb: NDArray[np.uint8], network_pixels: int) -> torch.Tensor:
    """
    Give what the network sees of an image, in the exported model as well.

    :param network: tells stride and normalisation.
    :param rgb: (H, W, 3) uint8.
    :param network_pixels: area that the network sees [px].
    :returns: (1, 3, h, w) float32.
    """
    height, width = rgb.shape[:2]
    size = network_size(height, width, network_pixels, network.stride)
    raw = functional.interpolate(
        torch.from_numpy(rgb).permute(2, 0, 1)[None].float(), size=size, mode='bilinear',
        align_corners=False).floor()  # ONNX Runtime drops fractions of uint8
    return normalise(network, raw)


def by_torch(network: Network, rgb: NDArray[np.uint8], network_pixels: int,
             output_stride: int) -> NDArray[np.float32]:
    """
    Do what the exported model does, in torch.

    :param network: in evaluation mode.
    :param rgb: (H, W, 3) uint8.
    :param network_pixels: area that the network sees [px].
    :param output_stride: labels are decided at the network's resolution divided by this.
    :returns: (H, W, C) float32 probabilities.
    """
    with torch.inference_mode():
        pixels = network_input(network, rgb, network_pixels)
        fine = functional.interpolate(
            network(pixels), size=[s // output_stride for s in pixels.shape[2:]],
            mode='bilinear', align_corners=False)
        probability = fine.softmax(1)[0].permute(1, 2, 0).numpy()
    v, u = ((2 * np.arange(n) + 1) * m // (2 * n)
            for n, m in zip(rgb.shape[:2], probability.shape))
    wide: NDArray[np.float32] = probability[v[:, None], u[None, :]]
    return wide


def compare(engine: Engine, network: Network, images: Sequence[NDArray[np.uint8]],
            output_stride: int) -> Agreement:
    """
    Compare a model with its network.

    :param engine: runs the model.
    :param network: in evaluation mode.
    :param images: (H, W, 3) uint8 each.
    :param output_stride: what the model was exported with.
    """
    sums, pixels = np.zeros(3), 0
    for rgb in images:
        found = engine.infer(rgb)
        wanted = by_torch(network, rgb, engine.info.network_pixels, output_stride)
        best = wanted.max(-1)
        own = np.take_along_axis(wanted, found.ids[..., None].astype(np.int64), -1)[..., 0]
        sums += (np.sum(wanted.argmax(-1) == found.ids), np.sum(own >= best - AS_LIKELY),
                 np.abs(found.confidence / 255 - best).sum(dtype=np.float64))
        pixels += best.size
    same, as_likely, error = sums / pixels
    return Agreement(len(images), float(same), float(as_likely), float(error))


def demand(agreement: Agreement, least: float, where: str) -> None:
    """
    Accept an agreement or raise ExportError.

    :param agreement: what was found.
    :param least: share of labels that must be as likely as torch's.
    :param where: the model's file, for the error.
    """
    if not (agreement.as_likely >= least and agreement.confidence_error <= CONFIDENCE_ERROR):
        raise ExportError(
            f'{where}: not written, the model does not do what torch does: {agreement}; wanted '
            f'{least:.2%} and at most {CONFIDENCE_ERROR}')
