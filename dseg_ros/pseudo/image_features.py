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
Feature modes `cls_crop` and `patch_pool`, their part without a network: crops in, means out.

cls_crop is Drive&Segment's (section 3.2): the tight rectangle around a proposal's mask, zero
outside the mask after normalisation, described by [CLS]. patch_pool (our choice, after UNION): one
forward pass per image, patch tokens looked up at the projected points, their mean per proposal.
"""

from __future__ import annotations

import cv2
from dseg_ros.geometry import hidden, project_xyz
from dseg_ros.types import Cloud, Proposals, View
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]


def normalised(rgb: NDArray[np.uint8], mean: Colour, deviation: Colour) -> Floats:
    """
    Centre and scale an image's channels.

    :param rgb: (H, W, 3) uint8.
    :param mean: of the network's training images, 0..1.
    :param deviation: likewise.
    :returns: (H, W, 3) float32.
    """
    centre, scale = np.asarray(mean, np.float32), np.asarray(deviation, np.float32)
    return np.asarray((rgb.astype(np.float32) / 255 - centre) / scale, np.float32)


def masked_crops(image: Floats, mask: NDArray[np.int32], side_px: int, least_px: int
                 ) -> tuple[NDArray[np.int64], Floats]:
    """
    Cut out each proposal's tight rectangle, zero where the mask is not.

    :param image: (H, W, 3) float32, normalised.
    :param mask: (H, W) int32 proposals 1..M; others are not cut out.
    :param side_px: side that rectangles are resized to; their aspect is given up (our choice).
    :param least_px: masks of fewer pixels are left out.
    :returns: (C,) proposals, rising, and (C, 3, side_px, side_px) float32.
    """
    count = np.bincount(mask[mask > 0])
    ids = np.flatnonzero(count >= max(1, least_px))
    crops = np.zeros((len(ids), 3, side_px, side_px), np.float32)
    for crop, proposal in zip(crops, ids):
        x, y, width, height = cv2.boundingRect((mask == proposal).astype(np.uint8))
        part = slice(y, y + height), slice(x, x + width)
        large = cv2.resize(image[part], (side_px, side_px), interpolation=cv2.INTER_LINEAR)
        inside = cv2.resize((mask[part] == proposal).astype(np.uint8), (side_px, side_px),
                            interpolation=cv2.INTER_NEAREST)
        crop[:] = (large * inside[..., None]).transpose(2, 0, 1)
    return ids, crops


def whole_image(image: Floats, pixels: int, patch_px: int,
                fixed_px: tuple[int, int] | None = None) -> Floats:
    """
    Resize an image to about so many pixels, its sides whole numbers of patches.

    :param image: (H, W, 3) float32.
    :param pixels: about h * w.
    :param patch_px: side of a patch.
    :param fixed_px: the only height and width that the network takes, if so.
    :returns: (3, h, w) float32.
    """
    scale = (pixels / (image.shape[0] * image.shape[1])) ** 0.5
    height, width = fixed_px or (max(1, round(side * scale / patch_px)) * patch_px
                                 for side in image.shape[:2])
    smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.ascontiguousarray(
        cv2.resize(image, (width, height), interpolation=smaller).transpose(2, 0, 1))


def pooled(patches: Floats, cloud: Cloud, proposals: Proposals, view: View
           ) -> tuple[NDArray[np.int64], Floats]:
    """
    Average, over each proposal's visible points, the patch tokens where they fall.

    :param patches: (h, w, D) float32 of the whole image.
    :param cloud: N points.
    :param proposals: aligned with the cloud.
    :param view: camera and pose.
    :returns: (C,) proposals, rising, and (C, D) float32.
    """
    seen = project_xyz(cloud.x, cloud.y, cloud.z, view.camera, view.camera_T_lidar)
    of_point = proposals.point_ids[seen.rows]
    rows = np.flatnonzero(~hidden(seen, view.camera) & (of_point > Proposals.GROUND))
    tokens = sampled(patches, (seen.u_px[rows] + 0.5) / view.camera.width,
                     (seen.v_px[rows] + 0.5) / view.camera.height)
    ids, group, count = np.unique(of_point[rows], return_inverse=True, return_counts=True)
    order = np.argsort(group, kind='stable')
    starts = np.cumsum(count) - count
    total = np.add.reduceat(tokens[order], starts) if len(ids) else tokens
    return ids.astype(np.int64), np.asarray(total / count[:, None], np.float32)


def sampled(patches: Floats, x: Floats, y: Floats) -> Floats:
    """
    Look up tokens between the centres of patches, bilinearly.

    :param patches: (h, w, D) float32.
    :param x: (N,) place in the image, 0 its left and 1 its right border.
    :param y: (N,) likewise, downwards.
    :returns: (N, D) float32; beyond the outermost centres the nearest patch's.
    """
    h, w = patches.shape[:2]
    column, row = (np.clip(p * n - 0.5, 0, n - 1) for p, n in ((x, w), (y, h)))
    left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    right, bottom = np.minimum(left + 1, w - 1), np.minimum(top + 1, h - 1)
    a, b = (column - left)[:, None], (row - top)[:, None]
    upper = (1 - a) * patches[top, left] + a * patches[top, right]
    lower = (1 - a) * patches[bottom, left] + a * patches[bottom, right]
    return np.asarray((1 - b) * upper + b * lower, np.float32)


def unit(features: Floats) -> Floats:
    """Give every row (M, D) the length 1: directions are compared (our choice)."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(length, 1e-12), np.float32)
