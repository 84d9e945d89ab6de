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

"""Smooth deterministic noise for procedural textures."""

from __future__ import annotations

import math

from numba import njit


@njit(nogil=True, cache=True)
def lattice(i: int, j: int, k: int) -> float:
    """Hash an integer position to a number in 0..1."""
    h = (i * 374761393 + j * 668265263 + k * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1103515245) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 2246822519) & 0xFFFFFFFF
    return ((h ^ (h >> 15)) & 0xFFFFFF) / 16777215.0


@njit(nogil=True, cache=True)
def noise3(x: float, y: float, z: float) -> float:
    """Interpolate lattice values smoothly (value noise), 0..1, one feature per unit."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = int(fx), int(fy), int(fz)
    a, b, c = x - fx, y - fy, z - fz
    a, b, c = a * a * (3 - 2 * a), b * b * (3 - 2 * b), c * c * (3 - 2 * c)
    p = lattice(i, j, k) * (1 - a) + lattice(i + 1, j, k) * a
    q = lattice(i, j + 1, k) * (1 - a) + lattice(i + 1, j + 1, k) * a
    r = lattice(i, j, k + 1) * (1 - a) + lattice(i + 1, j, k + 1) * a
    s = lattice(i, j + 1, k + 1) * (1 - a) + lattice(i + 1, j + 1, k + 1) * a
    return (p * (1 - b) + q * b) * (1 - c) + (r * (1 - b) + s * b) * c


@njit(nogil=True, cache=True)
def noise2(x: float, y: float, layer: int) -> float:
    """Interpolate lattice values smoothly in the plane, 0..1; layers are independent."""
    fx, fy = math.floor(x), math.floor(y)
    i, j = int(fx), int(fy)
    a, b = x - fx, y - fy
    a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
    p = lattice(i, j, layer) * (1 - a) + lattice(i + 1, j, layer) * a
    q = lattice(i, j + 1, layer) * (1 - a) + lattice(i + 1, j + 1, layer) * a
    return p * (1 - b) + q * b


@njit(nogil=True, cache=True)
def fbm2(x: float, y: float, layer: int) -> float:
    """Sum three octaves of noise2, 0..1."""
    return (0.57 * noise2(x, y, layer) + 0.29 * noise2(2.03 * x, 2.03 * y, layer + 1)
            + 0.14 * noise2(4.1 * x, 4.1 * y, layer + 2))
