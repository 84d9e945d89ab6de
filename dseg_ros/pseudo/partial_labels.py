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

"""Partial labels of an image: what points say, then the sky, then what stands above the beams."""

from __future__ import annotations

import cv2
from dseg_ros.config.masks import MaskConfig
from dseg_ros.config.pseudo import SkyConfig
from dseg_ros.geometry import scaled
from dseg_ros.pseudo.growth import grow_upwards
from dseg_ros.pseudo.masks import densify
from dseg_ros.pseudo.sky import sky_mask
from dseg_ros.types import Cloud, Proposals, UNLABELLED, View
import numpy as np
from numpy.typing import NDArray


def carry(labels: NDArray[np.uint8], cloud: Cloud, proposals: Proposals, view: View,
          scale: float = 1.0, masks: MaskConfig | None = None) -> NDArray[np.uint8]:
    """
    Carry labels of points into an image, each proposal inside its hull.

    :param labels: (N,) uint8 per point; UNLABELLED points keep pixels unlabelled.
    :param cloud: the points.
    :param proposals: aligned with the cloud.
    :param view: camera and pose.
    :param scale: size of the result relative to the image.
    :param masks: radii; the defaults if not given.
    :returns: (H, W) uint8 of the scaled image.
    """
    return densify(labels, cloud, view, scale, masks, segments=proposals.point_ids)


def complete(mask: NDArray[np.uint8], cloud: Cloud, view: View, sky: int | None,
             rule: SkyConfig, grow_from: int | None) -> NDArray[np.uint8]:
    """
    Add the sky to partial labels, and let things grow upwards.

    :param mask: (H, W) uint8 at any size.
    :param cloud: all returns of the sweep.
    :param view: camera and image.
    :param sky: its class; None leaves it out.
    :param rule: how it is told.
    :param grow_from: classes from this one on grow, in images whose sky is known: elsewhere they
        would grow into it; None lets none grow.
    :returns: (H, W) uint8; what was labelled stays as it is.
    """
    size = (mask.shape[1], mask.shape[0])
    out = mask.copy()
    if sky is not None:
        found = cv2.resize(sky_mask(cloud, view, rule).astype(np.uint8), size,
                           interpolation=cv2.INTER_NEAREST)
        out[(found > 0) & (out == UNLABELLED)] = sky
    if grow_from is not None and sky is not None and (out == sky).any():
        rgb = cv2.resize(view.image.rgb, size, interpolation=cv2.INTER_AREA)
        out = grow_upwards(out, np.asarray(rgb), grow_from)
    return out


def image_of(view: View, scale: float) -> NDArray[np.uint8]:
    """Give the image at a size relative to its own, (h, w, 3) uint8."""
    camera = scaled(view.camera, scale)
    return np.asarray(cv2.resize(view.image.rgb, (camera.width, camera.height),
                                 interpolation=cv2.INTER_AREA))
