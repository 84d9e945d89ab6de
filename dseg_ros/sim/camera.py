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

"""The simulated camera: rays through its distorted pixels, colour and ground truth."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.classes import TRAIN_ID
from dseg_ros.config.sim import SimConfig
from dseg_ros.sim.light import Light, shade
from dseg_ros.sim.raycast import Hits, World
from dseg_ros.types import Camera
from numba import njit
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Pose = NDArray[np.float64]
FRAME = 'camera_front_optical'
DISTORTION = (-0.16, 0.035, 0.0006, -0.0004, 0.0)
"""plumb_bob k1, k2, p1, p2, k3."""
BASE_T_CAMERA = np.array([[-0.010, -0.022, 0.999708, 1.62], [-0.99995, 0.0, -0.010, 0.05],
                          [0.0, -0.999758, -0.022, 1.48], [0.0, 0.0, 0.0, 1.0]])
SUBPIXELS = ((0.25, -0.25), (-0.25, 0.25), (0.3, 0.3))
"""Where edge pixels are sampled besides their middle [px]."""


def _orthonormal(pose: Pose) -> Pose:
    u, _, v = np.linalg.svd(pose[:3, :3])
    clean = pose.copy()
    clean[:3, :3] = u @ v
    return clean


BASE_T_CAMERA = _orthonormal(BASE_T_CAMERA)
"""Mounting: behind the windscreen, turned and pitched by about a degree."""


def camera_of(config: SimConfig) -> Camera:
    """Calibrate the simulated camera."""
    focal = config.width / 2 / np.tan(np.radians(config.fov_deg) / 2)
    scale = config.width / 960
    intrinsics = np.array([[focal, 0.0, config.width / 2 - 0.5 + 3.2 * scale],
                           [0.0, focal, config.height / 2 - 0.5 - 2.1 * scale],
                           [0.0, 0.0, 1.0]])
    return Camera(FRAME, config.width, config.height, intrinsics, np.array(DISTORTION))


@njit(nogil=True, cache=True)
def undistort(normalised: NDArray[np.float64], distortion: NDArray[np.float64],
              ) -> NDArray[np.float64]:
    """
    Undo plumb_bob distortion by fixed-point iteration.

    :param normalised: (N, 2) distorted image plane coordinates.
    :param distortion: (5,) k1, k2, p1, p2, k3.
    :returns: (N, 2) where the ray crosses the plane z = 1.
    """
    k1, k2, p1, p2, k3 = distortion
    ideal = normalised.copy()
    for i in range(len(ideal)):
        x, y = ideal[i]
        for _ in range(60):
            r2 = x * x + y * y
            radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
            dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
            dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
            step = abs(x * radial + dx - normalised[i, 0]) + abs(
                y * radial + dy - normalised[i, 1])
            x, y = (normalised[i, 0] - dx) / radial, (normalised[i, 1] - dy) / radial
            if step < 1e-9:
                break
        ideal[i] = x, y
    return ideal


def pixel_rays(camera: Camera, shift_px: tuple[float, float] = (0.0, 0.0)) -> F32:
    """
    Find the viewing rays of all pixels.

    :param shift_px: from the middle of the pixels.
    :returns: (H * W, 3) float32 unit vectors, camera frame, row by row.
    """
    v, u = np.mgrid[0:camera.height, 0:camera.width].astype(np.float64)
    k = camera.intrinsics
    plane = np.stack([(u.ravel() + shift_px[0] - k[0, 2]) / k[0, 0],
                      (v.ravel() + shift_px[1] - k[1, 2]) / k[1, 1]], axis=1)
    ideal = undistort(plane, camera.distortion)
    rays = np.concatenate([ideal, np.ones((len(ideal), 1))], axis=1)
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True), np.float32)


@dataclass(frozen=True, eq=False)
class Exposure:
    """
    One image before development.

    :param radiance: (H, W, 3) float32 linear.
    :param label: (H, W) uint8 trainIds.
    :param instance: (H, W) uint16; 0 = none.
    :param range_m: (H, W) float32 distance along the ray; inf in the sky.
    """

    radiance: F32
    label: NDArray[np.uint8]
    instance: NDArray[np.uint16]
    range_m: F32


class SimCamera:
    """
    Photograph a world.

    :param styles: (S, STYLE_COLUMNS) float32 of the scene.
    """

    def __init__(self, camera: Camera, world: World, styles: F32, light: Light) -> None:
        """Compute the rays of all pixels once."""
        self.camera, self.world, self.styles, self.light = camera, world, styles, light
        self._rays = pixel_rays(camera)
        self._subpixel_rays = [pixel_rays(camera, shift) for shift in SUBPIXELS]

    def expose(self, world_T_camera: Pose, t_s: float, lamps: NDArray[np.float64]) -> Exposure:
        """
        Take an image.

        :param world_T_camera: pose of the camera.
        :param t_s: time of the exposure [s].
        :param lamps: (K, 11), see weather.lamps_of.
        """
        shape = (self.camera.height, self.camera.width)
        hits, radiance = self._trace(self._rays, world_T_camera, t_s, lamps)
        label = np.where(hits.triangle >= 0, self.world.mesh.label[hits.triangle],
                         TRAIN_ID['sky']).astype(np.uint8)
        instance = self.world.instances(hits)
        edge = self._edges(label.reshape(shape), instance.reshape(shape), hits)
        total = radiance[edge]
        for rays in self._subpixel_rays:
            total += self._trace(rays[edge], world_T_camera, t_s, lamps)[1]
        radiance[edge] = total / (1 + len(SUBPIXELS))
        return Exposure(radiance.reshape(*shape, 3), label.reshape(shape),
                        instance.reshape(shape), hits.range_m.reshape(shape))

    def _trace(self, rays_camera: F32, world_T_camera: Pose, t_s: float,
               lamps: NDArray[np.float64]) -> tuple[Hits, F32]:
        directions = np.ascontiguousarray(rays_camera @ world_T_camera[:3, :3].T.astype('f4'))
        origin = world_T_camera[:3, 3].astype(np.float32)
        rays = np.concatenate([np.broadcast_to(origin, directions.shape), directions], axis=1)
        hits = self.world.cast(rays, np.zeros(len(rays), np.float32), t_s)
        lit = self._sunlit(rays, hits, t_s)
        mesh, out = self.world.mesh, np.empty((len(rays), 3), np.float32)
        shade(directions, origin, hits.range_m, hits.triangle, hits.barycentric, hits.mover, lit,
              self.world.poses(t_s), mesh.normals, mesh.uv, mesh.rgb, mesh.material, mesh.style,
              self.styles, lamps, self.light, 1.0 / self.camera.intrinsics[0, 0], out)
        return hits, out

    def _sunlit(self, rays: F32, hits: Hits, t_s: float) -> NDArray[np.bool_]:
        """Tell which hits the sun reaches; without a sun, which are open to the sky."""
        lit = np.zeros(len(rays), bool)
        if self.light.night > 0.5:
            return lit
        rows = np.flatnonzero(hits.triangle >= 0)
        towards = np.empty((len(rows), 6), np.float32)
        # A little back along the ray, so that a surface does not shade itself.
        back = hits.range_m[rows] * np.float32(0.9998) - np.float32(0.004)
        towards[:, :3] = rays[rows, :3] + rays[rows, 3:] * back[:, None]
        if self.light.sun_rgb[0] > 0:
            towards[:, 3:] = self.light.sun
            lit[rows] = ~self.world.occluded(towards, t_s)
            return lit
        # Level ground looks around the zenith, scattered from pixel to pixel; walls straight up.
        level = self.world.mesh.normals[hits.triangle[rows], 0, 2] > 0.7
        turn = (rows * 2.399963 % 6.283185 + rows * 0.11 % 1.7).astype(np.float32)
        tilt = np.float32(0.55) * level
        towards[:, 3:] = np.stack([tilt * np.cos(turn), tilt * np.sin(turn),
                                   np.sqrt(1 - tilt * tilt)], axis=1)
        lit[rows] = ~self.world.occluded(towards, t_s, reach_m=4.0)
        return lit

    @staticmethod
    def _edges(label: NDArray[np.uint8], instance: NDArray[np.uint16], hits: Hits,
               ) -> NDArray[np.intp]:
        """Find the pixels beside which something else begins; indices of flat rows."""
        near = hits.range_m.reshape(label.shape)
        near = np.where(np.isfinite(near), near, 1e4)
        edge = np.zeros(label.shape, bool)
        for a, b in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
            step = (label[a] != label[b]) | (instance[a] != instance[b])
            step |= np.abs(near[a] - near[b]) > 0.06 * np.minimum(near[a], near[b])
            edge[a] |= step
            edge[b] |= step
        return np.flatnonzero(edge)
