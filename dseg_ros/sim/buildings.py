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

"""Buildings: walls with textured windows, roofs, cornices, balconies, chimneys."""

from __future__ import annotations

from dseg_ros.sim import materials as m
from dseg_ros.sim.mesh import from_triangles, join, Mesh, Surface
from dseg_ros.sim.solids import box, panel, quads
import numpy as np

FOUNDATION_M = 1.5
PLASTERS = ((0.62, 0.55, 0.42), (0.66, 0.63, 0.57), (0.60, 0.42, 0.28), (0.46, 0.50, 0.52),
            (0.58, 0.34, 0.26), (0.50, 0.56, 0.44), (0.64, 0.52, 0.30), (0.42, 0.46, 0.58),
            (0.70, 0.68, 0.64), (0.55, 0.40, 0.38))
BRICKS = ((0.36, 0.13, 0.08), (0.30, 0.15, 0.10), (0.42, 0.22, 0.13), (0.24, 0.13, 0.10),
          (0.45, 0.33, 0.22))
TILES = ((0.34, 0.11, 0.06), (0.20, 0.09, 0.06), (0.10, 0.10, 0.11), (0.26, 0.15, 0.09))
TRIMS = ((0.72, 0.72, 0.70), (0.55, 0.52, 0.46), (0.16, 0.13, 0.11), (0.30, 0.33, 0.30))


