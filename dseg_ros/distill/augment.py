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

"""Training crops: what the camera saw, larger, smaller, turned, in other light."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
from dseg_ros.config.distill import AugmentConfig, TrainingConfig
from dseg_ros.distill.training_image import Counted, TrainingImage
from dseg_ros.models.networks import traits
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray

__all__ = ['Batch', 'class_frequency', 'crop', 'Crops', 'Draw', 'draw_batch', 'NoImagesError',
           'relight', 'TrainingImage']


@dataclass(frozen=True, eq=False)
class Batch:
    """
    Crops for one step.

    :param rgb: (B, H, W, 3) uint8.
    :param labels: (B, h, w) uint8, H and W divided by the network's output stride.
    """

    rgb: NDArray[np.uint8]
    labels: NDArray[np.uint8]


class NoImagesError(ValueError):
    """Nothing to draw crops from."""


Draw = Callable[[int, Sequence[int]], Batch]
"""Draws, of the global batch of a step, the crops of these numbers."""


@dataclass(frozen=True, eq=False)
class Crops:
    """
    Draw crops of images; picklable where the images are.

    :param images: per drive; never empty, nor is a drive.
    :param config: sizes, seed, augmentation.
    """

    images: Sequence[Sequence[TrainingImage]]
    config: TrainingConfig

    def __post_init__(self) -> None:
        """Refuse to draw from nothing."""
        if not len(self.images) or not all(len(drive) for drive in self.images):
            raise NoImagesError(f'no image to draw crops from in '
                                f'{sum(not len(drive) for drive in self.images)} of '
                                f'{len(self.images)} drives')

    def __call__(self, step: int, numbers: Sequence[int]) -> Batch:
        """Draw some crops of a step, see Draw."""
        return draw_batch(self.images, step, self.config, numbers)


def draw_batch(images: Sequence[Sequence[TrainingImage]], step: int, config: TrainingConfig,
               numbers: Sequence[int] | None = None) -> Batch:
    """
    Draw the crops of a step; each depends on seed, step and its number alone.

    :param images: per drive; drives are drawn alike, however many images they have.
    :param step: number of the step.
    :param config: sizes, seed, augmentation.
    :param numbers: which crops of the batch; all if not given.
    """
    crops = []
    for number in range(config.batch) if numbers is None else numbers:
        rng = np.random.default_rng((config.seed, step, number))
        drive = images[rng.integers(len(images))]
        crops.append(crop(drive[rng.integers(len(drive))], rng, config))
    return Batch(np.stack([rgb for rgb, _ in crops]), np.stack([labels for _, labels in crops]))


def crop(image: TrainingImage, rng: np.random.Generator,
         config: TrainingConfig) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """
    Draw one crop.

    :returns: (H, W, 3) and (h, w) uint8, as in Batch.
    """
    height, width = config.crop_height, config.crop_width
    place = _placement(image.rgb.shape[:2], rng, config)
    rgb = cv2.warpAffine(image.rgb, place, (width, height), flags=cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REFLECT_101)
    stride = traits(config.model).output_stride
    coarse = place / stride            # a label stands for the centre of stride x stride pixels
    coarse[:, 2] -= 0.5 - 0.5 / stride
    labels = cv2.warpAffine(image.labels, coarse,
                            (width // stride, height // stride),
                            flags=cv2.INTER_NEAREST, borderValue=(UNLABELLED,))
    return relight(np.asarray(rgb), rng, config.augment), np.asarray(labels)


def _placement(shape: tuple[int, ...], rng: np.random.Generator,
               config: TrainingConfig) -> NDArray[np.float64]:
    """Draw the affine map (2, 3) from image to crop: scale, roll, flip, position."""
    h, w = shape
    a = config.augment
    magnification = np.exp(rng.uniform(np.log(a.scale_low), np.log(a.scale_high)))
    scale = magnification * (config.network_pixels / (h * w)) ** 0.5
    roll = np.deg2rad(rng.uniform(-a.rotation_deg, a.rotation_deg))
    mirror = -1.0 if rng.random() < a.flip else 1.0
    cos, sin = np.cos(roll) * scale, np.sin(roll) * scale
    linear = np.array([[mirror * cos, -sin], [mirror * sin, cos]])
    half = np.array([config.crop_width, config.crop_height]) / 2
    slack = np.maximum(np.array([w, h]) - 2 * half / scale, 0) / 2
    centre = np.array([w, h]) / 2 + rng.uniform(-1, 1, 2) * slack
    return np.column_stack([linear, half - linear @ centre])


def relight(rgb: NDArray[np.uint8], rng: np.random.Generator,
            config: AugmentConfig) -> NDArray[np.uint8]:
    """
    Change light, colour, sharpness and noise.

    :param rgb: (H, W, 3) uint8.
    """
    levels = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, config.gamma))
    contrast = 1 + rng.uniform(-config.contrast, config.contrast)
    gain = 1 + rng.uniform(-config.colour, config.colour, 3)
    curve = np.clip(((levels - 0.5) * contrast + 0.5) * gain * 255, 0, 255).astype(np.uint8)
    out = np.asarray(cv2.LUT(rgb, curve.reshape(1, 256, 3)))
    grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    saturation = 1 + rng.uniform(-config.saturation, config.saturation)
    out = np.asarray(cv2.addWeighted(out, saturation, grey, 1 - saturation, 0))
    if rng.random() < config.blur:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.5)))
    sigma = rng.uniform(0, config.noise)
    noise = rng.standard_normal(out.shape, np.float32) * sigma
    return np.asarray(np.clip(out + noise, 0, 255), np.uint8)


def class_frequency(images: Sequence[Sequence[TrainingImage]],
                    classes: int) -> NDArray[np.float64]:
    """
    Count how often each class is labelled, drives weighing alike.

    :returns: (C,) shares that sum to 1 (0 for a class that never occurs).
    """
    share = np.zeros(classes)
    for drive in images:
        counts = drive.label_counts if isinstance(drive, Counted) else sum(
            (np.bincount(i.labels.ravel(), minlength=256) for i in drive), np.zeros(256, np.int64))
        count = counts[:classes]
        share += count / max(count.sum(), 1)
    return np.asarray(share / max(share.sum(), 1e-12))
