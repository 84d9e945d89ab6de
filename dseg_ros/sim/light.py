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

"""Light: the sky, and what a surface sends to the camera."""

from __future__ import annotations

import math
from typing import NamedTuple

from dseg_ros.sim import materials as m
from dseg_ros.sim.noise import fbm2, noise2
from dseg_ros.sim.texture import look
from numba import njit
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
F32 = NDArray[np.float32]
Array = NDArray[np.float64]

GLOSS = np.zeros(29)
GLOSS[[m.CAR_PAINT, m.COACH]] = 0.06
GLOSS[m.GLASS] = 0.12
GLOSS[[m.METAL, m.HEAD_LIGHT, m.TAIL_LIGHT, m.PLASTIC]] = 0.05
GLOW = np.zeros((29, 2))
GLOW[m.TAIL_LIGHT] = 0.35, 3.0
GLOW[m.HEAD_LIGHT] = 0.0, 14.0
GLOW[[m.LAMP_RED, m.LAMP_AMBER, m.LAMP_GREEN]] = 1.6, 6.0
GLOW[m.STREET_LAMP] = 0.0, 20.0


class Light(NamedTuple):
    """
    Where light comes from.

    :param sun: unit vector towards the sun, world frame.
    :param sun_rgb: irradiance, linear; zero without a sun.
    :param zenith: radiance of the sky overhead.
    :param horizon: radiance of the sky above the horizon.
    :param clouds: share of the sky they cover, 0..1.
    :param fog_per_m: extinction [1/m].
    :param fog: radiance of the fog.
    :param wet: 0..1, how much the ground mirrors.
    :param night: 0 by day, 1 when lamps are on.
    """

    sun: Colour
    sun_rgb: Colour
    zenith: Colour
    horizon: Colour
    clouds: float
    fog_per_m: float
    fog: Colour
    wet: float
    night: float


@njit(nogil=True, cache=True)
def sky(x: float, y: float, z: float, light: Light) -> Colour:
    """Radiance of the sky in a direction, clouds and glow of the sun included."""
    up = max(z, 0.0)
    t = math.sqrt(up)
    r = light.horizon[0] * (1 - t) + light.zenith[0] * t
    g = light.horizon[1] * (1 - t) + light.zenith[1] * t
    b = light.horizon[2] * (1 - t) + light.zenith[2] * t
    if light.clouds > 0 and z > 0.01:
        k = 1.3 / (z + 0.12)
        cover = fbm2(x * k + 7, y * k + 3, 91) * 0.75 + fbm2(3.1 * x * k, 3.1 * y * k, 95) * 0.25
        c = min(1.0, max(0.0, (cover - 1 + light.clouds) * 4.5)) * min(1.0, 6 * z)
        white = (0.5 + 0.5 * (1 - c)) * (light.horizon[0] + light.horizon[2]) * 0.62
        r, g, b = r + c * (white - r), g + c * (white - g), b + c * (white * 1.03 - b)
    s = x * light.sun[0] + y * light.sun[1] + z * light.sun[2]
    if s > 0 and light.sun_rgb[0] > 0:
        glow = 0.12 * s ** 12 + 0.5 * s ** 180 + 14.0 * (s > 0.9995)
        r, g, b = (r + glow * light.sun_rgb[0], g + glow * light.sun_rgb[1],
                   b + glow * light.sun_rgb[2])
    return r, g, b


@njit(nogil=True, cache=True)
def _lamplight(x: float, y: float, z: float, nx: float, ny: float, nz: float,
               lamps: Array) -> Colour:
    """
    Sum the light of lamps at a place.

    :param lamps: (L, 11): position, colour x power, axis, cosine of the cone, softness [m2].
    """
    r, g, b = 0.0, 0.0, 0.0
    for i in range(len(lamps)):
        dx, dy, dz = lamps[i, 0] - x, lamps[i, 1] - y, lamps[i, 2] - z
        d2 = dx * dx + dy * dy + dz * dz
        if d2 > 3600:
            continue
        d = math.sqrt(d2) + 1e-6
        facing = (nx * dx + ny * dy + nz * dz) / d
        if facing <= 0:
            continue
        along = -(dx * lamps[i, 6] + dy * lamps[i, 7] + dz * lamps[i, 8]) / d
        cone = min(1.0, max(0.0, (along - lamps[i, 9]) / (1 - lamps[i, 9]) * 1.6))
        w = (0.15 + 0.85 * facing) * cone * cone * (3 - 2 * cone) / (lamps[i, 10] + d2)
        r, g, b = r + w * lamps[i, 3], g + w * lamps[i, 4], b + w * lamps[i, 5]
    return r, g, b


@njit(nogil=True, cache=True)
def _mirrored(x: float, y: float, z: float, light: Light) -> Colour:
    """Radiance that a glossy surface mirrors: sky above a soft, imagined skyline."""
    bright = sky(x, y, abs(z) + 0.05, light)
    skyline = 0.08 + 0.45 * noise2(1.6 * math.atan2(y, x) + 9.0, 0.5, 97)
    above = min(1.0, max(0.0, (z - skyline + 0.12) / 0.24))
    dim = 0.2 + 0.8 * above * above * (3 - 2 * above)
    if z < 0:
        dim = max(0.12, 0.2 + 0.4 * z)
    return dim * bright[0], dim * bright[1], dim * bright[2]


