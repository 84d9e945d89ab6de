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
The plan of a street: its course, its cross-section and what stands beside it.

Everything is placed in street coordinates (s along the centre line, d to its left, h above the
road, all [m]) and bent into the world by Street.world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEP_M = 0.5
RUN_UP_M = 45.0
"""Street behind the start of the drive [m]."""
OUTLOOK_M = 190.0
"""Street ahead of the end of the drive [m]."""


@dataclass(frozen=True)
class Side:
    """
    Cross-section of one side of the road, distances from the centre line outwards [m].

    :param sign: +1 left, -1 right.
    :param lane_m: outer edge of the driving lanes.
    :param kerb_m: where the road ends.
    :param verge_m: where a planted strip beside the kerb ends; kerb_m if there is none.
    :param walk_m: where the sidewalk ends.
    """

    sign: int
    lane_m: float
    kerb_m: float
    verge_m: float
    walk_m: float
    parking: bool


@dataclass(frozen=True)
class Block:
    """
    What stands along a stretch of one side.

    :param start_m: from here along s.
    :param stop_m: to here.
    :param kind: 'houses', 'villas', 'park', 'yard', 'corner'.
    :param setback_m: from the sidewalk to the fronts.
    """

    side: Side
    start_m: float
    stop_m: float
    kind: str
    setback_m: float


@dataclass(frozen=True, eq=False)
class Street:
    """
    A street.

    :param length_m: from s = 0.
    :param track: (K, 4) x, y, z [m], heading [rad] of the centre line every STEP_M.
    :param lane_m: width of a lane.
    :param lanes: per direction.
    :param crossings: (s of the middle, half width of the road) of every cross street [m].
    :param kerb_height_m: how far the sidewalk is raised.
    """

    length_m: float
    track: Array
    lane_m: float
    lanes: int
    sides: tuple[Side, Side]
    crossings: tuple[tuple[float, float], ...]
    blocks: tuple[Block, ...]
    kerb_height_m: float

    def centre(self, s: Array) -> Array:
        """Interpolate the centre line: (...) [m] -> (..., 4) x, y, z, heading."""
        at = np.clip(np.asarray(s) / STEP_M, 0.0, len(self.track) - 1.001)
        before = at.astype(np.int64)
        part = (at - before)[..., None]
        return np.asarray(self.track[before] * (1 - part) + self.track[before + 1] * part)

    def world(self, s: Array, d: Array | float, h: Array | float) -> Array:
        """Bend street coordinates (...) [m] into the world, (..., 3) [m]."""
        s, d, h = np.broadcast_arrays(np.asarray(s, np.float64), d, h)
        c = self.centre(s)
        return np.stack([c[..., 0] - d * np.sin(c[..., 3]), c[..., 1] + d * np.cos(c[..., 3]),
                         c[..., 2] + h], axis=-1)

    def pose(self, s: float, d: float, h: float = 0.0, turn: float = 0.0) -> Array:
        """Stand upright at a place, x along the street turned left by an angle [rad]."""
        c = self.centre(np.array(s))
        cos, sin = np.cos(c[3] + turn), np.sin(c[3] + turn)
        matrix = np.eye(4)
        matrix[:2, :2] = [[cos, -sin], [sin, cos]]
        matrix[:3, 3] = self.world(np.array(s), d, h)
        return matrix

    def slope(self, s: float) -> float:
        """Grade of the road, dz/ds."""
        ahead, behind = self.centre(np.array([s + 1.5, s - 1.5]))
        return float(ahead[2] - behind[2]) / 3.0

    def in_crossing(self, s: float, margin_m: float = 0.0) -> bool:
        """Tell whether a place lies in a cross street."""
        return any(abs(s - c) < half + margin_m for c, half in self.crossings)

    def stretches(self, margin_m: float = 0.0) -> list[tuple[float, float]]:
        """Cut the street at its cross streets: (start, stop) [m] of what remains."""
        cuts = [0.0]
        for centre, half in sorted(self.crossings):
            cuts += [centre - half - margin_m, centre + half + margin_m]
        cuts.append(self.length_m)
        return [(a, b) for a, b in zip(cuts[::2], cuts[1::2]) if b - a > 0.1]


