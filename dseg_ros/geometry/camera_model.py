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

"""Points to pixels, with the full camera model and in less than a millisecond."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from dseg_ros.geometry.lens import distort, FISHEYE, lens_of
from dseg_ros.geometry.unprojection import unproject
from dseg_ros.types import Camera
from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
NEAR_M = 0.05  # a point nearer to the image plane than this is no measurement of the scene
OUTSIDE = -1e9  # a pixel that is in no image


@njit(nogil=True, cache=True)
def _within(x, y, z, T, bounds, near_m, inside):  # type: ignore[no-untyped-def]
    """Mark the points inside a pyramid: float32 and free of branches, so eight at a time."""
    t00, t01, t02, t03 = T[0, 0], T[0, 1], T[0, 2], T[0, 3]
    t10, t11, t12, t13 = T[1, 0], T[1, 1], T[1, 2], T[1, 3]
    t20, t21, t22, t23 = T[2, 0], T[2, 1], T[2, 2], T[2, 3]
    left, right, top, bottom = bounds[0], bounds[1], bounds[2], bounds[3]
    for i in range(x.shape[0]):
        xc = t00 * x[i] + t01 * y[i] + t02 * z[i] + t03
        yc = t10 * x[i] + t11 * y[i] + t12 * z[i] + t13
        zc = t20 * x[i] + t21 * y[i] + t22 * z[i] + t23
        inside[i] = ((zc > near_m) & (xc > left * zc) & (xc < right * zc)
                     & (yc > top * zc) & (yc < bottom * zc))


@njit(nogil=True, cache=True)
def _gather(x, y, z, inside, rows, x_out, y_out, z_out):  # type: ignore[no-untyped-def]
    """Copy the marked points together, without a branch: it would be mispredicted."""
    count = 0
    for i in range(x.shape[0]):
        rows[count] = i
        x_out[count] = x[i]
        y_out[count] = y[i]
        z_out[count] = z[i]
        count += inside[i]
    return count


@njit(nogil=True, cache=True, error_model='numpy')
def _brown_pixels(x, y, z, T, k, plane, limit):  # type: ignore[no-untyped-def]
    """Replace points x, y, z by u, v, depth; written so that the compiler vectorises it."""
    t00, t01, t02, t03 = T[0, 0], T[0, 1], T[0, 2], T[0, 3]
    t10, t11, t12, t13 = T[1, 0], T[1, 1], T[1, 2], T[1, 3]
    t20, t21, t22, t23 = T[2, 0], T[2, 1], T[2, 2], T[2, 3]
    k = (k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8], k[9], k[10], k[11])
    p00, p01, p02 = plane[0, 0], plane[0, 1], plane[0, 2]
    p10, p11, p12 = plane[1, 0], plane[1, 1], plane[1, 2]
    p20, p21, p22 = plane[2, 0], plane[2, 1], plane[2, 2]
    for j in range(x.shape[0]):
        zc = t20 * x[j] + t21 * y[j] + t22 * z[j] + t23
        per_depth = 1.0 / zc
        a = (t00 * x[j] + t01 * y[j] + t02 * z[j] + t03) * per_depth
        b = (t10 * x[j] + t11 * y[j] + t12 * z[j] + t13) * per_depth
        valid = a * a + b * b < limit
        a, b = distort(a, b, k)
        w = 1.0 / (p20 * a + p21 * b + p22)
        u = (p00 * a + p01 * b + p02) * w
        x[j] = u if valid else OUTSIDE
        y[j] = (p10 * a + p11 * b + p12) * w
        z[j] = zc


@njit(nogil=True, cache=True, error_model='numpy')
def _fisheye_pixels(x, y, z, T, k, plane, limit):  # type: ignore[no-untyped-def]
    """Replace points x, y, z by u, v, range."""
    for j in range(x.shape[0]):
        xc = T[0, 0] * x[j] + T[0, 1] * y[j] + T[0, 2] * z[j] + T[0, 3]
        yc = T[1, 0] * x[j] + T[1, 1] * y[j] + T[1, 2] * z[j] + T[1, 3]
        zc = T[2, 0] * x[j] + T[2, 1] * y[j] + T[2, 2] * z[j] + T[2, 3]
        off_axis = np.sqrt(xc * xc + yc * yc)
        theta = np.arctan2(off_axis, zc)
        t2 = theta * theta
        bent = theta * (1 + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3]))))
        scale = bent / max(off_axis, 1e-12)
        a, b = xc * scale, yc * scale
        u = plane[0, 0] * a + plane[0, 1] * b + plane[0, 2]
        range_m = np.sqrt(off_axis * off_axis + zc * zc)
        x[j] = u if theta < limit and range_m > NEAR_M else OUTSIDE
        y[j] = plane[1, 1] * b + plane[1, 2]
        z[j] = range_m


@njit(nogil=True, cache=True)
def _keep_in_image(rows, u_px, v_px, depth_m, width, height):  # type: ignore[no-untyped-def]
    """Move the points that are in the image to the front; pixel centres are whole numbers."""
    count = 0
    for j in range(rows.shape[0]):
        u, v = u_px[j], v_px[j]
        rows[count] = rows[j]
        u_px[count] = u
        v_px[count] = v
        depth_m[count] = depth_m[j]
        count += (u >= -0.5) & (v >= -0.5) & (u < width - 0.5) & (v < height - 0.5)
    return count


@lru_cache(maxsize=64)
def _pyramid(camera: Camera) -> NDArray[np.float32] | None:
    """
    Bound what the image sees, by its border.

    :returns: (4,) float32 tangents left, right, top, bottom; None for a fisheye wider than that.
    """
    edge = np.linspace(0, 1, 65)
    u = np.concatenate([edge, edge, 0 * edge, 0 * edge + 1]) * camera.width - 0.5
    v = np.concatenate([0 * edge, 0 * edge + 1, edge, edge]) * camera.height - 0.5
    rays = unproject(np.stack([u, v], axis=1), camera)
    lens = lens_of(camera)
    outside = bool(np.isnan(rays).any())  # the border lies beyond where the distortion is valid
    if lens.kind == FISHEYE and (outside or rays[:, 2].min() < 0.05):
        return None
    if outside:
        reach = np.sqrt(lens.limit)
        return np.array([-reach, reach, -reach, reach], np.float32)
    tangents = rays[:, :2] / rays[:, 2:]
    low, high = tangents.min(axis=0), tangents.max(axis=0)
    slack = 0.01 * (high - low)  # between the samples, and float32
    low, high = low - slack, high + slack
    return np.array([low[0], high[0], low[1], high[1]], np.float32)


@dataclass(frozen=True, eq=False)
class Projection:
    """
    The points that fall into an image; row j of every array belongs to the j-th of them.

    :param rows: (M,) int32, which points of the cloud they are, rising.
    :param u_px: (M,) float32; whole numbers are pixel centres.
    :param v_px: (M,) float32.
    :param depth_m: (M,) float32 along the optical axis (equidistant: range).
    """

    rows: NDArray[np.int32]
    u_px: NDArray[np.float32]
    v_px: NDArray[np.float32]
    depth_m: NDArray[np.float32]


def project_xyz(x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32],
                camera: Camera, camera_T_lidar: NDArray[np.float64]) -> Projection:
    """
    Project points given as separate arrays and keep those in the image.

    :param x: (N,) float32 [m], LiDAR frame.
    :param y: (N,) float32 [m].
    :param z: (N,) float32 [m].
    :param camera: the camera that the pixels belong to.
    :param camera_T_lidar: (4, 4).
    """
    pose = np.ascontiguousarray(camera_T_lidar, dtype=np.float64)
    lens, bounds = lens_of(camera), _pyramid(camera)
    inside = np.ones(len(x), np.uint8)
    if bounds is not None:
        _within(x, y, z, pose.astype(np.float32), bounds, np.float32(NEAR_M), inside)
    rows = np.empty(len(x) + 1, np.int32)  # the last row takes what is gathered and not kept
    u_px, v_px, depth_m = (np.empty(len(x) + 1, np.float32) for _ in range(3))
    count = _gather(x, y, z, inside, rows, u_px, v_px, depth_m)
    rows, u_px, v_px, depth_m = rows[:count], u_px[:count], v_px[:count], depth_m[:count]
    pixels = _fisheye_pixels if lens.kind == FISHEYE else _brown_pixels
    pixels(u_px, v_px, depth_m, pose, lens.distortion, lens.plane, lens.limit)
    count = _keep_in_image(rows, u_px, v_px, depth_m, camera.width, camera.height)
    return Projection(rows[:count], u_px[:count], v_px[:count], depth_m[:count])


def project(points_lidar: Floats, camera: Camera, camera_T_lidar: NDArray[np.float64]
            ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Project LiDAR points into the image.

    :param points_lidar: (N, 3) [m], LiDAR frame.
    :param camera: the camera that the pixels belong to.
    :param camera_T_lidar: (4, 4).
    :returns: (N, 2) float32 [px] as (u, v) and (N,) float32 depth [m]; NaN behind the camera,
        outside the image and where the distortion is not valid. Row i belongs to point i.
    :raises ValueError: if points_lidar is not (N, 3).
    """
    if points_lidar.ndim != 2 or points_lidar.shape[1] != 3:
        raise ValueError(f'points are {points_lidar.shape}, not (N, 3)')
    x, y, z = np.ascontiguousarray(points_lidar.T, dtype=np.float32)
    seen = project_xyz(x, y, z, camera, camera_T_lidar)
    uv = np.full((len(x), 2), np.nan, np.float32)
    depth_m = np.full(len(x), np.nan, np.float32)
    uv[seen.rows, 0], uv[seen.rows, 1] = seen.u_px, seen.v_px
    depth_m[seen.rows] = seen.depth_m
    return uv, depth_m


