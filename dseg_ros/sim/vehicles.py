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

"""Vehicles: cars lofted from a side profile, trucks, buses; x forward, y left, z up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dseg_ros.sim import materials as m
from dseg_ros.sim.mesh import from_triangles, join, Mesh, pose, Surface
from dseg_ros.sim.solids import ball, box, disc, panel, quads, ring_tube, rod
import numpy as np
from numpy.typing import NDArray

PAINTS = ((0.55, 0.56, 0.57), (0.03, 0.03, 0.035), (0.70, 0.70, 0.68), (0.13, 0.14, 0.16),
          (0.35, 0.02, 0.02), (0.03, 0.08, 0.28), (0.04, 0.12, 0.07), (0.42, 0.36, 0.26),
          (0.24, 0.26, 0.28), (0.50, 0.22, 0.03), (0.06, 0.20, 0.36), (0.62, 0.55, 0.08))


@dataclass(frozen=True)
class Body:
    """
    Side profile of a car, front to back.

    :param stations: x, bottom, belt, roof [m] and half width [m] of every cross-section.
    :param glass: per gap between stations, whether (side, top) above the belt are glass.
    """

    stations: tuple[tuple[float, float, float, float, float], ...]
    glass: tuple[tuple[bool, bool], ...]
    axles: tuple[float, float]
    wheel: float


SEDAN = Body(
    ((2.32, .32, .54, .54, .68), (2.24, .24, .64, .64, .78), (1.95, .20, .74, .74, .86),
     (1.50, .20, .82, .82, .89), (0.98, .20, .90, .90, .90), (0.30, .20, .93, 1.36, .90),
     (-.25, .20, .94, 1.44, .90), (-.33, .20, .94, 1.445, .90), (-.95, .20, .96, 1.41, .90),
     (-1.05, .20, .96, 1.39, .90), (-1.72, .22, 1.0, 1.02, .88), (-2.15, .26, .98, .98, .84),
     (-2.28, .28, .88, .88, .82), (-2.33, .31, .62, .62, .79)),
    ((False, False),) * 4 + ((True, True), (True, False), (False, False), (True, False),
                             (False, False), (False, True)) + ((False, False),) * 3,
    (1.40, -1.35), 0.32)
HATCH = Body(
    ((2.00, .32, .56, .56, .66), (1.92, .24, .68, .68, .76), (1.65, .20, .80, .80, .84),
     (1.05, .20, .92, .92, .86), (0.42, .20, .96, 1.42, .87), (-.18, .20, .97, 1.52, .87),
     (-.26, .20, .97, 1.52, .87), (-.95, .20, 1.0, 1.49, .87), (-1.25, .20, 1.02, 1.45, .86),
     (-1.80, .24, 1.0, 1.06, .82), (-1.95, .27, .90, .90, .80), (-2.0, .30, .64, .64, .77)),
    ((False, False),) * 3 + ((True, True), (True, False), (False, False), (True, False),
                             (False, False), (False, True)) + ((False, False),) * 2,
    (1.22, -1.20), 0.31)
SUV = Body(
    ((2.32, .40, .70, .70, .74), (2.25, .32, .84, .84, .84), (1.95, .28, .96, .96, .91),
     (1.20, .28, 1.06, 1.06, .94), (0.60, .28, 1.10, 1.60, .95), (-.10, .28, 1.12, 1.70, .95),
     (-.19, .28, 1.12, 1.70, .95), (-1.0, .28, 1.14, 1.69, .95), (-1.1, .28, 1.14, 1.68, .95),
     (-1.85, .28, 1.16, 1.60, .93), (-2.20, .34, 1.1, 1.14, .90), (-2.30, .36, .98, .98, .89),
     (-2.34, .38, .74, .74, .86)),
    ((False, False),) * 3 + ((True, True), (True, False), (False, False), (True, False),
                             (False, False), (True, False), (False, True)) + ((False, False),) * 2,
    (1.42, -1.40), 0.37)
VAN = Body(
    ((2.62, .40, .74, .74, .80), (2.55, .34, .98, .98, .92), (2.15, .30, 1.14, 1.14, .97),
     (1.80, .30, 1.20, 1.20, .99), (1.10, .30, 1.24, 2.02, 1.0), (0.55, .30, 1.24, 2.12, 1.0),
     (0.45, .30, 1.24, 2.13, 1.0), (-1.6, .30, 1.24, 2.15, 1.0), (-2.52, .31, 1.24, 2.12, .99),
     (-2.60, .36, 1.24, 2.04, .97)),
    ((False, False),) * 3 + ((True, True), (True, False)) + ((False, False),) * 4,
    (1.70, -1.65), 0.34)
CARS = {'sedan': SEDAN, 'hatch': HATCH, 'suv': SUV, 'van': VAN}


def _sections(body: Body) -> NDArray[Any]:
    """Trace the cross-sections, right bottom over the roof to left bottom: (S, 11, 3)."""
    rings = []
    for x, low, belt, roof, half in body.stations:
        cabin = min(1.0, max(0.0, (roof - belt) / 0.4))
        top = half * (0.90 - 0.14 * cabin)
        shoulder = roof + 0.02 if roof - belt < 0.05 else roof - 0.07 * cabin
        right = [(-half * 0.92, low), (-half, low + 0.18), (-half * 1.0, belt - 0.16),
                 (-half * 0.965, belt), (-top, max(belt + 0.001, shoulder)),
                 (0.0, max(belt + 0.03, roof + 0.03))]
        ring = right + [(-y, z) for y, z in right[-2::-1]]
        rings.append([(x, y, z) for y, z in ring])
    return np.array(rings)


def _shell(body: Body, paint: Surface, glass: Surface) -> Mesh:
    rings = _sections(body)
    front, back = rings[:-1], rings[1:]
    cells = [quads(front[:, j], back[:, j], back[:, j + 1], front[:, j + 1])
             for j in range(rings.shape[1] - 1)]
    count, bands = len(rings) - 1, len(cells)
    mesh = from_triangles(np.concatenate(cells)[:, ::-1], paint, crease_deg=38.0)
    cell = np.arange(2 * count * bands)
    band, gap = cell // (2 * count), cell % count
    see = np.array(body.glass)
    side = np.isin(band, (3, 6)) & see[gap, 0]
    top = np.isin(band, (4, 5)) & see[gap, 1]
    screen = np.isin(band, (3, 6)) & see[gap, 1] & ~see[gap, 0]
    area = np.linalg.norm(np.cross(*(np.concatenate(cells)[:, k] - np.concatenate(cells)[:, 0]
                                     for k in (1, 2))), axis=1) > 1e-9
    return mesh.painted(glass, (side | top | screen)[area])


def _caps(body: Body, paint: Surface) -> Mesh:
    rings = _sections(body)
    fans = []
    for ring, flip in ((rings[0], 1), (rings[-1], -1)):
        rim = np.concatenate([ring, ring[:1]])
        hub = np.broadcast_to(ring.mean(axis=0), rim.shape)
        fans.append(np.stack([hub[:-1], rim[:-1], rim[1:]], axis=1)[:, ::flip])
    under = Surface(m.PLASTIC, paint.label, (0.015, 0.015, 0.015))
    floor = np.stack([rings[:-1, 0], rings[1:, 0], rings[1:, -1], rings[:-1, -1]])
    return join([from_triangles(np.concatenate(fans), paint),
                 from_triangles(quads(*floor), under)])


def wheel(radius: float, width: float, label: str) -> Mesh:
    """Build a wheel at the origin, its axle along y, its outer face towards +y."""
    tyre = Surface(m.RUBBER, label, (0.018, 0.018, 0.02))
    rim = Surface(m.METAL, label, (0.26, 0.265, 0.27))
    y, r = width / 2 + 0.018, radius * 0.64
    spokes = [panel([(r * np.cos(a + o), y, r * np.sin(a + o)) for o in (-.2, .2, .2, -.2)][:2]
                    + [(0.03 * np.cos(a + o), y, 0.03 * np.sin(a + o)) for o in (1.4, -1.4)], rim)
              for a in np.arange(5) * 2 * np.pi / 5 + 0.3]
    return join([*spokes,
                 rod((0, -width / 2, 0), (0, width / 2, 0), radius, tyre, 18),
                 ring_tube((0, width / 2 - 0.02, 0), radius * 0.84, radius * 0.14, tyre, 18, 5),
                 ring_tube((0, width / 2 + 0.004, 0), radius * 0.64, 0.016, rim, 18, 4),
                 disc((0, width / 2 + 0.024, 0), radius * 0.16, (0, 1, 0), rim, 8)])


def _wheels(axles: tuple[float, ...], half_track: float, radius: float, label: str,
            width: float = 0.22) -> list[Mesh]:
    one = wheel(radius, width, label)
    arch = Surface(m.PLASTIC, label, (0.012, 0.012, 0.012))
    parts = []
    for x in axles:
        for sign in (1.0, -1.0):
            y = sign * (half_track - width / 2 + 0.01)
            parts.append(one.moved(pose(x, y, radius, scale=(1.0, sign, 1.0))))
            parts.append(disc((x, sign * (half_track + 0.004), radius * 1.06), radius * 1.2,
                              (0, sign, 0), arch, 18))
    return parts


def _lights(front: float, back: float, half: float, z: float, label: str,
            on: bool = True) -> list[Mesh]:
    head = Surface(m.HEAD_LIGHT if on else m.METAL, label, (0.85, 0.85, 0.80))
    tail = Surface(m.TAIL_LIGHT if on else m.METAL, label, (0.55, 0.02, 0.02))
    plate = Surface(m.PLATE, label, (0.75, 0.75, 0.72))
    grille = Surface(m.PLASTIC, label, (0.02, 0.02, 0.02))
    parts = [box((front - 0.02, 0, z - 0.14), (0.10, half * 1.0, 0.16), grille),
             box((front + 0.015, 0, z - 0.28), (0.05, 0.50, 0.11), plate),
             box((back - 0.01, 0, z - 0.02), (0.05, 0.50, 0.11), plate)]
    for sign in (1, -1):
        parts += [ball((front - 0.10, sign * half * 0.80, z), (0.14, 0.17, 0.075), head, 5, 8),
                  ball((back + 0.07, sign * half * 0.86, z + 0.14), (0.1, 0.11, 0.1), tail, 5, 8)]
    return parts


@lru_cache(maxsize=64)
def car(kind: str, rgb: tuple[float, float, float], parked: bool = False) -> Mesh:
    """Build a car: 'sedan', 'hatch', 'suv' or 'van'; a parked one without lights."""
    body = CARS[kind]
    paint = Surface(m.CAR_PAINT, 'car', rgb)
    glass = Surface(m.GLASS, 'car', (0.018, 0.022, 0.026))
    half = max(s[4] for s in body.stations)
    front, back = body.stations[0][0], body.stations[-1][0]
    z = body.stations[1][2] - 0.02
    cowl = next(s for s, gap in zip(body.stations, body.glass) if gap[1])
    mirrors = [ball((cowl[0] - 0.25, sign * (half + 0.08), cowl[2] + 0.10), (0.09, 0.12, 0.08),
                    paint, 5, 8) for sign in (1, -1)]
    return join([_shell(body, paint, glass), _caps(body, paint), *mirrors,
                 *_wheels(body.axles, half, body.wheel, 'car'),
                 *_lights(front, back, half, z, 'car', not parked)])


def truck(rgb: tuple[float, float, float], cargo_rgb: tuple[float, float, float],
          length_m: float, kind: str) -> Mesh:
    """
    Build a truck with a cab and a body behind it.

    :param kind: 'box' or 'tipper'.
    """
    cab = Surface(m.CAR_PAINT, 'truck', rgb)
    glass = Surface(m.GLASS, 'truck', (0.02, 0.025, 0.03))
    cargo = Surface(m.COACH, 'truck', cargo_rgb)
    dark = Surface(m.PLASTIC, 'truck', (0.03, 0.03, 0.03))
    front = length_m / 2
    bed = length_m - 2.3
    middle = front - 2.2 - bed / 2
    parts = [box((front - 1.0, 0, 1.85), (2.0, 2.4, 2.3), cab),
             box((front + 0.01, 0, 2.35), (0.06, 2.15, 0.95), glass),
             box((front - 0.75, 0, 2.35), (1.0, 2.44, 0.85), glass),
             box((front + 0.02, 0, 0.72), (0.14, 2.4, 0.42), dark),
             box((middle, 0, 0.95), (bed, 0.9, 0.3), dark),
             box((middle, 0, 0.65), (bed * 0.4, 2.2, 0.5), dark)]
    if kind == 'box':
        parts += [box((middle, 0, 2.45), (bed, 2.48, 2.6), cargo),
                  box((front - 1.2, 0, 3.25), (1.4, 2.2, 0.7), cab)]
    else:
        parts += [box((middle, 0, 1.25), (bed, 2.4, 0.2), cargo),
                  box((middle, 1.18, 1.85), (bed, 0.08, 1.2), cargo),
                  box((middle, -1.18, 1.85), (bed, 0.08, 1.2), cargo),
                  box((middle - bed / 2, 0, 1.85), (0.08, 2.4, 1.2), cargo),
                  box((middle + bed / 2, 0, 2.05), (0.08, 2.4, 1.6), cargo),
                  ball((middle, 0, 1.6), (bed * 0.42, 0.95, 0.8),
                       Surface(m.EARTH, 'truck', (0.25, 0.18, 0.12)))]
    axles = (front - 1.1, middle - bed / 2 + 1.2, middle - bed / 2 + 2.3)
    return join([*parts, *_wheels(axles, 1.2, 0.5, 'truck', 0.32),
                 *_lights(front + 0.1, -front, 1.15, 1.0, 'truck')])


def bus(rgb: tuple[float, float, float], length_m: float = 11.8) -> Mesh:
    """Build a city bus."""
    coach = Surface(m.COACH, 'bus', rgb)
    glass = Surface(m.GLASS, 'bus', (0.02, 0.025, 0.03))
    white = Surface(m.COACH, 'bus', (0.7, 0.7, 0.68))
    half = length_m / 2
    parts = [box((0, 0, 1.05), (length_m, 2.5, 1.4), coach),
             box((0, 0, 2.25), (length_m - 0.1, 2.44, 1.0), glass),
             box((0, 0, 2.92), (length_m, 2.5, 0.36), white),
             box((0, 0, 3.13), (length_m - 2.4, 1.8, 0.14), white),
             box((half + 0.01, 0, 1.75), (0.04, 2.3, 1.75), glass),
             box((half + 0.03, 0, 2.85), (0.04, 1.5, 0.24),
                 Surface(m.LAMP_AMBER, 'bus', (0.5, 0.25, 0.02)))]
    for x in np.arange(-half + 0.1, half, 1.45):
        parts += [box((x, sign * 1.235, 2.25), (0.12, 0.03, 1.0), coach) for sign in (1, -1)]
    for x in (half - 1.2, 0.2):
        parts.append(box((x, -1.245, 1.5), (1.15, 0.03, 2.2), glass))
    parts.append(panel([(-half - .01, 1.0, 1.9), (-half - .01, -1.0, 1.9),
                        (-half - .01, -1.0, 2.7), (-half - .01, 1.0, 2.7)], glass))
    return join([*parts, *_wheels((half - 2.7, -half + 3.3), 1.25, 0.48, 'bus', 0.3),
                 *_lights(half + 0.04, -half, 1.2, 0.8, 'bus')])
