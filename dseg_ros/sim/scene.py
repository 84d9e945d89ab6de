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

"""Everything in the street that stands: the scene around the drive."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.sim import furniture, materials as m, people, vegetation, vehicles
from dseg_ros.sim.buildings import Architect, block_of_stone
from dseg_ros.sim.ground import Ground
from dseg_ros.sim.mesh import join, Mesh, pose, Surface
from dseg_ros.sim.street import Block, Side, Street
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """
    What stands.

    :param mesh: all of it, world frame.
    :param styles: (S, STYLE_COLUMNS) float32, looked up by mesh.style.
    :param lamps: (L, 3) places of the street lamps' light [m].
    :param instances: how many instance ids are taken.
    """

    mesh: Mesh
    styles: NDArray[np.float32]
    lamps: Array
    instances: int


class SceneBuilder:
    """
    Furnish a street.

    :param street: the plan.
    :param rng: decides everything.
    :param night: whether windows are lit.
    """

    def __init__(self, street: Street, rng: np.random.Generator, night: bool) -> None:
        """Prepare what repeats: tree models, the manner of the buildings."""
        self.street, self.rng = street, rng
        self.architect = Architect(rng, night)
        self.parts: list[Mesh] = []
        self.lamps: list[Array] = []
        self.instances = 0
        self.trees = [vegetation.tree(8.0, rng) for _ in range(4)]
        self.sign_styles = {kind: self.architect.add_style(SIGN_KIND=kind)
                            for kind in range(m.SIGN_BACK)}
        self.tree_gap_m = float(rng.uniform(9.0, 20.0))
        self.parked_share = float(rng.uniform(0.35, 0.9))

    def build(self) -> Scene:
        """Build the ground, then everything on it."""
        self.parts.append(Ground(self.street, self.rng).mesh())
        for block in self.street.blocks:
            getattr(self, f'_{block.kind}')(block)
        for side in self.street.sides:
            self._kerbside(side)
            self._parked(side)
        for centre, half in self.street.crossings:
            self._junction(centre, half)
        self._ends()
        return Scene(join(self.parts), np.array(self.architect.styles, np.float32),
                     np.array(self.lamps).reshape(-1, 3), self.instances)

    def put(self, mesh: Mesh, place: Array) -> None:
        """Place a thing as an instance of its own."""
        self.instances += 1
        self.parts.append(mesh.moved(place).as_instance(self.instances))

    def _beside(self, side: Side, s: float, out_m: float, turn: float = 0.0,
                raised: bool = True) -> Array:
        """Stand beside the road at a distance from the centre line."""
        return self.street.pose(s, side.sign * out_m,
                                self.street.kerb_height_m if raised else 0.0, turn)

    def _facing_road(self, side: Side) -> float:
        """Turn that makes -y of a model face the road."""
        return 0.0 if side.sign > 0 else np.pi

    def _row_of_houses(self, block: Block, gap_m: float, storeys: int | None,
                       widths: tuple[float, float]) -> None:
        at = block.start_m
        turn = self._facing_road(block.side)
        while block.stop_m - at > 6.0:
            width = float(self.rng.uniform(*widths))
            if block.stop_m - at - width < widths[0] + gap_m:
                width = min(block.stop_m - at, 24.0)
            house = self.architect.house(width - gap_m, float(self.rng.uniform(10.0, 13.0)),
                                         storeys, None if storeys is None else False)
            self.put(house, self._beside(block.side, at + width / 2,
                                         block.side.walk_m + block.setback_m, turn))
            at += width

    def _houses(self, block: Block) -> None:
        self._row_of_houses(block, 0.0, None, (9.0, 17.0))
        if block.setback_m > 2.2:
            self._border(block, 'hedge')

    def _villas(self, block: Block) -> None:
        self._row_of_houses(block, 4.5, int(self.rng.integers(1, 3)), (13.0, 18.0))
        self._border(block, str(self.rng.choice(['fence', 'hedge', 'wall', 'fence'])))
        for _ in range(int(block.stop_m - block.start_m) // 7):
            s = float(self.rng.uniform(block.start_m + 1.5, block.stop_m - 1.5))
            out = block.side.walk_m + float(self.rng.uniform(1.2, block.setback_m - 1.2))
            self.put(vegetation.bush(float(self.rng.uniform(0.8, 1.6)), self.rng),
                     self._beside(block.side, s, out))
        if block.setback_m > 5.0:
            self._tree(block.side, (block.start_m + block.stop_m) / 2, block.side.walk_m + 2.4)

    def _yard(self, block: Block) -> None:
        self._border(block, 'wall')
        middle = (block.start_m + block.stop_m) / 2
        turn = self._facing_road(block.side)
        width = block.stop_m - block.start_m - 6.0
        hall = self.architect.house(width, 14.0, int(self.rng.integers(1, 3)), False)
        self.put(hall, self._beside(block.side, middle, block.side.walk_m + block.setback_m, turn))
        self._tree(block.side, block.start_m + 3.0, block.side.walk_m + 3.0)

    def _park(self, block: Block) -> None:
        self._border(block, str(self.rng.choice(['fence', 'fence', 'hedge', 'none'])))
        for _ in range(int(block.stop_m - block.start_m) // 4):
            s = float(self.rng.uniform(block.start_m + 2, block.stop_m - 2))
            self._tree(block.side, s, block.side.walk_m + float(self.rng.uniform(3.0, 24.0)))
        for _ in range(int(block.stop_m - block.start_m) // 6):
            s = float(self.rng.uniform(block.start_m + 1, block.stop_m - 1))
            self.put(vegetation.bush(float(self.rng.uniform(0.8, 2.0)), self.rng),
                     self._beside(block.side, s, block.side.walk_m + self.rng.uniform(2, 20)))
        far = Block(Side(block.side.sign, 0, 0, 0, block.side.walk_m + 30.0, False),
                    block.start_m, block.stop_m, 'houses', 0.0)
        self._row_of_houses(far, 0.0, None, (12.0, 20.0))

    def _corner(self, block: Block) -> None:
        """Line the cross street with houses, and close its view."""
        for way, s in ((1, block.start_m), (-1, block.stop_m)):
            at = block.side.walk_m + 16.0
            while at < 68.0:
                width = float(self.rng.uniform(10.0, 16.0))
                turn = np.pi / 2 if way > 0 else -np.pi / 2
                house = self.architect.house(width, 9.0)
                self.put(house, self._beside(block.side, s - way * 0.3, at + width / 2, turn))
                at += width + float(self.rng.choice([0.0, 3.0]))
        middle = (block.start_m + block.stop_m) / 2
        self.put(self.architect.house(26.0, 8.0, 4, False),
                 self._beside(block.side, middle, 76.0, self._facing_road(block.side)))

    def _border(self, block: Block, kind: str) -> None:
        """Separate the sidewalk from what is behind it, with a gate."""
        out, length = block.side.walk_m + 0.35, block.stop_m - block.start_m
        if kind == 'none' or length < 8.0:
            return
        gate = block.start_m + float(self.rng.uniform(0.3, 0.7)) * length
        rng = self.rng
        wooden, style = bool(rng.random() < 0.5), self.architect.add_style(
            WALL_KIND=float(rng.choice([m.PLASTER, m.BRICK, m.BRICK])))
        rgb = ((0.36, 0.24, 0.14), (0.62, 0.62, 0.60), (0.20, 0.13, 0.08))[rng.integers(3)] \
            if wooden else ((0.04, 0.05, 0.05), (0.05, 0.12, 0.08))[rng.integers(2)]
        tall = float(rng.uniform(0.9, 2.1))
        stone = self.architect.bricks[0] if rng.random() < 0.6 else (0.5, 0.48, 0.44)
        for a, b in ((block.start_m + 0.3, gate - 1.3), (gate + 1.3, block.stop_m - 0.3)):
            pieces = max(1, int(np.ceil((b - a) / 6.0)))
            size = (b - a) / pieces
            for i in range(pieces if b - a > 0.8 else 0):
                if kind == 'hedge':
                    piece = vegetation.hedge(size, min(1.6, 0.5 + tall / 2), rng)
                elif kind == 'fence':
                    piece = furniture.fence(size, wooden, rgb)
                else:
                    piece = block_of_stone(-size / 2, size / 2, -0.14, 0.14, -0.4, tall,
                                           Surface(m.WALL, 'wall', stone, style))
                self.put(piece, self._beside(block.side, a + (i + 0.5) * size, out,
                                             self._facing_road(block.side)))

    def _tree(self, side: Side, s: float, out_m: float) -> None:
        k = float(self.rng.uniform(0.75, 1.35))
        model = self.trees[self.rng.integers(len(self.trees))]
        turn = pose(yaw=float(self.rng.uniform(0, 2 * np.pi)), scale=(k, k, k))
        self.put(model, self._beside(side, s, out_m) @ turn)

    def _kerbside(self, side: Side) -> None:
        """Plant trees and set up lamps, signs and bollards between kerb and sidewalk."""
        rng, edge = self.rng, side.kerb_m + 0.6
        facing = self._facing_road(side)
        for s0, s1 in self.street.stretches(margin_m=4.0):
            lamp_at = np.arange(s0 + rng.uniform(2, 10), s1 - 1, 27.0)
            for s in lamp_at:
                mesh, light = furniture.street_lamp(6.8, 1.5, bool(side.sign > 0))
                place = self._beside(side, float(s), edge, facing + np.pi)
                self.put(mesh, place)
                self.lamps.append((place @ [*light, 1.0])[:3])
            if side.verge_m > side.kerb_m or rng.random() < 0.5:
                for s in np.arange(s0 + 4, s1 - 3, self.tree_gap_m):
                    if len(lamp_at) == 0 or np.abs(lamp_at - s).min() > 2.5:
                        self._tree(side, float(s + rng.uniform(-1, 1)),
                                   max(edge + 0.1, (side.kerb_m + side.verge_m) / 2))
            towards = 0.0 if side.sign < 0 else np.pi
            for s in np.arange(s0 + rng.uniform(5, 20), s1 - 2, rng.uniform(18, 32)):
                self._sign(side, float(s), edge - 0.1, towards)
            if rng.random() < 0.4:
                start = float(rng.uniform(s0, s1 - 12))
                for s in np.arange(start, start + 10, 1.6):
                    self.put(furniture.bollard(), self._beside(side, float(s), side.kerb_m + 0.4))
            self._racks(side, s0, s1)

    def _sign(self, side: Side, s: float, out_m: float, turn: float) -> None:
        if self.rng.random() < 0.12:
            rgb = ((0.02, 0.10, 0.42), (0.75, 0.55, 0.03), (0.02, 0.25, 0.10))
            board = furniture.direction_board(rgb[self.rng.integers(3)], 2.0)
            self.put(board, self._beside(side, s, max(out_m, side.walk_m - 1.2), turn))
            return
        kind = int(self.rng.choice([m.SPEED_LIMIT, m.WARNING, m.PRIORITY, m.PARKING,
                                    m.KEEP_RIGHT, m.NO_ENTRY]))
        self.put(furniture.sign(kind, self.sign_styles[kind], float(self.rng.uniform(2.1, 2.5))),
                 self._beside(side, s, out_m, turn + float(self.rng.normal(0, 0.06))))

    def _racks(self, side: Side, s0: float, s1: float) -> None:
        """Park bicycles (and a motorcycle) on the sidewalk."""
        for _ in range(int(self.rng.integers(1, 4))):
            start = float(self.rng.uniform(s0 + 1, max(s0 + 2, s1 - 8)))
            for i in range(int(self.rng.integers(1, 6))):
                rgb = vehicles.PAINTS[self.rng.integers(len(vehicles.PAINTS))]
                heavy = i == 0 and self.rng.random() < 0.35
                model = people.motorcycle(rgb) if heavy else people.bicycle(rgb)
                self.put(model, self._beside(side, start + 0.75 * i, side.walk_m - 1.05,
                                             np.pi / 2 + float(self.rng.normal(0, 0.12))))

    def _parked(self, side: Side) -> None:
        """Park cars and a truck along the kerb."""
        if not side.parking:
            return
        rng = self.rng
        for s0, s1 in self.street.stretches(margin_m=9.0):
            for s in np.arange(s0 + 4.8, s1 - 3, 5.6):
                if rng.random() > self.parked_share:
                    continue
                rgb = vehicles.PAINTS[rng.integers(len(vehicles.PAINTS))]
                kind = str(rng.choice(['sedan', 'hatch', 'suv', 'hatch', 'sedan', 'van']))
                turn = (0.0 if side.sign < 0 else np.pi) + float(rng.normal(0, 0.02))
                model = vehicles.car(kind, rgb, parked=True)
                if rng.random() < 0.05:
                    model = vehicles.truck(rgb, (0.6, 0.6, 0.58), 5.5, 'box')
                self.put(model, self._beside(side, float(s + rng.uniform(-.3, .3)),
                                             side.kerb_m - 1.12, turn, raised=False))

    def _junction(self, centre: float, half: float) -> None:
        """Set up traffic lights for the street (green) and the cross street (red)."""
        for side in self.street.sides:
            way = -side.sign
            ahead = 0.0 if side.sign < 0 else np.pi
            near = centre - way * (half + 4.6)
            self.put(furniture.traffic_light('green', side.kerb_m * 0.62),
                     self._beside(side, near, side.kerb_m + 0.5, ahead))
            far = centre + way * (half + 1.0)
            self.put(furniture.traffic_light('green', 0.0),
                     self._beside(side, far, side.kerb_m + 0.6, ahead))
            self.put(furniture.traffic_light('red', 0.0),
                     self._beside(side, centre + way * (half + 0.7), side.kerb_m + 4.2,
                                  ahead + np.pi / 2 * way * side.sign))
            stop = self.sign_styles[m.STOP]
            self.put(furniture.sign(m.STOP, stop, 2.2),
                     self._beside(side, centre - way * (half + 0.7), side.kerb_m + 6.5,
                                  ahead - np.pi / 2 * way * side.sign))

    def _ends(self) -> None:
        """Close the view along the street with trees and houses."""
        street = self.street
        for s, turn in ((1.0, -np.pi / 2 + np.pi), (street.length_m - 1.0, -np.pi / 2)):
            for d in np.arange(-30.0, 31.0, 15.0):
                self.put(self.architect.house(15.0, 10.0), street.pose(s, float(d), 0.0, turn))
        for d in np.arange(-14.0, 15.0, 4.0):
            k = float(self.rng.uniform(0.8, 1.3))
            self.put(self.trees[self.rng.integers(len(self.trees))],
                     street.pose(street.length_m - 5.0, float(d)) @ pose(scale=(k, k, k)))
