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

from numba import njit
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
    _rotate(quaternion[0], quaternion[1], quaternion[2], quaternion[3], result)
    result[:3, 3] = xyz
    return result


def to_quaternion(dst_T_src: Matrix) -> NDArray[np.float64]:
    """
    Read the rotation of a transform as a quaternion.

    :param dst_T_src: (4, 4).
    :returns: (4,) xyzw of unit length, w >= 0.
    """
    return np.array(_quaternion(_contiguous(dst_T_src)))


def interpolate(dst_T_a: Matrix, dst_T_b: Matrix, alpha: float) -> Matrix:
    """
    Interpolate between two poses: straight line and slerp.

    :param dst_T_a: (4, 4), the result for alpha 0.
    :param dst_T_b: (4, 4), the result for alpha 1.
    :param alpha: outside 0..1 the motion goes on at constant velocity.
    :raises ValueError: if one is not (4, 4), or the result is not finite.
    """
    out = np.empty((4, 4))
    _interpolate(_contiguous(dst_T_a), _contiguous(dst_T_b), float(alpha), out)
    return _checked(out)


def poses_at(stamps_ns: NDArray[np.int64], dst_T_src: Matrix, at_ns: NDArray[np.int64]) -> Matrix:
    """
    Interpolate a trajectory, each pose as `interpolate` does.

    :param stamps_ns: (K,) int64, rising, K >= 2.
    :param dst_T_src: (K, 4, 4), the poses at these stamps.
    :param at_ns: (M,) int64; outside the stamps the motion goes on at constant velocity.
    :returns: (M, 4, 4).
    :raises ValueError: for fewer than two poses, another number of them than of stamps, or a
        result that is not finite.
    """
    if len(stamps_ns) < 2 or dst_T_src.shape != (len(stamps_ns), 4, 4):
        raise ValueError(f'{len(stamps_ns)} stamps with poses {dst_T_src.shape}: wanted are two '
                         'or more, and (K, 4, 4)')
    out = np.empty((len(at_ns), 4, 4))
    _interpolate_all(stamps_ns, _contiguous(dst_T_src), at_ns, out)
    return _checked(out)


def _contiguous(matrix: Matrix) -> Matrix:
    """Prepare for compiled code, which reads on beyond an array that is too small."""
    if matrix.shape[-2:] != (4, 4):
        raise ValueError(f'a transform is (4, 4), not {matrix.shape}')
    return np.ascontiguousarray(matrix, np.float64)


def _checked(poses: Matrix) -> Matrix:
    if not np.isfinite(poses).all():
        raise ValueError('the pose between two poses is not finite')
    return poses


@njit(nogil=True, cache=True)
def _rotate(x, y, z, w, out):  # type: ignore[no-untyped-def]
    """Fill in the rotation of a quaternion of any length."""
    s = 2.0 / (x * x + y * y + z * z + w * w)
    out[0, 0], out[1, 1] = 1 - s * (y * y + z * z), 1 - s * (x * x + z * z)
    out[2, 2] = 1 - s * (x * x + y * y)
    out[0, 1], out[1, 0] = s * (x * y - z * w), s * (x * y + z * w)
    out[0, 2], out[2, 0] = s * (x * z + y * w), s * (x * z - y * w)
    out[1, 2], out[2, 1] = s * (y * z - x * w), s * (y * z + x * w)


@njit(nogil=True, cache=True)
def _quaternion(m):  # type: ignore[no-untyped-def]
    """Read the rotation off the largest component, whose row is well conditioned."""
    squares = (1 + m[0, 0] - m[1, 1] - m[2, 2], 1 - m[0, 0] + m[1, 1] - m[2, 2],
               1 - m[0, 0] - m[1, 1] + m[2, 2], 1 + m[0, 0] + m[1, 1] + m[2, 2])
    xy, xz, yz = m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]
    xw, yw, zw = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    largest = max(squares)
    if squares[0] == largest:
        q = squares[0], xy, xz, xw
    elif squares[1] == largest:
        q = xy, squares[1], yz, yw
    elif squares[2] == largest:
        q = xz, yz, squares[2], zw
    else:
        q = xw, yw, zw, squares[3]
    length = np.sqrt(q[0] ** 2 + q[1] ** 2 + q[2] ** 2 + q[3] ** 2)
    length = length if q[3] >= 0 else -length
    return q[0] / length, q[1] / length, q[2] / length, q[3] / length


@njit(nogil=True, cache=True)
def _interpolate(a, b, alpha, out):  # type: ignore[no-untyped-def]
    p, q = _quaternion(a), _quaternion(b)
    cosine = p[0] * q[0] + p[1] * q[1] + p[2] * q[2] + p[3] * q[3]
    sign = -1.0 if cosine < 0 else 1.0
    angle = np.arccos(min(abs(cosine), 1.0))
    if angle < 1e-6:  # sin(angle) would divide by zero; the chord is the arc here
        of_a, of_b = 1 - alpha, alpha * sign
    else:
        of_a, of_b = np.sin((1 - alpha) * angle), np.sin(alpha * angle) * sign
    x, y = of_a * p[0] + of_b * q[0], of_a * p[1] + of_b * q[1]
    z, w = of_a * p[2] + of_b * q[2], of_a * p[3] + of_b * q[3]
    _rotate(x, y, z, w, out)
    for row in range(3):
        out[row, 3] = (1 - alpha) * a[row, 3] + alpha * b[row, 3]
        out[3, row] = 0.0
    out[3, 3] = 1.0


@njit(nogil=True, cache=True)
def _interpolate_all(stamps_ns, poses, at_ns, out):  # type: ignore[no-untyped-def]
    for i in range(len(at_ns)):
        after = min(max(np.searchsorted(stamps_ns, at_ns[i]), 1), len(stamps_ns) - 1)
        before = after - 1
        alpha = (at_ns[i] - stamps_ns[before]) / (stamps_ns[after] - stamps_ns[before])
        _interpolate(poses[before], poses[after], alpha, out[i])
