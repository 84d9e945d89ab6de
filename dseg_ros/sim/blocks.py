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

"""What stands behind the sidewalk: houses, gardens, yards, parks, corners."""

from __future__ import annotations

from dseg_ros.sim import furniture, materials as m, vegetation
from dseg_ros.sim.buildings import block_of_stone
from dseg_ros.sim.mesh import Surface
from dseg_ros.sim.stage import facing_road, Stage
from dseg_ros.sim.street import Block, Side
import numpy as np


def build_block(stage: Stage, block: Block) -> None:
    """Furnish a block according to its kind."""
    {'houses': _houses, 'villas': _villas, 'yard': _yard, 'park': _park,
     'corner': _corner}[block.kind](stage, block)


def _row_of_houses(stage: Stage, block: Block, gap_m: float, storeys: int | None,
                   widths: tuple[float, float]) -> None:
    at = block.start_m
    turn = facing_road(block.side)
    while block.stop_m - at > 6.0:
        width = float(stage.rng.uniform(*widths))
        if block.stop_m - at - width < widths[0] + gap_m:
            width = min(block.stop_m - at, 24.0)
        house = stage.architect.house(width - gap_m, float(stage.rng.uniform(10.0, 13.0)),
                                      storeys, None if storeys is None else False)
        stage.put(house, stage.beside(block.side, at + width / 2,
                                      block.side.walk_m + block.setback_m, turn))
        at += width


def _houses(stage: Stage, block: Block) -> None:
    _row_of_houses(stage, block, 0.0, None, (9.0, 17.0))
    if block.setback_m > 2.2:
        _border(stage, block, 'hedge')


def _villas(stage: Stage, block: Block) -> None:
    _row_of_houses(stage, block, 4.5, int(stage.rng.integers(1, 3)), (13.0, 18.0))
    _border(stage, block, str(stage.rng.choice(['fence', 'hedge', 'wall', 'fence'])))
    for _ in range(int(block.stop_m - block.start_m) // 7):
        s = float(stage.rng.uniform(block.start_m + 1.5, block.stop_m - 1.5))
        out = block.side.walk_m + float(stage.rng.uniform(1.2, block.setback_m - 1.2))
        stage.put(vegetation.bush(float(stage.rng.uniform(0.8, 1.6)), stage.rng),
                  stage.beside(block.side, s, out))
    if block.setback_m > 5.0:
        stage.plant(block.side, (block.start_m + block.stop_m) / 2, block.side.walk_m + 2.4)


def _yard(stage: Stage, block: Block) -> None:
    _border(stage, block, 'wall')
    middle = (block.start_m + block.stop_m) / 2
    turn = facing_road(block.side)
    width = block.stop_m - block.start_m - 6.0
    hall = stage.architect.house(width, 14.0, int(stage.rng.integers(1, 3)), False)
    stage.put(hall, stage.beside(block.side, middle, block.side.walk_m + block.setback_m, turn))
    stage.plant(block.side, block.start_m + 3.0, block.side.walk_m + 3.0)


def _park(stage: Stage, block: Block) -> None:
    _border(stage, block, str(stage.rng.choice(['fence', 'fence', 'hedge', 'none'])))
    for _ in range(int(block.stop_m - block.start_m) // 4):
        s = float(stage.rng.uniform(block.start_m + 2, block.stop_m - 2))
        stage.plant(block.side, s, block.side.walk_m + float(stage.rng.uniform(3.0, 24.0)))
    for _ in range(int(block.stop_m - block.start_m) // 6):
        s = float(stage.rng.uniform(block.start_m + 1, block.stop_m - 1))
        stage.put(vegetation.bush(float(stage.rng.uniform(0.8, 2.0)), stage.rng),
                  stage.beside(block.side, s, block.side.walk_m + stage.rng.uniform(2, 20)))
    far = Block(Side(block.side.sign, 0, 0, 0, block.side.walk_m + 30.0, False),
                block.start_m, block.stop_m, 'houses', 0.0)
    _row_of_houses(stage, far, 0.0, None, (12.0, 20.0))


def _corner(stage: Stage, block: Block) -> None:
    """Line the cross street with houses, and close its view."""
    for way, s in ((1, block.start_m), (-1, block.stop_m)):
        at = block.side.walk_m + 16.0
        while at < 68.0:
            width = float(stage.rng.uniform(10.0, 16.0))
            turn = np.pi / 2 if way > 0 else -np.pi / 2
            house = stage.architect.house(width, 9.0)
            stage.put(house, stage.beside(block.side, s - way * 0.3, at + width / 2, turn))
            at += width + float(stage.rng.choice([0.0, 3.0]))
    middle = (block.start_m + block.stop_m) / 2
    stage.put(stage.architect.house(26.0, 8.0, 4, False),
              stage.beside(block.side, middle, 76.0, facing_road(block.side)))


def _border(stage: Stage, block: Block, kind: str) -> None:
    """Separate the sidewalk from what is behind it, with a gate."""
    out, length = block.side.walk_m + 0.35, block.stop_m - block.start_m
    if kind == 'none' or length < 8.0:
        return
    gate = block.start_m + float(stage.rng.uniform(0.3, 0.7)) * length
    rng = stage.rng
    wooden, style = bool(rng.random() < 0.5), stage.architect.add_style(
        WALL_KIND=float(rng.choice([m.PLASTER, m.BRICK, m.BRICK])))
    rgb = ((0.36, 0.24, 0.14), (0.62, 0.62, 0.60), (0.20, 0.13, 0.08))[rng.integers(3)] \
        if wooden else ((0.04, 0.05, 0.05), (0.05, 0.12, 0.08))[rng.integers(2)]
    tall = float(rng.uniform(0.9, 2.1))
    stone = stage.architect.bricks[0] if rng.random() < 0.6 else (0.5, 0.48, 0.44)
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
            stage.put(piece, stage.beside(block.side, a + (i + 0.5) * size, out,
                                          facing_road(block.side)))
