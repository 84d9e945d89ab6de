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

"""Procedural textures: what colour a material has at a place."""

from __future__ import annotations

import math

from dseg_ros.sim import materials as m
from dseg_ros.sim.noise import fbm2, lattice, noise2, noise3
from numba import njit
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Look = tuple[float, float, float, float, float]
"""Linear red, green, blue, mirror reflectance at normal incidence, emission."""

ASPHALT, PAVING, KERB, GRASS, MARKING = m.ASPHALT, m.PAVING, m.KERB, m.GRASS, m.MARKING
FACADE, ROOF, FOLIAGE, BARK, WALL, WOOD = m.FACADE, m.ROOF, m.FOLIAGE, m.BARK, m.WALL, m.WOOD
CLOTH, SIGN, EARTH, STONE = m.CLOTH, m.SIGN, m.EARTH, m.STONE


@njit(nogil=True, cache=True)
def _fade(footprint: float, feature: float) -> float:
    """Contrast that is left of a feature [m] seen by a pixel that covers a footprint [m]."""
    return min(1.0, max(0.0, 1.6 - 1.6 * footprint / feature))


@njit(nogil=True, cache=True)
def _joint(u: float, v: float, width: float, height: float, gap: float) -> tuple[float, int, int]:
    """Lay stones in courses: depth of the joint 0..1, and the stone's own numbers."""
    row = math.floor(v / height)
    shifted = u / width + 0.5 * (row % 2)
    column = math.floor(shifted)
    du = (shifted - column) * width
    dv = v - row * height
    edge = min(min(du, width - du), min(dv, height - dv))
    return min(1.0, max(0.0, 1.0 - edge / gap)), int(row), int(column)


@njit(nogil=True, cache=True)
def _asphalt(u: float, v: float, footprint: float) -> float:
    grain = (noise2(55 * u, 55 * v, 3) - 0.5) * _fade(footprint, 0.03)
    patch = fbm2(0.35 * u, 0.9 * v, 5)
    tracks = 0.06 * math.cos(v * 3.6)
    seam = abs(noise2(0.4 * u, 0.4 * v, 9) - 0.5)
    crack = 0.25 * max(0.0, 1 - seam / 0.012) * _fade(footprint, 0.1) * (patch > 0.5)
    return (0.85 + 0.35 * (patch - 0.5) + 0.35 * grain + tracks) * (1 - crack)


@njit(nogil=True, cache=True)
def _brick(u: float, v: float, footprint: float, r: float, g: float, b: float) -> Look:
    joint, row, column = _joint(u, v, 0.25, 0.085, 0.012)
    f = _fade(footprint, 0.12)
    tone = 1 + f * (0.5 * lattice(row, column, 17) - 0.25) + 0.25 * (fbm2(u, v, 21) - 0.5)
    joint *= f
    return (r * tone * (1 - joint) + 0.45 * joint, g * tone * (1 - joint) + 0.42 * joint,
            b * tone * (1 - joint) + 0.38 * joint, 0.0, 0.0)


@njit(nogil=True, cache=True)
def _masonry(kind: int, u: float, v: float, footprint: float, r: float, g: float,
             b: float) -> Look:
    if kind == m.BRICK:
        return _brick(u, v, footprint, r, g, b)
    streak = 0.16 * (fbm2(1.7 * u, 0.22 * v, 31) - 0.5) + 0.1 * (fbm2(6 * u, 6 * v, 33) - 0.5)
    tone = 0.97 + streak
    if kind == m.PANEL:
        joint, row, column = _joint(u, v, 3.2, 1.5, 0.025)
        tone += 0.1 * (lattice(row, column, 35) - 0.5) - 0.35 * joint * _fade(footprint, 0.06)
    return r * tone, g * tone, b * tone, 0.0, 0.0


@njit(nogil=True, cache=True)
def _pane(u: float, v: float, width: float, height: float, cell: int, floor: int,
          style: F32) -> Look:
    """Draw a window of which (u, v) is the place from its lower left corner [m]."""
    edge = min(min(u, width - u), min(v, height - v))
    if edge < 0.07 or abs(u - width / 2) < 0.03 or abs(v - 0.68 * height) < 0.025:
        return style[m.TRIM_R], style[m.TRIM_G], style[m.TRIM_B], 0.02, 0.0
    tone = 0.05 + 0.05 * lattice(cell, floor, 41)
    curtain = lattice(cell, floor, 43)
    if curtain > 0.55 and min(u, width - u) < width * (0.12 + 0.25 * curtain):
        tone = 0.45 + 0.1 * math.cos(40 * u)
    if curtain < 0.25 and v > height * (0.35 + 2 * curtain):
        tone = 0.5
    shade = 0.45 if v > height - 0.22 or u < 0.17 else 1.0
    lit = 1.3 if lattice(cell, floor, int(style[m.HASH])) < style[m.LIT_SHARE] else 0.0
    glow = lit * (0.5 + 0.6 * curtain) * (0.75 + 0.5 * v / height)
    if lit > 0:
        return 1.0 * (0.3 + tone), 0.72 * (0.3 + tone), 0.38 * (0.3 + tone), 0.1, glow
    return 0.8 * tone * shade, 0.95 * tone * shade, 1.1 * tone * shade, 0.22 * shade, 0.0


