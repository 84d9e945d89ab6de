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

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
import math
from typing import Protocol

from numba import njit
import numpy as np
from numpy.typing import NDArray
import open3d as o3d

from dseg_ros.sim.mesh import join, Mesh

F32 = NDArray[np.float32]
EPSILON_M = 0.004


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


def _scene(mesh: Mesh) -> o3d.t.geometry.RaycastingScene:
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    corners = np.ascontiguousarray(mesh.corners.reshape(-1, 3))
    triangles = np.arange(len(corners), dtype=np.uint32).reshape(-1, 3)
    scene.add_triangles(o3d.core.Tensor(corners), o3d.core.Tensor(triangles))
    return scene


@njit(nogil=True, cache=True)
def _near(rays: np.ndarray, reach: np.ndarray, centre: np.ndarray, radius: float,
          rows: np.ndarray) -> int:
    """Write the rows of the rays that pass a sphere closer than their reach; count them."""
    n = 0
    for i in range(len(rays)):
        ox, oy, oz = centre[0] - rays[i, 0], centre[1] - rays[i, 1], centre[2] - rays[i, 2]
        along = ox * rays[i, 3] + oy * rays[i, 4] + oz * rays[i, 5]
        if along < -radius or along - radius > reach[i]:
            continue
        if ox * ox + oy * oy + oz * oz - along * along < radius * radius:
            rows[n] = i
            n += 1
    return n


@njit(nogil=True, cache=True)
def _into_frame(rays: np.ndarray, rows: np.ndarray, place: np.ndarray, rate: np.ndarray,
                dt: np.ndarray) -> np.ndarray:
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
        self._scenes: dict[int, o3d.t.geometry.RaycastingScene] = {}

    def poses(self, t_s: float) -> NDArray[np.float64]:
        """Give (M, 4) x, y, z [m], yaw [rad] of the movers at a time."""
        at = np.array([t_s])
        return np.stack([mover.motion(at)[0] for mover in self.movers]) if self.movers \
            else np.zeros((0, 4))

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
        found = self._static.cast_rays(o3d.core.Tensor(rays), 1)
        range_m = found['t_hit'].numpy()
        none = ~np.isfinite(range_m)
        triangle = found['primitive_ids'].numpy().astype(np.int32)
        triangle[none] = -1
        barycentric, mover = found['primitive_uvs'].numpy(), np.full(len(rays), -1, np.int32)
        for k, rows, scene, offset, local in self._candidates(rays, range_m, dt_s, t_s):
            hit = scene.cast_rays(o3d.core.Tensor(local), 1)
            t = hit['t_hit'].numpy()
            closer = t < range_m[rows]
            rows = rows[closer]
            range_m[rows], mover[rows] = t[closer], k
            triangle[rows] = hit['primitive_ids'].numpy()[closer] + offset
            barycentric[rows] = hit['primitive_uvs'].numpy()[closer]
        return Hits(range_m, triangle, barycentric, mover)

    def occluded(self, rays: F32, t_s: float, reach_m: float = 250.0) -> NDArray[np.bool_]:
        """Tell which rays (N, 6) meet anything at one time."""
        hidden = self._static.test_occlusions(o3d.core.Tensor(rays), EPSILON_M, reach_m,
                                              1).numpy()
        reach = np.where(hidden, -1e9, reach_m).astype(np.float32)
        still = np.zeros(len(rays), np.float32)
        for _, rows, scene, _, local in self._candidates(rays, reach, still, t_s):
            hidden[rows] |= scene.test_occlusions(o3d.core.Tensor(local), EPSILON_M, reach_m,
                                                  1).numpy()
        return np.asarray(hidden)

    def _candidates(self, rays: F32, reach: F32, dt_s: F32, t_s: float):  # type: ignore
        span = float(np.abs(dt_s).max()) if len(dt_s) else 0.0
        buffer = np.empty(len(rays), np.int64)
        for k, mover in enumerate(self.movers):
            place, later = mover.motion(np.array([t_s, t_s + 0.1]))
            rate = (later - place) / 0.1
            margin = float(np.linalg.norm(rate[:3])) * span
            count = _near(rays, reach, place[:3], mover.radius_m + margin, buffer)
            if not count:
                continue
            rows = buffer[:count].copy()
            shape = mover.shapes[mover.phase(t_s)]
            if id(shape) not in self._scenes:
                self._scenes[id(shape)] = _scene(shape)
            yield (k, rows, self._scenes[id(shape)], self._first_triangle[id(shape)],
                   _into_frame(rays, rows, place, rate, dt_s))
