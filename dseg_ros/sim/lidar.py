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

"""The simulated LiDAR: 64 beams that turn while the vehicle moves."""

from __future__ import annotations

from dataclasses import dataclass
import math

from dseg_ros.config.sim import SimConfig
from dseg_ros.sim import materials as m
from dseg_ros.sim.raycast import Hits, World
from dseg_ros.sim.texture import facade
from dseg_ros.types import Cloud
from numba import njit
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Pose = NDArray[np.float64]
FRAME = 'lidar'
BASE_T_LIDAR = np.eye(4)
BASE_T_LIDAR[:3, :3] = [[0.99992, -0.0126, 0.0], [0.0126, 0.99992, 0.0], [0.0, 0.0, 1.0]]
BASE_T_LIDAR[:3, :3] /= np.linalg.norm(BASE_T_LIDAR[:3, :3], axis=0)
BASE_T_LIDAR[:3, 3] = 1.10, 0.0, 1.86
NEAREST_M = 1.5


def beam_elevations() -> NDArray[np.float64]:
    """
    List the elevations of the 64 beams, lowest first [rad].

    Those of the HDL-64E: 32 upper beams a third of a degree apart from +2 degrees, 32 lower ones
    half a degree apart down to -24.33, each a little off, as every real unit's calibration says.
    """
    upper = 2.0 - np.arange(32) / 3.0
    lower = -8.83 - np.arange(32) * 0.5
    off = 0.03 * np.sin(np.arange(64) * 2.4)
    return np.asarray(np.radians(np.concatenate([upper, lower])[::-1] + off))


@dataclass(frozen=True, eq=False)
class Sweep:
    """
    One turn of the LiDAR.

    :param cloud: points in the LiDAR frame of their own firing times; stamp = start of the turn.
    :param instance: (N,) uint16 instance ids of the points.
    """

    cloud: Cloud
    instance: NDArray[np.uint16]


@njit(nogil=True, cache=True)
def _reflect(directions: F32, range_m: F32, triangle: NDArray[np.int32], barycentric: F32,
             corners: F32, uvs: F32, rgbs: F32, material: NDArray[np.uint8],
             style: NDArray[np.int32], styles: F32, table: F32, yaw: Pose, loss_per_m: float,
             wet: float, chance: F32, intensity: F32, kept: NDArray[np.bool_]) -> None:
    """
    Decide intensity (0..255) and drop-out of every pulse.

    :param yaw: (N,) rotation of the hit mover [rad], 0 for what stands.
    :param chance: (N,) uniform random numbers 0..1.
    """
    for i in range(len(range_m)):
        t = triangle[i]
        kept[i] = False
        if t < 0:
            continue
        ax = corners[t, 1] - corners[t, 0]
        bx = corners[t, 2] - corners[t, 0]
        nx = ax[1] * bx[2] - ax[2] * bx[1]
        ny = ax[2] * bx[0] - ax[0] * bx[2]
        nz = ax[0] * bx[1] - ax[1] * bx[0]
        c, s = math.cos(yaw[i]), math.sin(yaw[i])
        nx, ny = c * nx - s * ny, s * nx + c * ny
        cosine = abs(nx * directions[i, 0] + ny * directions[i, 1] + nz * directions[i, 2])
        cosine /= math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
        mat = material[t]
        rho, loss = table[mat, 0], table[mat, 1]
        bright = 0.35 * rgbs[t, 0] + 0.5 * rgbs[t, 1] + 0.15 * rgbs[t, 2]
        if mat == m.FACADE:
            p, q = barycentric[i, 0], barycentric[i, 1]
            u = (1 - p - q) * uvs[t, 0, 0] + p * uvs[t, 1, 0] + q * uvs[t, 2, 0]
            v = (1 - p - q) * uvs[t, 0, 1] + p * uvs[t, 1, 1] + q * uvs[t, 2, 1]
            seen = facade(u, v, styles[style[t]], 0.05, rgbs[t, 0], rgbs[t, 1], rgbs[t, 2])
            if seen[3] > 0.05:
                rho, loss = table[m.GLASS, 0], 0.35
        elif mat == m.CAR_PAINT or mat == m.COACH or mat == m.CLOTH:
            rho = 0.4 * rho + 1.1 * rho * min(1.0, 2.2 * bright)
        spread = cosine if mat != m.SIGN and mat != m.PLATE else math.sqrt(cosine)
        if mat == m.FOLIAGE:
            spread = 0.5 + 0.5 * cosine
        echo = rho * spread * math.exp(-2 * loss_per_m * range_m[i])
        if mat <= m.MARKING:
            echo *= 1 - 0.7 * wet
        # The weakest echo that is heard grows with the distance, as 1 / r^2 leaves less of it.
        heard = 0.0042 + 0.030 * (range_m[i] / 100.0) ** 2
        lost = loss + max(0.0, 1 - echo / heard)
        kept[i] = chance[i] > lost
        intensity[i] = min(255.0, 255.0 * (0.9 * echo) ** 0.8)


