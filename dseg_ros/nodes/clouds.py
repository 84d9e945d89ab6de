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

"""Results per point as structured arrays, ready to be clouds."""

from __future__ import annotations

from dseg_ros.types import Cloud, Proposals
import numpy as np
from numpy.typing import NDArray

XYZ = [('x', np.float32), ('y', np.float32), ('z', np.float32)]
CLUSTERS = np.dtype([*XYZ, ('rgb', np.uint32), ('cluster', np.int32)])
GROUND = np.dtype(XYZ)
SEMANTIC = np.dtype([*XYZ, ('rgb', np.uint32), ('class', np.uint8), ('confidence', np.uint8),
                     ('pad', np.uint16)])


def packed(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """
    Pack colours as PCL and RViz read them.

    :param rgb: (K, 3) uint8.
    :returns: (K,) uint32, 0x00RRGGBB.
    """
    red, green, blue = rgb.astype(np.uint32).T
    values: NDArray[np.uint32] = (red << 16) | (green << 8) | blue
    return values


def clusters(cloud: Cloud, proposals: Proposals, palette: NDArray[np.uint32]) -> NDArray[np.void]:
    """
    Collect the points of all proposals.

    :param cloud: N points.
    :param proposals: of this cloud.
    :param palette: (K,) packed colours, by proposal number modulo K.
    :returns: (M,) CLUSTERS, M <= N.
    """
    rows = np.flatnonzero(proposals.point_ids > Proposals.GROUND)
    ids = proposals.point_ids[rows]
    out = _placed(cloud, rows, CLUSTERS)
    out['cluster'] = ids
    out['rgb'] = palette[ids % len(palette)]
    return out


def ground(cloud: Cloud, proposals: Proposals) -> NDArray[np.void]:
    """Collect the ground points as (M,) GROUND."""
    return _placed(cloud, np.flatnonzero(proposals.point_ids == Proposals.GROUND), GROUND)


def semantic(cloud: Cloud, class_ids: NDArray[np.uint8], confidence: NDArray[np.uint8],
             palette: NDArray[np.uint32]) -> NDArray[np.void]:
    """
    Collect all points with what the images say about them.

    :param cloud: N points.
    :param class_ids: (N,) UNLABELLED where no image sees the point.
    :param confidence: (N,) 0..255.
    :param palette: (256,) packed colours by class id.
    :returns: (N,) SEMANTIC.
    """
    out = _placed(cloud, np.arange(len(cloud)), SEMANTIC)
    out['class'], out['confidence'], out['rgb'] = class_ids, confidence, palette[class_ids]
    return out


def _placed(cloud: Cloud, rows: NDArray[np.intp], layout: np.dtype[np.void]) -> NDArray[np.void]:
    out = np.zeros(len(rows), layout)
    out['x'], out['y'], out['z'] = cloud.x[rows], cloud.y[rows], cloud.z[rows]
    return out
