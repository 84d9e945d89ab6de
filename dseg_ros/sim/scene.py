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

from dseg_ros.sim.blocks import build_block
from dseg_ros.sim.ground import Ground
from dseg_ros.sim.kerbside import build_junction, build_kerbside
from dseg_ros.sim.mesh import join, Mesh, pose
from dseg_ros.sim.stage import Stage
from dseg_ros.sim.street import Street
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


def build_scene(street: Street, rng: np.random.Generator, night: bool) -> Scene:
    """
    Furnish a street: the ground, then everything on it.

    :param street: the plan.
    :param rng: decides everything.
    :param night: whether windows are lit.
    """
    stage = Stage(street, rng, night)
    stage.parts.append(Ground(street, rng).mesh())
    for block in street.blocks:
        build_block(stage, block)
    for side in street.sides:
        build_kerbside(stage, side)
    for centre, half in street.crossings:
        build_junction(stage, centre, half)
    _close_the_view(stage)
    return Scene(join(stage.parts), np.array(stage.architect.styles, np.float32),
                 np.array(stage.lamps).reshape(-1, 3), stage.instances)


def _close_the_view(stage: Stage) -> None:
    """Close the view along the street with trees and houses."""
    street = stage.street
    for s, turn in ((1.0, -np.pi / 2 + np.pi), (street.length_m - 1.0, -np.pi / 2)):
        for d in np.arange(-30.0, 31.0, 15.0):
            stage.put(stage.architect.house(15.0, 10.0), street.pose(s, float(d), 0.0, turn))
    for d in np.arange(-14.0, 15.0, 4.0):
        k = float(stage.rng.uniform(0.8, 1.3))
        stage.put(stage.trees[stage.rng.integers(len(stage.trees))],
                  street.pose(street.length_m - 5.0, float(d)) @ pose(scale=(k, k, k)))
