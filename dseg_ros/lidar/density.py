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
Clusters by density (Open3D's DBSCAN), for clouds that no range image fits. Our choice.

Points are first thinned to one per voxel: DBSCAN then costs by space instead of by density, and
near surfaces do not outweigh far ones.
"""

from __future__ import annotations

from dseg_ros.config.lidar import ClusteringConfig
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SHRINK = np.float32(-0.2)


def voxel_of_points(xyz: Floats, voxel_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """
    Assign points to voxels.

    :param xyz: (K, 3), K > 0 [m].
    :param voxel_m: edge [m].
    :returns: (V,) index of the first point of each voxel, and (K,) voxel of each point.
    """
    cell = np.floor((xyz - xyz.min(axis=0)) / np.float32(voxel_m)).astype(np.int64)
    span = cell.max(axis=0) + 1
    key = (cell[:, 0] * span[1] + cell[:, 1]) * span[2] + cell[:, 2]
    _, first, voxel = np.unique(key, return_index=True, return_inverse=True)
    return first, voxel


def draw_near(xyz: Floats, dense_range_m: float) -> Floats:
    """
    Scale far points towards the sensor, so that one radius serves near and far.

    Beyond the dense range a point moves to dense_range * (range / dense_range) ** 0.8: there, the
    radius grows by (range / dense_range) ** 0.2, a quarter more towards and from the sensor.

    :param xyz: (K, 3) [m].
    """
    rho_m = np.hypot(xyz[:, 0], xyz[:, 1])
    scale: Floats = np.maximum(rho_m / np.float32(dense_range_m), np.float32(1)) ** _SHRINK
    return xyz * scale[:, None]


def density_clusters(xyz: Floats, config: ClusteringConfig) -> NDArray[np.int64]:
    """
    Cluster points above the ground by density.

    :param xyz: (K, 3) [m].
    :returns: (K,) cluster from 0, -1 for noise; clusters of any size.
    """
    if not len(xyz):
        return np.zeros(0, np.int64)
    import open3d  # half a second and 200 MB that only these clouds need
    near = draw_near(xyz, config.dense_range_m)
    first, voxel = voxel_of_points(near, config.voxel_m)
    thin = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(near[first].astype(float)))
    labels = np.asarray(thin.cluster_dbscan(config.eps_m, config.core_points), np.int64)
    return labels[voxel]
