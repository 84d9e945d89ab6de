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

"""The stage on which a street is furnished: where things are put, and what repeats."""

from __future__ import annotations

from dseg_ros.sim import materials as m, vegetation
from dseg_ros.sim.buildings import Architect
from dseg_ros.sim.mesh import Mesh, pose
from dseg_ros.sim.street import Side, Street
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def facing_road(side: Side) -> float:
    """Return the turn that makes -y of a model face the road [rad]."""
    return 0.0 if side.sign > 0 else np.pi


class Stage:
    """
    Collect what stands in a street.

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

    def put(self, mesh: Mesh, place: Array) -> None:
        """Place a thing as an instance of its own."""
        self.instances += 1
        self.parts.append(mesh.moved(place).as_instance(self.instances))

    def beside(self, side: Side, s: float, out_m: float, turn: float = 0.0,
               raised: bool = True) -> Array:
        """Stand beside the road at a distance from the centre line."""
        return self.street.pose(s, side.sign * out_m,
                                self.street.kerb_height_m if raised else 0.0, turn)

    def plant(self, side: Side, s: float, out_m: float) -> None:
        """Plant a tree beside the road."""
        k = float(self.rng.uniform(0.75, 1.35))
        model = self.trees[self.rng.integers(len(self.trees))]
        turn = pose(yaw=float(self.rng.uniform(0, 2 * np.pi)), scale=(k, k, k))
        self.put(model, self.beside(side, s, out_m) @ turn)
