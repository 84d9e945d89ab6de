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

"""Ray casting against things that stand and things that move, each ray at its own time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
import math
from typing import Any, NamedTuple, Protocol

from dseg_ros.sim.mesh import join, Mesh
from numba import njit
import numpy as np
from numpy.typing import NDArray
import open3d as o3d

F32 = NDArray[np.float32]
Array = NDArray[np.float64]
EPSILON_M = 0.004
BUNDLE = 32
"""Neighbouring rays that are rejected together."""


class Motion(Protocol):
    """Where something is at a time."""

    def __call__(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give (T, 4) x, y, z [m], yaw [rad] in the world at (T,) times [s]."""


@dataclass(frozen=True, eq=False)
class Mover:
    """
    Something that moves.

    :param shapes: its meshes by phase of its gait; one if it has none. Movers may share them.
    :param motion: where it is.
    :param instance: its instance id.
    :param gait_m: way per cycle of its phases; 0 without a gait.
    """

    shapes: tuple[Mesh, ...]
    motion: Motion
    instance: int
    gait_m: float = 0.0
    speed_mps: float = 0.0
    start_phase: float = 0.0

    def phase(self, t_s: float) -> int:
        """Index the shape at a time [s]."""
        if len(self.shapes) == 1:
            return 0
        turns = self.start_phase + self.speed_mps * t_s / self.gait_m
        return int(turns * len(self.shapes)) % len(self.shapes)

    @cached_property
    def radius_m(self) -> float:
        """Radius of the sphere around its origin that holds all its shapes."""
        return max(float(np.linalg.norm(s.corners, axis=2).max()) for s in self.shapes)


@dataclass(frozen=True, eq=False)
class Hits:
    """
    What N rays met.

    :param range_m: (N,) float32; inf where nothing.
    :param triangle: (N,) int32 row of World.mesh; -1 where nothing.
    :param barycentric: (N, 2) float32 weights of the second and third corner.
    :param mover: (N,) int32 index of the mover; -1 for what stands.
    """

    range_m: F32
    triangle: NDArray[np.int32]
    barycentric: F32
    mover: NDArray[np.int32]


class Candidate(NamedTuple):
    """The rays that may meet a mover, in its frame, and what they may meet there."""

    mover: int
    rows: NDArray[np.int64]
    scene: o3d.t.geometry.RaycastingScene
    first_triangle: int
    rays: F32


def _tensor(array: NDArray[Any]) -> Any:
    # Typed as a constructor of scalars by its stubs; takes arrays without a copy.
    return o3d.core.Tensor(array)  # type: ignore[call-overload]


def _scene(mesh: Mesh) -> o3d.t.geometry.RaycastingScene:
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    corners = np.ascontiguousarray(mesh.corners.reshape(-1, 3))
    triangles = np.arange(len(corners), dtype=np.uint32).reshape(-1, 3)
    scene.add_triangles(_tensor(corners), _tensor(triangles))
    return scene


@njit(nogil=True, cache=True)
def _bundles(rays: F32, reach: F32) -> Array:
    """
    Bound every BUNDLE neighbouring rays, to reject them together.

    :returns: (B, 9): mean origin, mean direction, spread of origins, of directions, reach.
    """
    count = (len(rays) + BUNDLE - 1) // BUNDLE
    out = np.zeros((count, 9))
    for k in range(count):
        start, stop = k * BUNDLE, min(len(rays), (k + 1) * BUNDLE)
        for j in range(6):
            for i in range(start, stop):
                out[k, j] += rays[i, j] / (stop - start)
        for i in range(start, stop):
            away, turn = 0.0, 0.0
            for j in range(3):
                away += (rays[i, j] - out[k, j]) ** 2
                turn += (rays[i, 3 + j] - out[k, 3 + j]) ** 2
            out[k, 6], out[k, 7] = max(out[k, 6], away), max(out[k, 7], turn)
            out[k, 8] = max(out[k, 8], reach[i])
        out[k, 6], out[k, 7] = math.sqrt(out[k, 6]), math.sqrt(out[k, 7])
    return out


@njit(nogil=True, cache=True)
def _near(rays: F32, bundles: Array, reach: F32, centre: Array, radius: float,
          rows: NDArray[np.int64]) -> int:
    """Write the rows of the rays that pass a sphere closer than their reach; count them."""
    n = 0
    for k in range(len(bundles)):
        b = bundles[k]
        ox, oy, oz = centre[0] - b[0], centre[1] - b[1], centre[2] - b[2]
        along = ox * b[3] + oy * b[4] + oz * b[5]
        d2 = ox * ox + oy * oy + oz * oz
        far = math.sqrt(d2) + radius + b[6]
        wide = radius + b[6] + far * b[7]
        if along < -wide or along - wide > b[8] or d2 - along * along > wide * wide:
            continue
        for i in range(k * BUNDLE, min(len(rays), (k + 1) * BUNDLE)):
            ox, oy, oz = centre[0] - rays[i, 0], centre[1] - rays[i, 1], centre[2] - rays[i, 2]
            along = ox * rays[i, 3] + oy * rays[i, 4] + oz * rays[i, 5]
            if along < -radius or along - radius > reach[i]:
                continue
            if ox * ox + oy * oy + oz * oz - along * along < radius * radius:
                rows[n] = i
                n += 1
    return n


