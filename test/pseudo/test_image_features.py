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

"""Crops and pooled tokens: what is outside stays out, what is looked up is what is there."""

from dseg_ros.pseudo.image_features import (
    masked_crops, normalised, pooled, sampled, unit, whole_image)
from dseg_ros.types import Cloud, Proposals, View
import numpy as np
import pytest

Street = tuple[Cloud, Proposals, View, np.ndarray]


def test_crops_are_tight_and_zero_outside_the_mask() -> None:
    """The rectangle touches the mask on four sides; outside it is zero after normalisation."""
    image = np.full((40, 60, 3), 5.0, np.float32)
    image[10:20, 30:50] = -2
    mask = np.zeros((40, 60), np.int32)
    mask[10:20, 30:50] = 3
    mask[10:15, 30:40] = 1
    mask[0, 0] = 2                                  # too small
    mask[30:, :] = -1
    ids, crops = masked_crops(image, mask, 20, least_px=4)
    assert ids.tolist() == [1, 3] and crops.shape == (2, 3, 20, 20)
    assert (crops[0] == -2).all()
    assert (crops[1, :, :10, :10] == 0).all(), 'a quarter belongs to another proposal'
    assert (crops[1, :, 10:] == -2).all() and (crops[1, :, :, 10:] == -2).all()


def test_nothing_to_cut_out() -> None:
    """An image without proposals gives no crops."""
    ids, crops = masked_crops(np.ones((8, 8, 3), np.float32), np.zeros((8, 8), np.int32), 16, 1)
    assert len(ids) == 0 and crops.shape == (0, 3, 16, 16)


def test_whole_images_are_whole_patches() -> None:
    """Sides are multiples of a patch near the wished number of pixels."""
    out = whole_image(np.zeros((375, 1242, 3), np.float32), 480 * 832, 14)
    assert out.shape[0] == 3 and out.shape[1] % 14 == out.shape[2] % 14 == 0
    assert out.shape[1] * out.shape[2] == pytest.approx(480 * 832, rel=0.05)


def test_tokens_between_patches_are_bilinear() -> None:
    """A plane is looked up exactly between the outermost centres, and held beyond them."""
    h, w = 3, 5
    row, column = np.meshgrid(np.arange(h), np.arange(w), indexing='ij')
    patches = np.stack([row, column], -1).astype(np.float32)
    x, y = np.array([0.1, 0.5, 0.33, 0.0, 1.0]), np.array([1 / 6, 0.5, 0.61, 0.0, 1.0])
    out = sampled(patches, x.astype(np.float32), y.astype(np.float32))
    expected = np.stack([np.clip(y * h - 0.5, 0, h - 1), np.clip(x * w - 0.5, 0, w - 1)], 1)
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_a_proposal_gets_the_mean_at_its_points(street: Street) -> None:
    """Tokens that say where in the image they are give the mean place of visible points."""
    cloud, _, view, kind = street
    ids = np.where(kind == 3, 2, np.where(kind == 1, 1, 0)).astype(np.int32)
    none = np.zeros((0, 3), np.float32)
    flat = np.zeros(0, np.float32)
    proposals = Proposals(0, 'lidar', ids, np.zeros(0, np.int32), none, none, none, flat, flat,
                          'test')
    h, w = 90, 160
    row, column = np.meshgrid((np.arange(h) + 0.5) / h, (np.arange(w) + 0.5) / w, indexing='ij')
    found, features = pooled(np.stack([column, row], -1).astype(np.float32), cloud, proposals,
                             view)
    assert found.tolist() == [1, 2]
    xyz = cloud.xyz[ids == 2]
    u = (300 * -xyz[:, 1] / xyz[:, 0] + 320) / 640
    v = (300 * -xyz[:, 2] / xyz[:, 0] + 180) / 360
    inside = (u > 0) & (u < 1) & (v > 0) & (v < 1)
    assert features[1, 0] == pytest.approx(u[inside].mean(), abs=0.02)
    assert features[1, 1] == pytest.approx(v[inside].mean(), abs=0.02)


def test_normalisation_and_length() -> None:
    """Channels are centred and scaled; features have length 1, nothing stays nothing."""
    rgb = np.full((2, 2, 3), 255, np.uint8)
    assert normalised(rgb, (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))[0, 0].tolist() == [1, 3, 1]
    assert unit(np.array([[3, 4], [0, 0]], np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]
