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

"""What others do with a LiDAR sweep."""

from __future__ import annotations

from collections.abc import Callable
import struct
from typing import Any

from dseg_ros.types import Cloud
import numpy as np
from numpy.typing import NDArray

PLANE_M, EPS_M, MIN_NEAR, MIN_POINTS = 0.2, 0.5, 10, 20
"""Of the plane fit and of DBSCAN: what tutorials take for driving."""


def tuple_list(message: Any) -> list[tuple[float, ...]]:
    """Read x, y, z, intensity as the read_points of ROS does: a tuple per point, no NaN."""
    layout = struct.Struct(f'<4f{message.point_step - 16}x')
    return [p for p in layout.iter_unpack(bytes(message.data)) if p[0] == p[0]]


def structured(message: Any) -> list[NDArray[np.float32]]:
    """Read x, y, z, intensity as good NumPy code does: views, one mask, a copy each."""
    kind = np.dtype({'names': ['x', 'y', 'z', 'intensity'], 'formats': ['<f4'] * 4,
                     'offsets': [0, 4, 8, 12], 'itemsize': message.point_step})
    points = np.frombuffer(message.data, kind)
    finite = np.isfinite(points['x']) & np.isfinite(points['y']) & np.isfinite(points['z'])
    return [points[name][finite] for name in kind.names or ()]


def patchworkpp() -> Callable[[Cloud], NDArray[np.bool_]]:
    """Make the C++ ground segmentation through its Python binding, as it comes."""
    import pypatchworkpp
    parameters = pypatchworkpp.Parameters()
    parameters.verbose = False
    find = pypatchworkpp.patchworkpp(parameters)

    def ground(cloud: Cloud) -> NDArray[np.bool_]:
        intensity = np.zeros(len(cloud)) if cloud.intensity is None else cloud.intensity
        find.estimateGround(np.column_stack([cloud.xyz, intensity]).astype(np.float32))
        found = np.zeros(len(cloud), np.bool_)
        found[np.asarray(find.getGroundIndices(), np.int64)] = True
        return found
    return ground


def open3d_pipeline(voxel_m: float = 0.0) -> Callable[[Cloud], object]:
    """
    Do what a user of Open3D does: plane by RANSAC, DBSCAN on the rest, oriented boxes.

    :param voxel_m: thin the points above the plane, which makes DBSCAN cheaper; 0 = do not [m].
    """
    import open3d

    def boxes(cloud: Cloud) -> object:
        points = open3d.geometry.PointCloud(
            open3d.utility.Vector3dVector(cloud.xyz.astype(float)))
        _, ground = points.segment_plane(PLANE_M, 3, 100)
        rest = points.select_by_index(ground, invert=True)
        rest = rest.voxel_down_sample(voxel_m) if voxel_m else rest
        label = np.asarray(rest.cluster_dbscan(EPS_M, MIN_NEAR))
        order = np.argsort(label, kind='stable')
        parts = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
        return [rest.select_by_index(part.tolist()).get_oriented_bounding_box(robust=True)
                for part in parts if label[part[0]] >= 0 and len(part) >= MIN_POINTS]
    return boxes


def dbscan() -> Callable[[NDArray[np.float32]], object]:
    """Make scikit-learn's DBSCAN, of points above the ground; it is told which those are."""
    from sklearn.cluster import DBSCAN
    return lambda xyz: DBSCAN(eps=EPS_M, min_samples=MIN_NEAR).fit(xyz).labels_
