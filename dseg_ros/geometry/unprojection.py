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

"""Pixels to viewing rays: the camera model backwards."""

from __future__ import annotations

from typing import Any

from dseg_ros.geometry.lens import distort, FISHEYE, Lens, lens_of
from dseg_ros.types import Camera
from numba import njit
import numpy as np
from numpy.typing import NDArray


def unproject(uv: NDArray[np.floating[Any]], camera: Camera) -> NDArray[np.float64]:
    """
    Find the viewing rays of pixels, by Newton steps.

    :param uv: (N, 2) [px].
    :param camera: the camera that the pixels belong to.
    :returns: (N, 3) float64 unit vectors in the optical frame; NaN where no ray within the valid
        domain of the distortion meets the pixel.
    """
    lens = lens_of(camera)
    homogeneous = np.concatenate([np.asarray(uv, dtype=np.float64), np.ones((len(uv), 1))], axis=1)
    rays = homogeneous @ np.linalg.inv(lens.plane).T
    rays /= rays[:, 2:]
    if lens.kind == FISHEYE:
        return _unbend(rays[:, 0], rays[:, 1], lens)
    _newton(rays, lens.distortion, lens.limit)
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _unbend(a: NDArray[np.float64], b: NDArray[np.float64], lens: Lens) -> NDArray[np.float64]:
    bent = np.hypot(a, b)
    k1, k2, k3, k4 = lens.distortion[:4]
    grid = np.linspace(0, lens.limit, 4096)
    g2 = grid * grid
    theta = np.interp(bent, grid * (1 + g2 * (k1 + g2 * (k2 + g2 * (k3 + g2 * k4)))), grid,
                      right=np.nan)
    for _ in range(3):
        t2 = theta * theta
        value = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4)))) - bent
        slope = 1 + t2 * (3 * k1 + t2 * (5 * k2 + t2 * (7 * k3 + t2 * 9 * k4)))
        theta = theta - value / slope
    unit = np.where(bent > 1e-12, np.sin(theta) / np.maximum(bent, 1e-12), 1.0)
    return np.stack([a * unit, b * unit, np.cos(theta)], axis=1)


@njit(nogil=True, cache=True, error_model='numpy')
def _newton(rays, k, limit):  # type: ignore[no-untyped-def]
    """Replace distorted by undistorted normalised coordinates, NaN where there are none."""
    h = 1e-6
    for i in range(rays.shape[0]):
        a, b = rays[i, 0], rays[i, 1]
        r2 = a * a + b * b
        if r2 >= limit:  # start inside the valid domain
            a, b = a * np.sqrt(0.9 * limit / r2), b * np.sqrt(0.9 * limit / r2)
        missed = np.inf
        for _ in range(30):
            u, v = distort(a, b, k)
            eu, ev = rays[i, 0] - u, rays[i, 1] - v
            missed = np.sqrt(eu * eu + ev * ev)
            if missed < 1e-12:
                break
            ua, va = distort(a + h, b, k)
            ub, vb = distort(a, b + h, k)
            j00, j10, j01, j11 = (ua - u) / h, (va - v) / h, (ub - u) / h, (vb - v) / h
            det = j00 * j11 - j01 * j10
            if abs(det) < 1e-12:
                break
            a += (j11 * eu - j01 * ev) / det
            b += (j00 * ev - j10 * eu) / det
        valid = missed < 1e-8 and a * a + b * b < limit
        rays[i, 0] = a if valid else np.nan
        rays[i, 1] = b if valid else np.nan