class Architect:
    """
    Draw buildings in the manner of one street.

    :param rng: decides the manner and every building.
    :param night: how many windows are lit.
    """

    def __init__(self, rng: np.random.Generator, night: bool) -> None:
        """Choose the manner: a few colours and a share of brick."""
        self.rng = rng
        self.styles: list[list[float]] = [[0.0] * m.STYLE_COLUMNS]
        self.lit_share = 0.38 if night else 0.03
        self.brick_share = float(rng.choice([0.1, 0.4, 0.8]))
        self.plasters = [PLASTERS[i] for i in rng.permutation(len(PLASTERS))[:5]]
        self.bricks = [BRICKS[i] for i in rng.permutation(len(BRICKS))[:3]]
        self.flat_share = float(rng.choice([0.1, 0.35, 0.8]))
        self.storeys = int(rng.integers(2, 6))

    def add_style(self, **columns: float) -> int:
        """Append a row to the table of styles; columns by their names in materials.py."""
        row = [0.0] * m.STYLE_COLUMNS
        for name, value in columns.items():
            row[getattr(m, name)] = value
        self.styles.append(row)
        return len(self.styles) - 1

    def house(self, width_m: float, depth_m: float, storeys: int | None = None,
              shop: bool | None = None) -> Mesh:
        """
        Build a house whose front stands on y = 0, facing -y, its middle at x = 0.

        :param width_m: along the street.
        :param depth_m: away from it.
        """
        rng = self.rng
        floors = max(1, self.storeys + int(rng.integers(-1, 2))) if storeys is None else storeys
        shop = bool(rng.random() < 0.35) if shop is None else shop
        floor_m = float(rng.uniform(2.9, 3.5))
        height = floors * floor_m + 0.3
        brick = rng.random() < self.brick_share
        kind = m.BRICK if brick else (m.PANEL if rng.random() < 0.25 else m.PLASTER)
        colours = self.bricks if brick else self.plasters
        trim = TRIMS[rng.integers(len(TRIMS))]
        window = float(rng.uniform(0.95, 1.6))
        common = {
            'FLOOR_M': floor_m, 'WINDOW_WIDTH_M': window, 'SHOP': float(shop),
            'WINDOW_HEIGHT_M': float(rng.uniform(1.35, 1.75)), 'SILL_M': 0.85,
            'SPACING_M': window + float(rng.uniform(0.9, 1.7)), 'WALL_KIND': kind,
            'TRIM_R': trim[0], 'TRIM_G': trim[1], 'TRIM_B': trim[2], 'HEIGHT_M': height,
            'HASH': float(rng.integers(1, 1000)), 'LIT_SHARE': self.lit_share,
            'SHUTTERS': float(kind == m.PLASTER and rng.random() < 0.3)}
        front = self.add_style(LENGTH_M=width_m, **common)
        flank = self.add_style(LENGTH_M=depth_m, **{**common, 'SHOP': 0.0, 'SPACING_M': 3.4})
        rgb = colours[rng.integers(len(colours))]
        parts = self._walls(width_m, depth_m, height, rgb, front, flank)
        parts += self._roof(width_m, depth_m, height, rgb, front)
        if floors > 2 and rng.random() < 0.35:
            parts += self._balconies(width_m, floor_m, floors, common['SPACING_M'])
        return join(parts)

    def _walls(self, w: float, d: float, height: float, rgb: tuple[float, float, float],
               front: int, flank: int) -> list[Mesh]:
        low, parts = -FOUNDATION_M, []
        corners = ((-w / 2, 0.0), (w / 2, 0.0), (w / 2, d), (-w / 2, d))
        for i, style in enumerate((front, flank, front, flank)):
            (x0, y0), (x1, y1) = corners[i], corners[(i + 1) % 4]
            length = float(np.hypot(x1 - x0, y1 - y0))
            parts.append(panel([(x0, y0, low), (x1, y1, low), (x1, y1, height), (x0, y0, height)],
                               Surface(m.FACADE, 'building', rgb, style),
                               [(0, low), (length, low), (length, height), (0, height)]))
        trim = Surface(m.STONE, 'building', (rgb[0] * 0.85, rgb[1] * 0.85, rgb[2] * 0.85))
        parts.append(box((0, d / 2, height - 0.12), (w + 0.5, d + 0.5, 0.24), trim))
        return parts

    def _roof(self, w: float, d: float, height: float, rgb: tuple[float, float, float],
              style: int) -> list[Mesh]:
        rng = self.rng
        if rng.random() < self.flat_share:
            wall = Surface(m.STONE, 'building', (rgb[0] * 0.9, rgb[1] * 0.9, rgb[2] * 0.9))
            top = [box((0, 0.1, height + 0.3), (w, 0.2, 0.6), wall),
                   box((0, d / 2, height + 0.05), (w - 0.2, d - 0.2, 0.1), wall)]
            if rng.random() < 0.5:
                top.append(box((rng.uniform(-.2, .2) * w, d * 0.6, height + 1.1),
                               (2.6, 3.0, 2.2), wall))
            return top
        tiles = Surface(m.ROOF, 'building', TILES[rng.integers(len(TILES))])
        rise = d / 2 * float(rng.uniform(0.55, 1.0))
        over = 0.45
        eave, ridge = height - 0.05, height + rise
        slope = float(np.hypot(d / 2 + over, rise))
        a = w / 2 + 0.15
        uv = [(0, 0), (2 * a, 0), (2 * a, slope), (0, slope)]
        left, right = (-a, d / 2, ridge), (a, d / 2, ridge)
        parts = [panel([(-a, -over, eave), (a, -over, eave), right, left], tiles, uv),
                 panel([(a, d + over, eave), (-a, d + over, eave), left, right], tiles, uv)]
        gable = Surface(m.STONE, 'building', rgb)
        for x, flip in ((w / 2, 1), (-w / 2, -1)):
            edge = [(x, 0.0, height), (x, d, height), (x, d / 2, ridge - 0.1)][::flip]
            parts.append(from_triangles(np.array([edge]), gable))
        for x in rng.uniform(-w / 3, w / 3, int(rng.integers(0, 3))):
            parts.append(box((x, d * 0.42, ridge), (0.7, 0.6, 1.9),
                             Surface(m.STONE, 'building', BRICKS[0])))
        parts += self._dormers(w, d, height, rise, rgb, tiles, style)
        return parts

    def _dormers(self, w: float, d: float, height: float, rise: float,
                 rgb: tuple[float, float, float], tiles: Surface, style: int) -> list[Mesh]:
        if rise < 3.0 or self.rng.random() < 0.4:
            return []
        parts, wall = [], Surface(m.STONE, 'building', rgb)
        glass = Surface(m.GLASS, 'building', (0.06, 0.07, 0.09))
        count = max(1, int(w / 4.5))
        for x in (np.arange(count) - (count - 1) / 2) * w / count:
            z, y = height + 0.28 * rise, d / 2 * 0.28
            parts += [box((x, y + 0.9, z + 0.55), (1.5, 1.8, 1.5), wall),
                      box((x, y + 0.8, z + 1.36), (1.8, 2.2, 0.14), tiles),
                      panel([(x - .5, y - .015, z + .1), (x + .5, y - .015, z + .1),
                             (x + .5, y - .015, z + 1.1), (x - .5, y - .015, z + 1.1)], glass)]
        return parts

    def _balconies(self, w: float, floor_m: float, floors: int, spacing: float) -> list[Mesh]:
        slab = Surface(m.STONE, 'building', (0.45, 0.45, 0.44))
        rail = Surface(m.METAL, 'building', (0.12, 0.12, 0.13))
        columns = max(1, int(w // spacing))
        parts = []
        for column in self.rng.permutation(columns)[:max(1, columns // 3)]:
            x = (column + 0.5) * w / columns - w / 2
            for floor in range(1, floors):
                z = floor * floor_m + 0.05
                parts += [box((x, -0.55, z), (2.0, 1.1, 0.14), slab),
                          box((x, -1.07, z + 1.0), (2.0, 0.05, 0.05), rail)]
                parts += [box((x + o, -1.07, z + 0.5), (0.03, 0.03, 1.0), rail)
                          for o in np.linspace(-0.97, 0.97, 9)]
                parts += [box((x + o, -0.55, z + 0.55), (0.03, 1.05, 0.9), rail)
                          for o in (-0.97, 0.97)]
        return parts

    def garage(self, width_m: float) -> Mesh:
        """Build a low outbuilding with a door, front on y = 0."""
        rgb = self.plasters[0]
        wall = Surface(m.STONE, 'building', rgb)
        door = Surface(m.WOOD, 'building', (0.3, 0.27, 0.24))
        x = width_m / 2 - 0.4
        front = panel([(-x, -.02, 0), (x, -.02, 0), (x, -.02, 2.2), (-x, -.02, 2.2)], door)
        return join([box((0, 2.8, 1.0), (width_m, 5.6, 3.6), wall), front])


def block_of_stone(x0: float, x1: float, y0: float, y1: float, z0: float, z1: float,
                   surface: Surface) -> Mesh:
    """Make the four sides of a box with continuous uv around it, and its top."""
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])
    around = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    low = np.column_stack([corners, np.full(5, z0)])
    high = np.column_stack([corners, np.full(5, z1)])
    t0 = np.column_stack([around, np.full(5, z0)])
    t1 = np.column_stack([around, np.full(5, z1)])
    sides = from_triangles(quads(low[:-1], low[1:], high[1:], high[:-1]), surface,
                           quads(t0[:-1], t0[1:], t1[1:], t1[:-1]))
    top = panel(high[:4], surface, corners[:4])
    return join([sides, top])
