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

"""Occlusion: a z-buffer of LiDAR points, and which points the camera cannot see."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.geometry.camera_model import project_xyz, Projection
from dseg_ros.types import Camera
from numba import njit
import numpy as np
from numpy.typing import NDArray

EMPTY = -1
"""Raster cell that no point falls into."""

COLUMNS = 480
"""About so many columns the image has where hidden points are looked for."""


@dataclass(frozen=True, eq=False)
class Raster:
    """
    A z-buffer.

    :param nearest: (rows, columns) int32: of each cell the nearest point, as a row of
        `projection`, EMPTY where none.
    :param projection: the points in the image.
    :param cell_px: edge of a cell [px].
    """

    nearest: NDArray[np.int32]
    projection: Projection
    cell_px: int


@njit(nogil=True, cache=True)
def _keep_nearest(u_px, v_px, depth_m, per_px, nearest):  # type: ignore[no-untyped-def]
    for j in range(u_px.shape[0]):
        row, column = int((v_px[j] + 0.5) * per_px), int((u_px[j] + 0.5) * per_px)
        other = nearest[row, column]
        if other < 0 or depth_m[j] < depth_m[other]:
            nearest[row, column] = j


def visible_raster(x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32],
                   camera: Camera, camera_T_lidar: NDArray[np.float64], cell_px: int = 1,
                   out: NDArray[np.int32] | None = None) -> Raster:
    """
    Project points and keep the nearest of each cell.

    :param x: (N,) float32 [m], LiDAR frame.
    :param y: (N,) float32 [m].
    :param z: (N,) float32 [m].
    :param camera: the camera.
    :param camera_T_lidar: (4, 4).
    :param cell_px: edge of a cell [px].
    :param out: a raster of the right shape to be used again.
    :raises ValueError: if `out` has another shape.
    """
    return rasterise(project_xyz(x, y, z, camera, camera_T_lidar), camera, cell_px, out)


def rasterise(projection: Projection, camera: Camera, cell_px: int = 1,
              out: NDArray[np.int32] | None = None) -> Raster:
    """
    Keep the nearest projected point of each cell.

    :param projection: the points in the image.
    :param camera: the camera.
    :param cell_px: edge of a cell [px].
    :param out: a raster of the right shape to be used again.
    :raises ValueError: if `out` has another shape.
    """
    shape = (-(-camera.height // cell_px), -(-camera.width // cell_px))
    nearest = np.empty(shape, np.int32) if out is None else out
    if nearest.shape != shape:
        raise ValueError(f'raster is {nearest.shape}, not {shape}')
    nearest.fill(EMPTY)
    _keep_nearest(projection.u_px, projection.v_px, projection.depth_m, 1.0 / cell_px, nearest)
    return Raster(nearest, projection, cell_px)


@njit(nogil=True, cache=True)
def _cover(nearest, depth_m, reach_m_px, max_reach_px,  # type: ignore[no-untyped-def]
           cell_px, from_left_m, from_right_m):
    """Write the depth of each cell's nearest point over the cells right and left below it."""
    rows, columns = nearest.shape
    for row in range(rows):
        for column in range(columns):
            j = nearest[row, column]
            if j < 0:
                continue
            depth = depth_m[j]
            reach = max(1, int(min(reach_m_px / depth, max_reach_px) / cell_px + 0.5))
            for r in range(row + 1, min(rows, row + reach + 1)):
                for c in range(column, min(columns, column + reach + 1)):
                    if depth < from_left_m[r, c]:
                        from_left_m[r, c] = depth
                for c in range(max(0, column - reach), column + 1):
                    if depth < from_right_m[r, c]:
                        from_right_m[r, c] = depth


@njit(nogil=True, cache=True)
def _behind(u_px, v_px, depth_m, from_left_m, from_right_m,  # type: ignore[no-untyped-def]
            cell_px, margin_m, margin_share, out):
    for j in range(u_px.shape[0]):
        row, column = int((v_px[j] + 0.5) / cell_px), int((u_px[j] + 0.5) / cell_px)
        front = max(from_left_m[row, column], from_right_m[row, column])
        out[j] = depth_m[j] > front * (1 + margin_share) + margin_m


def hidden(projection: Projection, camera: Camera, radius_m: float = 0.15,
           margin_m: float = 0.3, margin_share: float = 0.1, max_radius_deg: float = 1.4
           ) -> NDArray[np.bool_]:
    """
    Find points that the LiDAR sees from its place and the camera, from another, does not.

    A point is hidden that lies clearly behind nearer points to its left and to its right, both
    within `radius_m` and not below it, as the camera sees it: a neighbourhood that shrinks in the
    image with range (our choice). Points on one side alone do not hide: what is beside a pole is
    seen. Points below do not either: on the road the nearer point is always the lower one.

    :param projection: of the cloud into the camera.
    :param camera: the camera.
    :param radius_m: how far a point covers [m].
    :param margin_m: how far behind something is hidden [m] ...
    :param margin_share: ... plus this share of the nearer depth.
    :param max_radius_deg: largest neighbourhood [deg].
    :returns: (M,) bool, row j belongs to row j of the projection.
    """
    cell_px = max(1, round(camera.width / COLUMNS))
    focal_px = float(camera.intrinsics[0, 0])
    nearest = rasterise(projection, camera, cell_px).nearest
    from_left_m, from_right_m = (np.full(nearest.shape, np.inf, np.float32) for _ in range(2))
    _cover(nearest, projection.depth_m, radius_m * focal_px,
           focal_px * float(np.deg2rad(max_radius_deg)), cell_px, from_left_m, from_right_m)
    out = np.empty(len(projection.rows), np.bool_)
    _behind(projection.u_px, projection.v_px, projection.depth_m, from_left_m, from_right_m,
            cell_px, margin_m, margin_share, out)
    return out