@njit(nogil=True, cache=True)
def shade(directions: F32, origin: F32, range_m: F32, triangle: NDArray[np.int32],
          barycentric: F32, mover: NDArray[np.int32], lit: NDArray[np.bool_], mover_pose: Array,
          normals: F32, uvs: F32, rgbs: F32, material: NDArray[np.uint8], style: NDArray[np.int32],
          styles: F32, lamps: Array, light: Light, pixel_rad: float, out: F32) -> None:
    """
    Compute the radiance along rays.

    :param directions: (N, 3) unit vectors, world frame.
    :param origin: (3,) the camera [m].
    :param range_m: (N,) distance to the hit.
    :param triangle: (N,) row of the mesh tables; -1 is sky.
    :param barycentric: (N, 2).
    :param mover: (N,) row of mover_pose; -1 does not move.
    :param lit: (N,) bool, whether the sun (the sky overhead, without a sun) reaches the hit.
    :param mover_pose: (M, 4) x, y, z [m], yaw [rad].
    :param pixel_rad: angle that a pixel covers.
    :param out: (N, 3) float32, written.
    """
    for i in range(len(range_m)):
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        t = triangle[i]
        if t < 0:
            s = sky(dx, dy, dz, light)
            veil = 1 - math.exp(-light.fog_per_m * 60 / (max(dz, 0.0) + 0.05))
            for k in range(3):
                out[i, k] = s[k] + veil * (light.fog[k] - s[k])
            continue
        d = range_m[i]
        x, y, z = origin[0] + d * dx, origin[1] + d * dy, origin[2] + d * dz
        p, q = barycentric[i, 0], barycentric[i, 1]
        o = 1 - p - q
        nx = o * normals[t, 0, 0] + p * normals[t, 1, 0] + q * normals[t, 2, 0]
        ny = o * normals[t, 0, 1] + p * normals[t, 1, 1] + q * normals[t, 2, 1]
        nz = o * normals[t, 0, 2] + p * normals[t, 1, 2] + q * normals[t, 2, 2]
        lx, ly, lz = x, y, z
        if mover[i] >= 0:
            pose = mover_pose[mover[i]]
            c, s1 = math.cos(pose[3]), math.sin(pose[3])
            ex, ey = x - pose[0], y - pose[1]
            lx, ly, lz = c * ex + s1 * ey, -s1 * ex + c * ey, z - pose[2]
            nx, ny = c * nx - s1 * ny, s1 * nx + c * ny
        length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
        nx, ny, nz = nx / length, ny / length, nz / length
        cosine = -(nx * dx + ny * dy + nz * dz)
        mat = material[t]
        if cosine < 0 and mat != m.FOLIAGE:
            nx, ny, nz, cosine = -nx, -ny, -nz, -cosine
        u = o * uvs[t, 0, 0] + p * uvs[t, 1, 0] + q * uvs[t, 2, 0]
        v = o * uvs[t, 0, 1] + p * uvs[t, 1, 1] + q * uvs[t, 2, 1]
        footprint = d * pixel_rad / math.sqrt(abs(cosine) + 0.02)
        a = look(mat, styles[style[t]], u, v, lx, ly, lz, footprint, rgbs[t, 0], rgbs[t, 1],
                 rgbs[t, 2])
        gloss = a[3] + GLOSS[mat]
        wetness = light.wet * max(0.0, nz - 0.8) * 5 if mat <= m.MARKING else 0.0
        albedo = 1 - 0.3 * wetness
        glow = GLOW[mat, 0] * (1 - light.night) + GLOW[mat, 1] * light.night + a[4] * (
            light.night + 0.1)
        sun = nx * light.sun[0] + ny * light.sun[1] + nz * light.sun[2]
        if mat == m.FOLIAGE:
            sun = 0.35 + 0.65 * sun
            cosine = abs(cosine)
        sun = max(0.0, sun) if lit[i] else 0.0
        ambient = 0.62 + 0.38 * nz
        if light.sun_rgb[0] <= 0 and not lit[i]:
            ambient *= 0.42
        lamp = _lamplight(x, y, z, nx, ny, nz, lamps)
        f = (gloss + 0.08 * wetness) + (1 - gloss) * (1 - min(1.0, cosine)) ** 4 * min(
            1.0, 5 * gloss + 0.75 * wetness)
        mirror = (0.0, 0.0, 0.0)
        spark = 0.0
        if f > 0.01:
            rx, ry, rz = dx + 2 * cosine * nx, dy + 2 * cosine * ny, dz + 2 * cosine * nz
            mirror = _mirrored(rx, ry, rz, light)
            if lit[i] and light.sun_rgb[0] > 0:
                h = rx * light.sun[0] + ry * light.sun[1] + rz * light.sun[2]
                spark = 1.6 * max(0.0, h) ** 160 * min(1.0, 6 * gloss)
        clear = math.exp(-light.fog_per_m * d)
        for k in range(3):
            dome = ambient * (0.34 * light.zenith[k] + 0.5 * light.horizon[k]
                              + 0.16 * light.horizon[1])
            c1 = a[k] * (albedo * (sun * light.sun_rgb[k] + dome + lamp[k]) + glow)
            c1 = c1 * (1 - f) + f * mirror[k] + spark * light.sun_rgb[k]
            out[i, k] = c1 * clear + (1 - clear) * light.fog[k]