@njit(nogil=True, cache=True)
def _shop(u: float, v: float, style: F32, r: float, g: float, b: float) -> Look:
    """Draw the ground floor of a shop: sign board, glass between pillars, a plinth."""
    height = style[m.FLOOR_M]
    bay = math.floor(u / 3.4)
    du = u - 3.4 * bay
    shop = int(math.floor(u / 6.8)) + int(style[m.HASH])
    if v > height - 0.25 or v < 0.35 or du < 0.3:
        return 0.75 * r, 0.75 * g, 0.75 * b, 0.0, 0.0
    if v > height - 0.95:
        red, green, blue = lattice(shop, 1, 1), lattice(shop, 2, 1), lattice(shop, 3, 1)
        letter = lattice(int(u * 5), int(v * 9), shop) > 0.5 and abs(v - height + 0.6) < 0.2
        if letter and 0.9 < du < 2.8:
            return 0.85, 0.85, 0.8, 0.02, 1.5
        return 0.05 + 0.6 * red, 0.05 + 0.45 * green, 0.05 + 0.5 * blue, 0.05, 0.25
    if du < 0.38 or abs(du - 1.85) < 0.03:
        return 0.12, 0.12, 0.13, 0.05, 0.0
    goods = noise2(3 * u, 3 * v, shop) * (0.28 if v < 1.5 else 0.1)
    return 0.05 + 0.9 * goods, 0.05 + 0.75 * goods, 0.05 + 0.6 * goods, 0.16, 1.4


@njit(nogil=True, cache=True)
def facade(u: float, v: float, style: F32, footprint: float, r: float, g: float,
           b: float) -> Look:
    """
    Draw a facade with windows.

    :param u: along the wall from its left end [m].
    :param v: above the ground [m].
    :param style: row of the style table, columns named in materials.py.
    """
    floor_m, length = style[m.FLOOR_M], style[m.LENGTH_M]
    floor = math.floor(v / floor_m)
    if v < 0:
        return 0.35 * r, 0.35 * g, 0.35 * b, 0.0, 0.0
    if floor == 0 and style[m.SHOP] > 0:
        return _shop(u, v, style, r, g, b)
    columns = max(1.0, math.floor(length / style[m.SPACING_M]))
    spacing = length / columns
    cell = math.floor(u / spacing)
    du = u - (cell + 0.5) * spacing
    dv = v - floor * floor_m - style[m.SILL_M]
    width, height = style[m.WINDOW_WIDTH_M], style[m.WINDOW_HEIGHT_M]
    if floor == 0 and int(cell) == int(columns) // 2 and abs(du) < 0.55 and v < 2.2:
        leaf = 0.6 if abs(du) < 0.45 and v < 2.1 else 1.6
        return (leaf * 0.35 * style[m.TRIM_G], leaf * 0.2 * style[m.TRIM_R],
                leaf * 0.18 * style[m.TRIM_B], 0.03, 0.0)
    top = (floor + 1) * floor_m <= style[m.HEIGHT_M] + 0.05
    if top and abs(du) < width / 2 and 0 < dv < height:
        return _pane(du + width / 2, dv, width, height, int(cell), int(floor), style)
    if top and abs(du) < width / 2 + 0.1 and -0.12 < dv < height + 0.1:
        return 0.9 * style[m.TRIM_R], 0.9 * style[m.TRIM_G], 0.9 * style[m.TRIM_B], 0.0, 0.0
    shutter = abs(du) - width / 2 - 0.1
    if top and style[m.SHUTTERS] > 0 and 0 < shutter < 0.45 and 0 < dv < height:
        slat = 0.75 + 0.25 * math.cos(60 * dv) * _fade(footprint, 0.08)
        return 0.16 * slat, 0.28 * slat, 0.22 * slat, 0.02, 0.0
    if style[m.WALL_KIND] != m.BRICK and abs(v - floor * floor_m) < 0.09 and floor > 0:
        return 0.8 * r, 0.8 * g, 0.8 * b, 0.0, 0.0
    dirt = 0.75 + 0.25 * min(1.0, v / 1.2)
    kind = int(style[m.WALL_KIND])
    return _masonry(kind, u + style[m.HASH], v, footprint, r * dirt, g * dirt, b * dirt)