@lru_cache(maxsize=64)
def scaled(camera: Camera, scale: float) -> Camera:
    """
    Describe the same camera for its image resized by a factor.

    The same object each time, for the sake of what is derived from it.

    :param camera: for the image as recorded.
    :param scale: e.g. 0.5 for half the width and height.
    """
    width, height = max(1, round(camera.width * scale)), max(1, round(camera.height * scale))
    intrinsics = camera.intrinsics.astype(np.float64).copy()
    for row, share in ((0, width / camera.width), (1, height / camera.height)):
        intrinsics[row] *= share
        intrinsics[row, 2] += 0.5 * share - 0.5  # the corner of the image lies at -0.5
    return replace(camera, intrinsics=intrinsics, width=width, height=height)


class CalibrationError(ValueError):
    """A calibration that does not belong to its image; the message names both."""


def check_size(camera: Camera, width: int, height: int, name: str) -> None:
    """
    Refuse an image whose size is not that of its calibration.

    :param camera: the calibration.
    :param width: of the image [px].
    :param height: of the image [px].
    :param name: the camera's name, for the message.
    :raises CalibrationError: naming both sizes.
    """
    if (width, height) != (camera.width, camera.height):
        raise CalibrationError(
            f'camera {name!r} ({camera.frame}): the image is {width}x{height} px, '
            f'its calibration is for {camera.width}x{camera.height} px')
