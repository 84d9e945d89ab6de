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

"""Street furniture: lamps, traffic lights, signs, fences, walls, bollards, bins."""

from __future__ import annotations

from dseg_ros.sim import materials as m
from dseg_ros.sim.mesh import join, Mesh, pose, Surface
from dseg_ros.sim.solids import ball, box, disc, rod, tube
import numpy as np
from numpy.typing import NDArray

STEEL = Surface(m.METAL, 'pole', (0.30, 0.31, 0.32))
DARK_STEEL = Surface(m.METAL, 'pole', (0.07, 0.09, 0.08))
HOUSING = Surface(m.PLASTIC, 'traffic light', (0.025, 0.03, 0.028))
HEAD_M = 0.95
"""Height of a traffic light's head [m]."""


def street_lamp(height_m: float, reach_m: float, dark: bool) -> tuple[Mesh, NDArray[np.float64]]:
    """
    Build a street lamp at the origin with its arm along +y.

    :returns: the mesh and the place of its light, (3,) [m].
    """
    steel = DARK_STEEL if dark else STEEL
    arm = np.array([[0, 0, height_m - 0.5], [0, 0.1 * reach_m, height_m - 0.1],
                    [0, 0.5 * reach_m, height_m], [0, reach_m, height_m]])
    head = (0.0, reach_m + 0.2, height_m)
    return join([rod((0, 0, -0.2), (0, 0, 1.1), 0.10, steel),
                 rod((0, 0, 1.0), (0, 0, height_m), 0.085, steel, end_radius=0.05),
                 tube(arm, 0.04, steel, 6), box(head, (0.24, 0.75, 0.12), steel),
                 box((head[0], head[1], head[2] - 0.075), (0.18, 0.6, 0.03),
                     Surface(m.STREET_LAMP, 'pole', (0.9, 0.8, 0.6)))
                 ]), np.array([head[0], head[1], head[2] - 0.25])


def signal_head(state: str) -> Mesh:
    """Build a traffic light's head at the origin, facing -x."""
    parts = [box((0, 0, 0), (0.26, 0.34, HEAD_M), HOUSING),
             box((0.10, 0, 0), (0.02, 0.56, HEAD_M + 0.22), HOUSING)]
    lamps = (('red', 0.29, m.LAMP_RED, (0.9, 0.03, 0.02)),
             ('amber', 0.0, m.LAMP_AMBER, (0.9, 0.42, 0.02)),
             ('green', -0.29, m.LAMP_GREEN, (0.03, 0.85, 0.35)))
    for name, z, material, rgb in lamps:
        on = name == state
        dim = (rgb[0] * 0.12 + 0.01, rgb[1] * 0.12 + 0.01, rgb[2] * 0.12 + 0.01)
        face = Surface(material if on else m.PLASTIC, 'traffic light', rgb if on else dim)
        parts += [disc((-0.135, 0, z), 0.115, (-1, 0, 0), face),
                  box((-0.22, 0, z + 0.13), (0.18, 0.26, 0.02), HOUSING),
                  box((-0.20, 0.13, z + 0.06), (0.14, 0.015, 0.15), HOUSING),
                  box((-0.20, -0.13, z + 0.06), (0.14, 0.015, 0.15), HOUSING)]
    return join(parts)


def traffic_light(state: str, reach_m: float) -> Mesh:
    """Build a traffic light at the origin facing -x, with an arm of reach_m along +y if > 0."""
    parts = [rod((0, 0, -0.2), (0, 0, 3.4), 0.07, STEEL),
             signal_head(state).moved(pose(-0.1, 0, 2.75))]
    if reach_m > 0:
        path = np.array([[0, 0, 3.3], [0, 0, 5.4], [0, 0.5, 5.85], [0, reach_m, 6.0]])
        parts += [tube(path, np.array([0.07, 0.065, 0.06, 0.05]), STEEL, 7),
                  signal_head(state).moved(pose(-0.12, reach_m - 0.2, 5.45))]
    return join(parts)


def sign(kind: int, style: int, height_m: float) -> Mesh:
    """
    Build a traffic sign at the origin, facing -x.

    :param kind: a sign of materials.py.
    :param style: the row of the style table that holds this kind.
    """
    face = Surface(m.SIGN, 'traffic sign', (0.8, 0.8, 0.8), style)
    back = Surface(m.METAL, 'traffic sign', (0.28, 0.28, 0.29))
    sides, turn, radius = {m.WARNING: (3, np.pi / 2, 0.46), m.PRIORITY: (4, 0.0, 0.42),
                           m.STOP: (8, np.pi / 8, 0.42), m.PARKING: (4, np.pi / 4, 0.45)
                           }.get(kind, (18, 0.0, 0.34))
    return join([rod((0, 0, -0.2), (0, 0, height_m + 0.25), 0.035, STEEL),
                 disc((-0.05, 0, height_m), radius, (-1, 0, 0), face, sides, turn),
                 disc((-0.045, 0, height_m), radius, (1, 0, 0), back, sides, np.pi - turn)])


def direction_board(rgb: tuple[float, float, float], width_m: float) -> Mesh:
    """Build a large direction board on two posts at the origin, facing -x."""
    face = Surface(m.PLATE, 'traffic sign', rgb)
    white = Surface(m.PLATE, 'traffic sign', (0.85, 0.85, 0.85))
    back = Surface(m.METAL, 'traffic sign', (0.3, 0.3, 0.31))
    lines = [box((-0.045, y, 2.75 + z), (0.01, width_m * w, 0.12), white)
             for y, z, w in ((0.1, 0.3, 0.5), (-0.15, 0.0, 0.4), (0.15, -0.3, 0.45))]
    return join([rod((0, y, -0.2), (0, y, 3.3), 0.045, STEEL)
                 for y in (-width_m / 3, width_m / 3)]
                + [box((-0.03, 0, 2.75), (0.02, width_m, 1.25), face),
                   box((0.0, 0, 2.75), (0.02, width_m, 1.25), back), *lines])


def fence(length_m: float, wooden: bool, rgb: tuple[float, float, float]) -> Mesh:
    """Build a fence along x, centred at the origin: pickets or bars on rails."""
    surface = Surface(m.WOOD if wooden else m.METAL, 'fence', rgb)
    height, pitch, width = (1.15, 0.14, 0.095) if wooden else (1.3, 0.13, 0.028)
    parts = [box((0, 0.03, z * height), (length_m, 0.04, 0.07), surface) for z in (0.2, 0.85)]
    place = np.arange(-length_m / 2 + pitch / 2, length_m / 2, pitch)
    picket = box((0, 0, height / 2), (width, 0.025, height), surface)
    parts += [picket.moved(pose(float(x))) for x in place]
    post = box((0, 0.05, 0.65), (0.1, 0.1, 1.3 if wooden else 1.4), surface)
    parts += [post.moved(pose(float(x))) for x in np.arange(-length_m / 2, length_m / 2, 2.4)]
    return join(parts)


def bollard() -> Mesh:
    """Build a bollard at the origin."""
    body = Surface(m.METAL, 'pole', (0.09, 0.09, 0.10))
    band = Surface(m.PLATE, 'pole', (0.8, 0.8, 0.8))
    return join([rod((0, 0, -0.1), (0, 0, 0.9), 0.07, body), ball((0, 0, 0.9), 0.075, body, 4, 8),
                 rod((0, 0, 0.68), (0, 0, 0.76), 0.073, band)])
