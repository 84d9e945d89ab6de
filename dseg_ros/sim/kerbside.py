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

"""What stands along the kerb: trees, lamps, signs, bollards, bicycles, parked cars, signals."""

from __future__ import annotations

from dseg_ros.sim import furniture, materials as m, people, vehicles
from dseg_ros.sim.stage import facing_road, Stage
from dseg_ros.sim.street import Side
import numpy as np


def build_kerbside(stage: Stage, side: Side) -> None:
    """Furnish the edge of the road on one side."""
    _kerbside(stage, side)
    _parked(stage, side)


def _kerbside(stage: Stage, side: Side) -> None:
    """Plant trees and set up lamps, signs and bollards between kerb and sidewalk."""
    rng, edge = stage.rng, side.kerb_m + 0.6
    facing = facing_road(side)
    for s0, s1 in stage.street.stretches(margin_m=4.0):
        lamp_at = np.arange(s0 + rng.uniform(2, 10), s1 - 1, 27.0)
        for s in lamp_at:
            mesh, light = furniture.street_lamp(6.8, 1.5, bool(side.sign > 0))
            place = stage.beside(side, float(s), edge, facing + np.pi)
            stage.put(mesh, place)
            stage.lamps.append((place @ [*light, 1.0])[:3])
        if side.verge_m > side.kerb_m or rng.random() < 0.5:
            for s in np.arange(s0 + 4, s1 - 3, stage.tree_gap_m):
                if len(lamp_at) == 0 or np.abs(lamp_at - s).min() > 2.5:
                    stage.plant(side, float(s + rng.uniform(-1, 1)),
                                max(edge + 0.1, (side.kerb_m + side.verge_m) / 2))
        towards = 0.0 if side.sign < 0 else np.pi
        for s in np.arange(s0 + rng.uniform(5, 20), s1 - 2, rng.uniform(18, 32)):
            _sign(stage, side, float(s), edge - 0.1, towards)
        if rng.random() < 0.4:
            start = float(rng.uniform(s0, s1 - 12))
            for s in np.arange(start, start + 10, 1.6):
                stage.put(furniture.bollard(), stage.beside(side, float(s), side.kerb_m + 0.4))
        _racks(stage, side, s0, s1)


def _sign(stage: Stage, side: Side, s: float, out_m: float, turn: float) -> None:
    if stage.rng.random() < 0.12:
        rgb = ((0.02, 0.10, 0.42), (0.75, 0.55, 0.03), (0.02, 0.25, 0.10))
        board = furniture.direction_board(rgb[stage.rng.integers(3)], 2.0)
        stage.put(board, stage.beside(side, s, max(out_m, side.walk_m - 1.2), turn))
        return
    kind = int(stage.rng.choice([m.SPEED_LIMIT, m.WARNING, m.PRIORITY, m.PARKING,
                                m.KEEP_RIGHT, m.NO_ENTRY]))
    stage.put(furniture.sign(kind, stage.sign_styles[kind], float(stage.rng.uniform(2.1, 2.5))),
              stage.beside(side, s, out_m, turn + float(stage.rng.normal(0, 0.06))))


def _racks(stage: Stage, side: Side, s0: float, s1: float) -> None:
    """Park bicycles (and a motorcycle) on the sidewalk."""
    for _ in range(int(stage.rng.integers(1, 4))):
        start = float(stage.rng.uniform(s0 + 1, max(s0 + 2, s1 - 8)))
        for i in range(int(stage.rng.integers(1, 6))):
            rgb = vehicles.PAINTS[stage.rng.integers(len(vehicles.PAINTS))]
            heavy = i == 0 and stage.rng.random() < 0.35
            model = people.motorcycle(rgb) if heavy else people.bicycle(rgb)
            stage.put(model, stage.beside(side, start + 0.75 * i, side.walk_m - 1.05,
                                          np.pi / 2 + float(stage.rng.normal(0, 0.12))))


def _parked(stage: Stage, side: Side) -> None:
    """Park cars and a truck along the kerb."""
    if not side.parking:
        return
    rng = stage.rng
    for s0, s1 in stage.street.stretches(margin_m=9.0):
        for s in np.arange(s0 + 4.8, s1 - 3, 5.6):
            if rng.random() > stage.parked_share:
                continue
            rgb = vehicles.PAINTS[rng.integers(len(vehicles.PAINTS))]
            kind = str(rng.choice(['sedan', 'hatch', 'suv', 'hatch', 'sedan', 'van']))
            turn = (0.0 if side.sign < 0 else np.pi) + float(rng.normal(0, 0.02))
            model = vehicles.car(kind, rgb, parked=True)
            if rng.random() < 0.05:
                model = vehicles.truck(rgb, (0.6, 0.6, 0.58), 5.5, 'box')
            stage.put(model, stage.beside(side, float(s + rng.uniform(-.3, .3)),
                                          side.kerb_m - 1.12, turn, raised=False))


def build_junction(stage: Stage, centre: float, half: float) -> None:
    """Set up traffic lights for the street (green) and the cross street (red)."""
    for side in stage.street.sides:
        way = -side.sign
        ahead = 0.0 if side.sign < 0 else np.pi
        near = centre - way * (half + 4.6)
        stage.put(furniture.traffic_light('green', side.kerb_m * 0.62),
                  stage.beside(side, near, side.kerb_m + 0.5, ahead))
        far = centre + way * (half + 1.0)
        stage.put(furniture.traffic_light('green', 0.0),
                  stage.beside(side, far, side.kerb_m + 0.6, ahead))
        stage.put(furniture.traffic_light('red', 0.0),
                  stage.beside(side, centre + way * (half + 0.7), side.kerb_m + 4.2,
                               ahead + np.pi / 2 * way * side.sign))
        stop = stage.sign_styles[m.STOP]
        stage.put(furniture.sign(m.STOP, stop, 2.2),
                  stage.beside(side, centre - way * (half + 0.7), side.kerb_m + 6.5,
                               ahead - np.pi / 2 * way * side.sign))
