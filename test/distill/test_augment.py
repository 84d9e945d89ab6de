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

"""Crops: labels stay on what they label, drives are drawn alike, steps repeat."""

from dataclasses import replace

from dseg_ros.config.distill import AugmentConfig, TrainingConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.distill.augment import class_frequency, crop, draw_batch, relight, TrainingImage
from dseg_ros.types import UNLABELLED
import numpy as np
import pytest

Drives = list[list[TrainingImage]]


def test_batches_have_the_promised_shape_and_repeat(images: Drives, tiny: TrainingConfig) -> None:
    """A step's batch depends on seed and step alone."""
    batch = draw_batch(images, 5, tiny)
    assert batch.rgb.shape == (4, 64, 96, 3) and batch.labels.shape == (4, 16, 24)
    again, next_one = draw_batch(images, 5, tiny), draw_batch(images, 6, tiny)
    assert np.array_equal(batch.rgb, again.rgb) and np.array_equal(batch.labels, again.labels)
    assert not np.array_equal(batch.rgb, next_one.rgb)
    assert not np.array_equal(batch.rgb, draw_batch(images, 5, replace(tiny, seed=2)).rgb)


def test_labels_stay_on_what_they_label(images: Drives, tiny: TrainingConfig) -> None:
    """However a crop is turned and scaled, red is 0, bright is 2, dark is 1."""
    quiet = replace(tiny, augment=replace(tiny.augment, gamma=0.0, contrast=0.0, saturation=0.0,
                                          colour=0.0, blur=0.0, noise=0.0))
    rng = np.random.default_rng(3)
    right = known = 0
    for _ in range(40):
        rgb, labels = crop(images[0][0], rng, quiet)
        centre = rgb[2::4, 2::4].astype(int)
        seen = np.where(centre[..., 0] > centre[..., 1] + 60, 0,
                        np.where(centre.min(-1) > 130, 2, 1))
        right += ((seen == labels) & (labels != UNLABELLED)).sum()
        known += (labels != UNLABELLED).sum()
    assert known > 1000 and right / known > 0.95


def test_beyond_the_image_nothing_is_labelled(images: Drives, tiny: TrainingConfig) -> None:
    """A crop larger than the image is filled up with unlabelled reflections."""
    wide = replace(tiny, augment=replace(tiny.augment, scale_low=0.3, scale_high=0.3))
    full = replace(images[0][0], labels=np.ones((120, 200), np.uint8))
    _, labels = crop(full, np.random.default_rng(0), wide)
    assert 0.03 < (labels == 1).mean() < 0.3
    assert (labels[0] == UNLABELLED).all() and (labels[:, 0] == UNLABELLED).all()


def test_light_changes_and_nothing_else(images: Drives) -> None:
    """Relighting keeps shape and type; switched off it changes nothing."""
    rgb = images[0][0].rgb
    off = AugmentConfig(gamma=0.0, contrast=0.0, saturation=0.0, colour=0.0, blur=0.0, noise=0.0)
    assert np.abs(relight(rgb, np.random.default_rng(0), off).astype(int) - rgb).max() <= 1
    lit = relight(rgb, np.random.default_rng(0), AugmentConfig())
    assert lit.shape == rgb.shape and lit.dtype == np.uint8 and not np.array_equal(lit, rgb)


def test_frequencies_weigh_drives_alike() -> None:
    """A drive of many images counts as much as one of a single image."""
    zeros, ones = (TrainingImage(np.zeros((4, 4, 3), np.uint8), np.full((4, 4), v, np.uint8), 'x')
                   for v in (0, 1))
    assert class_frequency([[zeros] * 9, [ones]], 3).tolist() == [0.5, 0.5, 0.0]


def test_contradictory_magnifications_are_refused() -> None:
    """The message names both."""
    with pytest.raises(ConfigError, match='0.5 is below scale_low 0.9'):
        AugmentConfig(scale_low=0.9, scale_high=0.5)
