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
Lens distortion of sensor_msgs/CameraInfo, and the domain in which it is valid.

Distortion follows the definitions that ROS shares with OpenCV. Beyond the radius where the
distortion polynomial turns round it folds far-off-axis points back into the image; such points
count as outside (our choice: OpenCV does not check).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dseg_ros.types import Camera
from numba import njit
import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

BROWN, FISHEYE = 0, 1
WIDEST_TANGENT = 10.0  # 84 degrees off the axis: no such lens sees further


@dataclass(frozen=True, eq=False)
class Lens:
    """
    A camera model as the kernels take it.

    :param kind: BROWN (plumb_bob and rational) or FISHEYE.
    :param plane: (3, 3) float64, distorted normalised coordinates to pixels: the intrinsics, and
        the projective map of a tilted sensor.
    :param distortion: (14,) float64 in OpenCV's order k1 k2 p1 p2 k3 k4 k5 k6 s1..s4 tx ty;
        FISHEYE has k1..k4 first.
    :param limit: largest valid squared tangent (BROWN) or angle [rad] (FISHEYE) off the axis.
    """

    kind: int
    plane: NDArray[np.float64]
    distortion: NDArray[np.float64]
    limit: float


@lru_cache(maxsize=64)
def lens_of(camera: Camera) -> Lens:
    """
    Prepare a camera model for the kernels, with the domain in which its distortion is valid.

    Kept per camera object, since finding the domain takes longer than a projection.

    :param camera: its `model` names the distortion.
    """
    k = np.zeros(14)
    k[:len(camera.distortion)] = camera.distortion
    intrinsics = camera.intrinsics.astype(np.float64)
    if camera.model == 'equidistant':
        return Lens(FISHEYE, intrinsics, k, _fisheye_limit(k))
    limit = _unfolded(k, _radial_limit(k)) if np.any(k) else np.inf
    return Lens(BROWN, intrinsics @ _tilt(k[12], k[13]), k, limit)


def _first_positive_root(coefficients: NDArray[np.float64]) -> float:
    """Find the smallest positive real root; coefficients rise in power."""
    roots = np.roots(coefficients[::-1])
    real = roots.real[(abs(roots.imag) < 1e-9 * (1 + abs(roots.real))) & (roots.real > 1e-12)]
    return float(real.min()) if len(real) else float(np.inf)


def _radial_limit(k: NDArray[np.float64]) -> float:
    """Find r^2 where r * N(r^2) / D(r^2) stops growing or has a pole."""
    n, d = Polynomial([1, k[0], k[1], k[4]]), Polynomial([1, k[5], k[6], k[7]])
    s = Polynomial([0, 2])  # d(r^2) = 2 r dr: every derivative brings a factor 2 s
    slope = (n + s * n.deriv()) * d - s * n * d.deriv()  # type: ignore[no-untyped-call]
    return min(_first_positive_root(slope.coef), _first_positive_root(d.coef))


def _fisheye_limit(k: NDArray[np.float64]) -> float:
    """Find the angle where theta (1 + k1 theta^2 + ...) stops growing, at most pi."""
    slope = np.array([1, 3 * k[0], 5 * k[1], 7 * k[2], 9 * k[3]])
    return min(float(np.sqrt(_first_positive_root(slope))), np.pi)


def _tilt(tau_x_rad: float, tau_y_rad: float) -> NDArray[np.float64]:
    """Map the untilted to the tilted sensor plane (OpenCV's definition, Scheimpflug)."""
    cx, sx, cy, sy = np.cos(tau_x_rad), np.sin(tau_x_rad), np.cos(tau_y_rad), np.sin(tau_y_rad)
    about_x = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    rotation = about_y @ about_x
    onto_plane = np.array([[rotation[2, 2], 0, -rotation[0, 2]],
                           [0, rotation[2, 2], -rotation[1, 2]], [0, 0, 1]])
    return np.asarray(onto_plane @ rotation)


@njit(nogil=True, cache=True, inline='always', error_model='numpy')
def distort(a, b, k):  # type: ignore[no-untyped-def]
    """Distort one normalised point; without branches, so that loops over it vectorise."""
    r2 = a * a + b * b
    radial = (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (
        1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
    ab = 2 * a * b
    return (a * radial + k[2] * ab + k[3] * (r2 + 2 * a * a) + r2 * (k[8] + r2 * k[9]),
            b * radial + k[2] * (r2 + 2 * b * b) + k[3] * ab + r2 * (k[10] + r2 * k[11]))


@njit(nogil=True, cache=True, error_model='numpy')
def _unfolded(k, limit):  # type: ignore[no-untyped-def]
    """Shrink a radial limit to where tangential and prism terms do not fold the plane either."""
    h = 1e-6
    widest = np.sqrt(min(limit, WIDEST_TANGENT**2))
    for i in range(1, 257):
        r = widest * i / 256
        for j in range(48):
            a, b = r * np.cos(j * np.pi / 24), r * np.sin(j * np.pi / 24)
            u, v = distort(a, b, k)
            ua, va = distort(a + h, b, k)
            ub, vb = distort(a, b + h, k)
            if i < 256 and (ua - u) * (vb - v) <= (va - v) * (ub - u):
                return (widest * (i - 1) / 256)**2
    return limit
