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

"""The ground: road with markings, kerbs, sidewalks, verges, gardens."""

from __future__ import annotations

from collections.abc import Iterator

from dseg_ros.sim import materials as m
from dseg_ros.sim.mesh import from_triangles, join, Mesh, Surface
from dseg_ros.sim.solids import quads
from dseg_ros.sim.street import Block, Side, Street
import numpy as np

FAR_M = 75.0
"""Half width of the modelled land [m]."""
GRASS_RGB = (0.10, 0.155, 0.045)


class Ground:
    """
    Build the ground of a street.

    :param street: the plan.
    :param rng: decides tones and wear.
    """

    def __init__(self, street: Street, rng: np.random.Generator) -> None:
        """Choose the colours of this street."""
        self.street = street
        tone = float(rng.uniform(0.075, 0.14))
        self.road = Surface(m.ASPHALT, 'road', (tone, tone, tone * 1.04))
        tint = rng.uniform(0.85, 1.12, 3) * rng.uniform(0.26, 0.36)
        self.paving = Surface(m.PAVING, 'sidewalk', (tint[0], tint[1], tint[2]))
        self.kerb = Surface(m.KERB, 'sidewalk', (0.38, 0.37, 0.35))
        self.paint = Surface(m.MARKING, 'road', (0.72, 0.72, 0.70))
        self.grass = Surface(m.GRASS, 'terrain', GRASS_RGB)
        across = np.linspace(-1.0, 1.0, 5)
        left, right = street.sides[0].kerb_m, -street.sides[1].kerb_m
        self._crown = (right + (left - right) * (across + 1) / 2, 0.04 * (1 - across ** 2))
        self.centre_solid = bool(rng.random() < 0.35)
        self.bike_strip = bool(rng.random() < 0.5)

    def mesh(self) -> Mesh:
        """Build all of it."""
        parts = [*self._road(), *self._markings(), *self._land()]
        for side in self.street.sides:
            parts += self._walkway(side)
        return join(parts)

    def strip(self, s0: float, s1: float, d0: float, d1: float, h0: float, h1: float,
              surface: Surface, step_m: float = 2.0) -> Mesh:
        """
        Build a strip between two lines along the street.

        :param d0: distance of the first line left of the centre line [m]; d1 of the second.
        :param h0: height of the first line [m]; h1 of the second.
        """
        if d0 > d1:
            d0, d1, h0, h1 = d1, d0, h1, h0
        s = np.linspace(s0, s1, max(2, int(np.ceil((s1 - s0) / step_m)) + 1))
        right, left = self.street.world(s, d0, h0), self.street.world(s, d1, h1)
        across = abs(d1 - d0) + abs(h1 - h0)
        uv_right = np.stack([s, np.full(len(s), d0)], axis=1)
        uv_left = np.stack([s, np.full(len(s), d0 + across)], axis=1)
        return from_triangles(quads(right[:-1], right[1:], left[1:], left[:-1]), surface,
                              quads(uv_right[:-1], uv_right[1:], uv_left[1:], uv_left[:-1]))

    def _road(self) -> Iterator[Mesh]:
        street = self.street
        left, right = street.sides[0].kerb_m, -street.sides[1].kerb_m
        edges = self._crown[0]
        for a, b in zip(edges[:-1], edges[1:]):
            yield self.strip(0.0, street.length_m, float(a), float(b), self._height(a),
                             self._height(b), self.road)
        for centre, half in street.crossings:
            for a, b in ((left, FAR_M), (-FAR_M, right)):
                yield self.strip(centre - half, centre + half, a, b, 0.0, 0.0, self.road)

    def _height(self, d: float) -> float:
        return float(np.interp(d, *self._crown))

    def _line(self, s0: float, s1: float, d: float, width_m: float) -> Mesh:
        # The paint lies a few millimetres above the crown, as chords of it.
        a, b = d - width_m / 2, d + width_m / 2
        top = 0.012 + max(self._height(d), self._height(a), self._height(b))
        return self.strip(s0, s1, a, b, top - 0.004, top - 0.004, self.paint)

    def _dashes(self, s0: float, s1: float, d: float, on_m: float, off_m: float) -> Iterator[Mesh]:
        for s in np.arange(s0, s1 - on_m, on_m + off_m):
            yield self._line(float(s), float(s) + on_m, d, 0.13)

    def _markings(self) -> Iterator[Mesh]:
        street = self.street
        for s0, s1 in street.stretches(margin_m=6.5):
            if self.centre_solid:
                yield self._line(s0, s1, 0.0, 0.13)
            else:
                yield from self._dashes(s0, s1, 0.0, 3.0, 3.0)
            for side in street.sides:
                for lane in range(1, street.lanes):
                    yield from self._dashes(s0, s1, side.sign * lane * street.lane_m, 3.0, 6.0)
                if self.bike_strip:
                    yield from self._dashes(s0, s1, side.sign * side.lane_m, 1.0, 1.0)
                if side.parking:
                    yield self._line(s0, s1, side.sign * (side.kerb_m - 2.2), 0.1)
                    yield from self._bays(side, s0, s1)
        for centre, half in street.crossings:
            yield from self._crossing(centre, half)

    def _bays(self, side: Side, s0: float, s1: float) -> Iterator[Mesh]:
        a, b = sorted((side.sign * (side.kerb_m - 2.2), side.sign * (side.kerb_m - 0.1)))
        for s in np.arange(s0 + 2.0, s1, 5.6):
            yield self.strip(float(s), float(s) + 0.1, a, b, 0.012 + self._height(a),
                             0.012 + self._height(b), self.paint)

    def _crossing(self, centre: float, half: float) -> Iterator[Mesh]:
        street = self.street
        for way in (-1, 1):
            zebra = centre + way * (half + 2.6)
            for d in np.arange(-street.sides[1].kerb_m + 0.5, street.sides[0].kerb_m - 0.6, 1.0):
                yield self._line(zebra - 1.6, zebra + 1.6, float(d), 0.5)
            side = street.sides[0] if way > 0 else street.sides[1]
            stop = centre + way * (half + 5.2)
            for d in np.arange(0.35, side.lane_m - 0.3, 0.5):
                yield self._line(stop - 0.25, stop + 0.25, side.sign * float(d), 0.5)
        for side in street.sides:
            for d in np.arange(side.kerb_m + 4.0, FAR_M - 6.0, 6.0):
                a, b = sorted((side.sign * float(d), side.sign * (float(d) + 3.0)))
                yield self.strip(centre - 0.06, centre + 0.06, a, b, 0.012, 0.012, self.paint)

    def _walkway(self, side: Side) -> Iterator[Mesh]:
        top = self.street.kerb_height_m
        for s0, s1 in self.street.stretches():
            sign, kerb = side.sign, side.kerb_m
            face = self.strip(s0, s1, sign * kerb, sign * (kerb + 0.02), 0.0, top, self.kerb)
            yield face
            yield self.strip(s0, s1, sign * (kerb + 0.02), sign * (kerb + 0.16), top, top,
                             self.kerb)
            near = kerb + 0.16
            if side.verge_m > kerb:
                yield self.strip(s0, s1, sign * near, sign * side.verge_m, top, top, self.grass)
                near = side.verge_m
            yield self.strip(s0, s1, sign * near, sign * side.walk_m, top, top, self.paving)
            for s in (s0, s1):
                yield self._end(s, sign * kerb, sign * FAR_M)

    def _end(self, s: float, d0: float, d1: float) -> Mesh:
        d = np.linspace(min(d0, d1), max(d0, d1), 12)
        low, high = (self.street.world(np.full(12, s), d, h)
                     for h in (0.0, self.street.kerb_height_m))
        return from_triangles(quads(low[:-1], low[1:], high[1:], high[:-1]), self.kerb)

    def _land(self) -> Iterator[Mesh]:
        for block in self.street.blocks:
            yield from self._front(block)

    def _front(self, block: Block) -> Iterator[Mesh]:
        sign, walk, top = block.side.sign, block.side.walk_m, self.street.kerb_height_m
        if block.kind == 'corner':
            for a, b in ((block.start_m, block.start_m + 3.0), (block.stop_m - 3.0, block.stop_m)):
                yield self.strip(a, b, sign * walk, sign * FAR_M, top, top, self.paving)
            return
        surface = self.grass
        front = walk + (block.setback_m if block.kind == 'houses' else 0.0)
        if front > walk:
            yield self.strip(block.start_m, block.stop_m, sign * walk, sign * front, top, top,
                             self.paving if block.setback_m < 2.2 else self.grass)
        edges = np.linspace(front, FAR_M, 5)
        for a, b in zip(edges[:-1], edges[1:]):
            yield self.strip(block.start_m, block.stop_m, sign * float(a), sign * float(b), top,
                             top, surface, step_m=4.0)
