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
From labelled points to labelled pixels (Drive&Segment, alignment; the details are our choice).

Points are projected with the full camera model; the nearest one of a pixel wins and points hidden
behind nearer ones are dropped. Every pixel then takes the label of the projected point nearest to
it, within a radius that shrinks with range and, for objects, inside the convex hull of the
object's points. What is left is unlabelled.
"""

from __future__ import annotations

from typing import Any

from dseg_ros.config.masks import MaskConfig
from dseg_ros.geometry import hidden, project_xyz, Projection, rasterise, scaled
from dseg_ros.pseudo.nearest_fill import fill, hull_spans, MOST_PX
from dseg_ros.types import Camera, Cloud, Proposals, UNLABELLED, View
import numpy as np
from numpy.typing import NDArray


def proposal_mask(proposals: Proposals, cloud: Cloud, view: View,
                  config: MaskConfig | None = None) -> NDArray[np.int32]:
    """
    Show the proposals of a cloud in an image.

    :param proposals: aligned with the cloud.
    :param cloud: the points.
    :param view: camera and pose; its image is not looked at.
    :param config: scale, radii; the defaults if not given.
    :returns: (H, W) int32 of the scaled image: a proposal 1..M, GROUND (0) or NOISE (-1), which
        is also what no point speaks for.
    :raises ValueError: if proposals and cloud differ in length.
    """
    config = config or MaskConfig()
    return _carried(proposals.point_ids, proposals.point_ids, Proposals.NOISE, cloud, view,
                    config.scale, config)


def densify(labels: NDArray[np.uint8], cloud: Cloud, view: View, scale: float = 1.0,
            config: MaskConfig | None = None, segments: NDArray[np.int32] | None = None
            ) -> NDArray[np.uint8]:
    """
    Carry labels of points into an image: partial labels.

    :param labels: (N,) uint8 per point; UNLABELLED points keep pixels unlabelled.
    :param cloud: the points.
    :param view: camera and pose; its image is not looked at.
    :param scale: size of the result relative to the image (see geometry.scaled).
    :param config: radii; the defaults if not given; its own scale is of no meaning here.
    :param segments: (N,) int32 object per point, whose hull limits the fill; values below 1 have
        no hull. Without segments nothing has one.
    :returns: (H, W) uint8 of the scaled image, UNLABELLED where no point speaks.
    :raises ValueError: if labels or segments and cloud differ in length.
    """
    alone = np.zeros(len(labels), np.int32) if segments is None else segments
    return _carried(labels, alone, UNLABELLED, cloud, view, scale, config or MaskConfig())


def _carried(labels: NDArray[Any], segments: NDArray[np.int32], nothing: int, cloud: Cloud,
             view: View, scale: float, config: MaskConfig) -> NDArray[Any]:
    for name, values in (('labels', labels), ('segments', segments)):
        if values.shape != (len(cloud),):
            raise ValueError(f'{name} are {values.shape}, the cloud has {len(cloud)} points')
    camera = scaled(view.camera, scale)
    seen = _visible(project_xyz(cloud.x, cloud.y, cloud.z, camera, view.camera_T_lidar), camera,
                    config)
    out = np.full((camera.height, camera.width), nothing, labels.dtype)
    spans = hull_spans(segments[seen.rows].astype(np.int32), seen.u_px, seen.v_px)
    fill(rasterise(seen, camera).nearest, labels[seen.rows], _radius_px(seen, camera, config),
         spans, config.hull, out)
    return out


def _visible(seen: Projection, camera: Camera, config: MaskConfig) -> Projection:
    if not config.drop_hidden:
        return seen
    keep = ~hidden(seen, camera)
    return Projection(seen.rows[keep], seen.u_px[keep], seen.v_px[keep], seen.depth_m[keep])


def _radius_px(seen: Projection, camera: Camera, config: MaskConfig) -> NDArray[np.float32]:
    focal_px = float(camera.intrinsics[0, 0])
    least, most = (max(1.0, focal_px * np.deg2rad(d)) for d in (config.least_deg, config.most_deg))
    radius = np.clip(focal_px * config.fill_m / seen.depth_m, least, most)
    return np.minimum(radius, MOST_PX).astype(np.float32)
