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

"""Rigid transforms: `dst_T_src` is a (4, 4) float64, source to destination coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def invert(dst_T_src: Matrix) -> Matrix:
    """
    Invert a rigid transform.

    :param dst_T_src: (4, 4), or a stack (..., 4, 4).
    :returns: src_T_dst of the same shape.
    """
    src_T_dst = np.zeros_like(dst_T_src)
    rotation = np.swapaxes(dst_T_src[..., :3, :3], -1, -2)
    src_T_dst[..., :3, :3] = rotation
    src_T_dst[..., :3, 3] = -(rotation @ dst_T_src[..., :3, 3:])[..., 0]
    src_T_dst[..., 3, 3] = 1.0
    return src_T_dst


def transform(dst_T_src: Matrix, xyz: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """
    Move points into another frame.

    :param dst_T_src: (4, 4).
    :param xyz: (N, 3) [m], source frame.
    :returns: (N, 3) [m], destination frame, of the same dtype.
    :raises ValueError: if xyz is not (N, 3).
    """
    if xyz.ndim != 2 or xyz.shape[1] != 3:
        raise ValueError(f'points are {xyz.shape}, not (N, 3)')
    moved = xyz @ dst_T_src[:3, :3].T + dst_T_src[:3, 3]
    return np.asarray(moved, dtype=xyz.dtype)


def from_quaternion(xyz: NDArray[np.float64] | tuple[float, float, float],
                    xyzw: NDArray[np.float64] | tuple[float, float, float, float]) -> Matrix:
    """
    Build a transform from a translation and a quaternion, as in geometry_msgs/Transform.

    :param xyz: translation [m].
    :param xyzw: quaternion; it is normalised.
    :raises ValueError: for a quaternion without length or a value that is not finite.
    """
    quaternion = np.asarray(xyzw, dtype=np.float64)
    length = float(np.linalg.norm(quaternion))
    if not (np.isfinite(length) and length > 1e-9 and np.all(np.isfinite(np.asarray(xyz)))):
        raise ValueError(f'translation {tuple(xyz)} with quaternion {tuple(xyzw)} is no pose')
    result = np.eye(4)
    result[:3, :3] = _rotation(quaternion / length)
    result[:3, 3] = xyz
    return result


def _rotation(xyzw: NDArray[np.float64]) -> Matrix:
    x, y, z, w = xyzw
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                     [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                     [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def to_quaternion(dst_T_src: Matrix) -> NDArray[np.float64]:
    """
    Read the rotation of a transform as a quaternion.

    :param dst_T_src: (4, 4).
    :returns: (4,) xyzw of unit length, w >= 0.
    """
    m = dst_T_src[:3, :3]
    # Four times the products of the components; the row of the largest square is well conditioned.
    products = np.array([
        [1 + m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[2, 1] - m[1, 2]],
        [m[0, 1] + m[1, 0], 1 - m[0, 0] + m[1, 1] - m[2, 2], m[1, 2] + m[2, 1], m[0, 2] - m[2, 0]],
        [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], 1 - m[0, 0] - m[1, 1] + m[2, 2], m[1, 0] - m[0, 1]],
        [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1 + np.trace(m)]])
    row = products[int(np.argmax(np.diag(products)))]
    row = row / np.linalg.norm(row)
    return np.asarray(row if row[3] >= 0 else -row)


def interpolate(dst_T_a: Matrix, dst_T_b: Matrix, alpha: float) -> Matrix:
    """
    Interpolate between two poses: straight line and slerp.

    :param dst_T_a: (4, 4), the result for alpha 0.
    :param dst_T_b: (4, 4), the result for alpha 1.
    :param alpha: outside 0..1 the motion goes on at constant velocity.
    """
    a, b = to_quaternion(dst_T_a), to_quaternion(dst_T_b)
    cosine = float(a @ b)
    if cosine < 0:
        b, cosine = -b, -cosine
    angle = np.arccos(min(cosine, 1.0))
    if angle < 1e-6:  # sin(angle) would divide by zero; the chord is the arc here
        quaternion = (1 - alpha) * a + alpha * b
    else:
        quaternion = (np.sin((1 - alpha) * angle) * a + np.sin(alpha * angle) * b)
    xyz = (1 - alpha) * dst_T_a[:3, 3] + alpha * dst_T_b[:3, 3]
    return from_quaternion(xyz, quaternion)