class SimLidar:
    """Sweep a world."""

    def __init__(self, config: SimConfig, world: World, styles: F32, fog_per_m: float,
                 wet: float) -> None:
        """Lay out the firings of a turn: from the back clockwise, all beams at once."""
        columns = config.lidar_columns
        elevation = np.tile(beam_elevations(), columns)
        part = (np.arange(columns) + 0.5) / columns
        azimuth = np.repeat(np.pi - 2 * np.pi * part, 64)
        flat = np.cos(elevation)
        self._rays = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth),
                               np.sin(elevation)], axis=1).astype(np.float32)
        self._ring = np.tile(np.arange(64, dtype=np.uint16), columns)
        self._column_s = part / config.rate_hz
        self._time_s = np.repeat(self._column_s, 64).astype(np.float32)
        self._world, self._styles = world, styles
        self._fog_per_m, self._wet = fog_per_m, wet
        self._noise_m, self._reach_m = config.range_noise_m, config.lidar_range_m

    @property
    def column_s(self) -> NDArray[np.float64]:
        """Return when the columns fire after the start of the turn [s]."""
        return self._column_s

    def sweep(self, world_T_lidar: Pose, t_s: float, stamp_ns: int,
              rng: np.random.Generator) -> Sweep:
        """
        Turn once.

        :param world_T_lidar: (columns, 4, 4) pose at every firing.
        :param t_s: start of the turn [s]; stamp_ns is its stamp.
        """
        rotation = world_T_lidar[:, :3, :3].astype(np.float32)
        local = self._rays.reshape(len(rotation), 64, 3)
        directions = np.einsum('cij,cbj->cbi', rotation, local).reshape(-1, 3)
        origins = np.repeat(world_T_lidar[:, :3, 3].astype(np.float32), 64, axis=0)
        rays = np.concatenate([origins, directions], axis=1)
        middle_s = float(self._column_s.mean())
        hits = self._world.cast(rays, self._time_s - np.float32(middle_s), t_s + middle_s)
        kept, intensity = self._echoes(directions, hits, t_s + middle_s, rng)
        range_m = hits.range_m + rng.normal(0.0, self._noise_m, len(rays)).astype(np.float32)
        kept &= (range_m > NEAREST_M) & (range_m < self._reach_m)
        rows = np.flatnonzero(kept)
        xyz = self._rays[rows] * range_m[rows, None]
        x, y, z = np.ascontiguousarray(xyz.T)
        cloud = Cloud(stamp_ns, FRAME, x, y, z, np.round(intensity[rows]), self._ring[rows],
                      self._time_s[rows], self._world.mesh.label[hits.triangle[rows]])
        return Sweep(cloud, self._world.instances(hits)[rows])

    def _echoes(self, directions: F32, hits: Hits, t_s: float, rng: np.random.Generator,
                ) -> tuple[NDArray[np.bool_], F32]:
        mesh, count = self._world.mesh, len(directions)
        yaw = np.append(self._world.poses(t_s)[:, 3], 0.0)[hits.mover]
        intensity, kept = np.zeros(count, np.float32), np.zeros(count, bool)
        _reflect(directions, hits.range_m, hits.triangle, hits.barycentric, mesh.corners, mesh.uv,
                 mesh.rgb, mesh.material, mesh.style, self._styles, m.NEAR_INFRARED, yaw,
                 self._fog_per_m, self._wet, rng.random(count, np.float32), intensity,
                 kept)
        return kept, intensity