@njit(nogil=True, cache=True)
def _sign(kind: int, u: float, v: float, r: float, g: float, b: float) -> Look:
    radius = math.sqrt(u * u + v * v)
    red, white, blue = (0.62, 0.02, 0.03), (0.85, 0.85, 0.85), (0.02, 0.12, 0.5)
    ink = white
    if kind == m.SPEED_LIMIT:
        digit = abs(v) < 0.38 and (abs(u - 0.3) < 0.2 or abs(u + 0.3) < 0.2)
        hole = abs(v) < 0.2 and (abs(u - 0.3) < 0.08 or abs(u + 0.3) < 0.08)
        ink = red if radius > 0.74 else ((0.03, 0.03, 0.03) if digit and not hole else white)
    elif kind == m.WARNING:
        ink = white if radius < 0.36 else red
        if abs(u) < 0.07 and -0.2 < v < 0.32:
            ink = (0.03, 0.03, 0.03)
    elif kind == m.PRIORITY:
        ink = (0.85, 0.5, 0.02) if abs(u) + abs(v) < 0.7 else white
    elif kind == m.PARKING:
        stem = abs(u + 0.2) < 0.1 and abs(v) < 0.6
        bowl = abs(math.sqrt((u - 0.05) ** 2 + (v - 0.28) ** 2) - 0.24) < 0.09 and u > -0.2
        ink = white if stem or bowl else blue
    elif kind == m.STOP:
        ink = white if abs(v) < 0.22 and abs(u) < 0.7 else red
    elif kind == m.KEEP_RIGHT:
        ink = white if abs(u + v) < 0.17 and radius < 0.65 else blue
    elif kind == m.NO_ENTRY:
        ink = white if abs(v) < 0.2 and abs(u) < 0.7 else red
    else:
        ink = (0.3, 0.3, 0.32)
    return ink[0], ink[1], ink[2], 0.03, 0.0


@njit(nogil=True, cache=True)
def _ground(material: int, u: float, v: float, footprint: float, r: float, g: float,
            b: float) -> Look:
    if material == ASPHALT:
        tone = _asphalt(u, v, footprint)
        return r * tone, g * tone, b * tone, 0.0, 0.0
    if material == PAVING:
        joint, row, column = _joint(u, v, 0.6, 0.4, 0.012)
        tone = 1 + 0.22 * (lattice(row, column, 51) - 0.5) * _fade(footprint, 0.5) \
            + 0.25 * (fbm2(0.8 * u, 0.8 * v, 53) - 0.5) - 0.4 * joint * _fade(footprint, 0.05)
        return r * tone, g * tone, b * tone, 0.0, 0.0
    if material == MARKING:
        worn = 0.75 + 0.35 * noise2(3 * u, 3 * v, 61)
        scratch = noise2(25 * u, 25 * v, 63)
        if scratch > 0.8:
            worn *= 1 - 0.5 * _fade(footprint, 0.06)
        return r * worn, g * worn, b * worn, 0.0, 0.0
    patch = fbm2(0.6 * u, 0.6 * v, 71)
    blade = (noise2(28 * u, 28 * v, 73) - 0.5) * _fade(footprint, 0.06)
    tone = 0.7 + 0.6 * patch + 0.9 * blade
    dry = max(0.0, noise2(0.25 * u, 0.25 * v, 75) - 0.45)
    return (r + 0.25 * dry) * tone, (g + 0.12 * dry) * tone, b * tone, 0.0, 0.0


@njit(nogil=True, cache=True)
def look(material: int, style: F32, u: float, v: float, x: float, y: float, z: float,
         footprint: float, r: float, g: float, b: float) -> Look:
    """
    Find the look of a material at a place.

    :param u: first texture coordinate, mostly [m].
    :param v: second one.
    :param x: place in the object's own frame [m], for textures without coordinates.
    :param footprint: what a pixel covers there [m]; finer detail fades.
    :param r: base colour, linear; g and b likewise.
    """
    if (material <= GRASS and material != KERB) or material == MARKING:
        return _ground(material, u, v, footprint, r, g, b)
    if material == FACADE:
        return facade(u, v, style, footprint, r, g, b)
    if material == FOLIAGE:
        tone = 0.55 + 0.5 * noise3(1.3 * x, 1.3 * y, 1.3 * z) + 0.55 * (
            noise3(7 * x, 7 * y, 7 * z) - 0.5) * _fade(footprint, 0.3)
        warm = 0.35 * (noise3(2.9 * x, 2.9 * y, 2.9 * z) - 0.4)
        return r * tone * (1 + warm), g * tone, b * tone * (1 - warm), 0.0, 0.0
    if material == ROOF:
        joint, row, column = _joint(u, v, 0.3, 0.33, 0.05)
        tone = 1 + 0.3 * (lattice(row, column, 81) - 0.5) - 0.4 * joint * _fade(footprint, 0.12)
        return r * tone, g * tone, b * tone, 0.0, 0.0
    if material == WALL:
        return _masonry(style[m.WALL_KIND], u, v, footprint, r, g, b)
    if material == KERB or material == STONE:
        tone = 0.85 + 0.3 * noise3(4 * x, 4 * y, 4 * z)
        return r * tone, g * tone, b * tone, 0.0, 0.0
    if material == SIGN:
        return _sign(int(style[m.SIGN_KIND]), u, v, r, g, b)
    if material == BARK or material == WOOD or material == EARTH:
        tone = 0.6 + 0.8 * noise3(9 * x, 9 * y, 1.2 * z)
        return r * tone, g * tone, b * tone, 0.0, 0.0
    if material == CLOTH:
        tone = 0.75 + 0.5 * noise3(9 * x, 9 * y, 6 * z)
        return r * tone, g * tone, b * tone, 0.0, 0.0
    return r, g, b, 0.0, 0.0