def plan_street(drive_m: float, rng: np.random.Generator) -> Street:
    """
    Draw a street that is long enough for a drive.

    :param drive_m: how far the ego vehicle goes.
    :param rng: decides everything.
    """
    length = RUN_UP_M + drive_m + OUTLOOK_M
    lanes = 2 if rng.random() < 0.25 else 1
    lane = float(rng.uniform(2.9, 3.6))
    first = RUN_UP_M + float(rng.uniform(28.0, 70.0))
    crossings = tuple((float(s), float(rng.uniform(3.2, 5.5)))
                      for s in np.arange(first, length - 40.0, rng.uniform(130.0, 190.0)))
    sides = (_side(1, lane * lanes, rng), _side(-1, lane * lanes, rng))
    blocks = tuple(b for side in sides for b in _blocks(side, crossings, length, rng))
    return Street(length, _course(length, crossings, rng), lane, lanes, sides, crossings, blocks,
                  float(rng.uniform(0.10, 0.15)))


def _side(sign: int, lane_m: float, rng: np.random.Generator) -> Side:
    parking = bool(rng.random() < 0.65)
    kerb = lane_m + float(rng.uniform(1.3, 1.7)) + (2.2 if parking else 0.0)
    verge = kerb + (float(rng.uniform(1.2, 2.2)) if rng.random() < 0.45 else 0.0)
    return Side(sign, lane_m, kerb, verge, verge + float(rng.uniform(2.0, 3.8)), parking)


def _course(length: float, crossings: tuple[tuple[float, float], ...],
            rng: np.random.Generator) -> Array:
    s = np.arange(0.0, length + 60.0, STEP_M)
    curvature, heading, at = np.zeros(len(s)), 0.0, 0.0
    while at < s[-1]:
        piece = float(rng.uniform(35.0, 80.0))
        bend = float(rng.uniform(0.25, 1.0)) / 105.0 * (1 if rng.random() < 0.5 else -1)
        if abs(heading + bend * piece) > 0.8:
            bend = -bend
        if rng.random() < 0.3:
            bend = 0.0
        curvature[(s >= at) & (s < at + piece)] = bend
        heading, at = heading + bend * piece, at + piece
    for centre, _ in crossings:
        curvature[np.abs(s - centre) < 22.0] = 0.0
    window = np.hanning(41)
    curvature = np.convolve(curvature, window / window.sum(), mode='same')
    heading_s = np.cumsum(curvature) * STEP_M
    amplitude, phase = rng.uniform(0.3, 1.1, 2), rng.uniform(0, 2 * np.pi, 2)
    z = sum(a * np.sin(2 * np.pi * s / wave + p)
            for a, p, wave in zip(amplitude, phase, (150.0, 230.0)))
    return np.stack([np.cumsum(np.cos(heading_s)) * STEP_M,
                     np.cumsum(np.sin(heading_s)) * STEP_M, z, heading_s], axis=1)


def _blocks(side: Side, crossings: tuple[tuple[float, float], ...], length: float,
            rng: np.random.Generator) -> list[Block]:
    blocks, at = [], 0.0
    corners = [(c - half - 3.0, c + half + 3.0) for c, half in crossings] + [(length, length)]
    favourite = str(rng.choice(['houses', 'villas', 'houses']))
    for stop, restart in corners:
        while at < stop - 1.0:
            kind = favourite if rng.random() < 0.55 else str(
                rng.choice(['houses', 'villas', 'park', 'yard']))
            size = float(rng.uniform(*{'houses': (40, 75), 'villas': (36, 60), 'park': (25, 45),
                                       'yard': (22, 36)}[kind]))
            end = stop if stop - at - size < 18.0 else at + size
            setback = {'houses': 0.0 if rng.random() < 0.6 else float(rng.uniform(1.5, 3.0)),
                       'villas': float(rng.uniform(4.0, 8.0)), 'park': 30.0,
                       'yard': float(rng.uniform(6.0, 10.0))}[kind]
            blocks.append(Block(side, at, end, kind, setback))
            at = end
        if restart > stop:
            blocks.append(Block(side, stop, restart, 'corner', 0.0))
        at = restart
    return blocks