@njit(nogil=True, cache=True)
def _into_frame(rays: F32, rows: NDArray[np.int64], place: Array, rate: Array,
                dt: F32) -> F32:
    """Express rays in the frame of a mover at their own times: place + rate * dt."""
    out = np.empty((len(rows), 6), np.float32)
    for k in range(len(rows)):
        i = rows[k]
        shift = dt[i]
        yaw = place[3] + rate[3] * shift
        c, s = math.cos(yaw), math.sin(yaw)
        x = rays[i, 0] - place[0] - rate[0] * shift
        y = rays[i, 1] - place[1] - rate[1] * shift
        out[k, 0], out[k, 1] = c * x + s * y, -s * x + c * y
        out[k, 2] = rays[i, 2] - place[2] - rate[2] * shift
        out[k, 3] = c * rays[i, 3] + s * rays[i, 4]
        out[k, 4] = -s * rays[i, 3] + c * rays[i, 4]
        out[k, 5] = rays[i, 5]
    return out


class World:
    """
    The street with its traffic, ready for rays.

    The search tree of what stands is built once; every shape of a mover has its own, in its own
    frame, and rays are taken there, so nothing is rebuilt and each ray has its own time.
    """

    def __init__(self, static: Mesh, movers: Sequence[Mover]) -> None:
        """Build the search tree of what stands; those of the shapes follow when needed."""
        self.movers = tuple(movers)
        shapes = {id(shape): shape for mover in movers for shape in mover.shapes}
        first = np.cumsum([len(static), *(len(shape) for shape in shapes.values())])
        self.mesh = join([static, *shapes.values()])
        self._first_triangle = dict(zip(shapes, first.tolist()))
        self._instances = np.array([mover.instance for mover in movers] + [0], np.uint16)
        self._static = _scene(static)
        self._moment: tuple[float, Array, Array] | None = None
        self._scenes: dict[int, o3d.t.geometry.RaycastingScene] = {}

    def poses(self, t_s: float) -> Array:
        """Give (M, 4) x, y, z [m], yaw [rad] of the movers at a time."""
        return self._motion(t_s)[0]

    def _motion(self, t_s: float) -> tuple[Array, Array]:
        """Give the movers' poses at a time and their rates of change per second, (M, 4) each."""
        if self._moment is None or self._moment[0] != t_s:
            at = np.array([t_s, t_s + 0.05])
            both = np.stack([mover.motion(at) for mover in self.movers] or [np.zeros((2, 4))])
            self._moment = (t_s, both[:, 0], (both[:, 1] - both[:, 0]) / 0.05)
        return self._moment[1], self._moment[2]

    def instances(self, hits: Hits) -> NDArray[np.uint16]:
        """Give (N,) uint16 instance ids of what rays met; 0 for none."""
        own = np.where(hits.triangle >= 0, self.mesh.instance[hits.triangle], 0)
        return np.where(hits.mover >= 0, self._instances[hits.mover], own).astype(np.uint16)

    def cast(self, rays: F32, dt_s: F32, t_s: float) -> Hits:
        """
        Find what rays meet first.

        :param rays: (N, 6) float32 origin [m] and unit direction, world frame.
        :param dt_s: (N,) float32 time of each ray relative to t_s.
        """
        found = self._static.cast_rays(_tensor(rays), 1)
        range_m = found['t_hit'].numpy()
        none = ~np.isfinite(range_m)
        triangle = found['primitive_ids'].numpy().astype(np.int32)
        triangle[none] = -1
        barycentric, mover = found['primitive_uvs'].numpy(), np.full(len(rays), -1, np.int32)
        for near in self._candidates(rays, range_m, dt_s, t_s):
            hit = near.scene.cast_rays(_tensor(near.rays), 1)
            t = hit['t_hit'].numpy()
            closer = t < range_m[near.rows]
            rows = near.rows[closer]
            range_m[rows], mover[rows] = t[closer], near.mover
            triangle[rows] = hit['primitive_ids'].numpy()[closer] + near.first_triangle
            barycentric[rows] = hit['primitive_uvs'].numpy()[closer]
        return Hits(range_m, triangle, barycentric, mover)

    def occluded(self, rays: F32, t_s: float, reach_m: float = 250.0) -> NDArray[np.bool_]:
        """Tell which rays (N, 6) meet anything at one time."""
        hidden = self._static.test_occlusions(_tensor(rays), EPSILON_M, reach_m,
                                              1).numpy()
        # What is hidden already need not be asked again: a negative reach meets nothing.
        reach = np.where(hidden, -1e9, reach_m).astype(np.float32)
        still = np.zeros(len(rays), np.float32)
        for near in self._candidates(rays, reach, still, t_s):
            hidden[near.rows] |= near.scene.test_occlusions(
                _tensor(near.rays), EPSILON_M, reach_m, 1).numpy()
        return np.asarray(hidden)

    def _candidates(self, rays: F32, reach: F32, dt_s: F32, t_s: float) -> Iterator[Candidate]:
        """Find for every mover the rays that come near it, expressed in its frame."""
        span = float(np.abs(dt_s).max()) if len(dt_s) else 0.0
        bundles, buffer = _bundles(rays, reach), np.empty(len(rays), np.int64)
        places, rates = self._motion(t_s)
        for k, mover in enumerate(self.movers):
            margin = float(np.linalg.norm(rates[k, :3])) * span
            count = _near(rays, bundles, reach, places[k, :3], mover.radius_m + margin, buffer)
            if not count:
                continue
            rows = buffer[:count].copy()
            shape = mover.shapes[mover.phase(t_s)]
            if id(shape) not in self._scenes:
                self._scenes[id(shape)] = _scene(shape)
            yield Candidate(k, rows, self._scenes[id(shape)], self._first_triangle[id(shape)],
                            _into_frame(rays, rows, places[k], rates[k], dt_s))
