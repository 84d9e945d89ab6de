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

"""The simulated drive: everything together, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dseg_ros.config.sim import SimConfig
from dseg_ros.sim import camera as sim_camera, lidar as sim_lidar
from dseg_ros.sim.raycast import World
from dseg_ros.sim.scene import build_scene
from dseg_ros.sim.street import plan_street
from dseg_ros.sim.traffic import draw_ego, TrafficBuilder
from dseg_ros.sim.weather import develop, lamps_of, light_of
from dseg_ros.types import Camera, Cloud, Image
import numpy as np
from numpy.typing import NDArray

Pose = NDArray[np.float64]
NS = 1_000_000_000
IMAGE_DELAY_S = (0.024, 0.046)
"""The camera exposes this long after the start of the sweep [s]; it jitters."""


@dataclass(frozen=True, eq=False)
class SimFrame:
    """
    What the sensors see within one turn of the LiDAR, with the truth.

    :param cloud: sweep with ring, time and label; stamp = its start.
    :param instance: (N,) uint16 instance of every point; 0 = ground.
    :param image: what the camera sees, 20..50 ms after the start of the sweep.
    :param mask: (H, W) uint8 trainIds.
    :param mask_instance: (H, W) uint16.
    :param range_m: (H, W) float32 distance along the viewing ray; inf in the sky.
    """

    index: int
    cloud: Cloud
    instance: NDArray[np.uint16]
    image: Image
    mask: NDArray[np.uint8]
    mask_instance: NDArray[np.uint16]
    range_m: NDArray[np.float32]


class Drive:
    """
    A simulated drive.

    :param config: decides everything; equal configurations give equal drives.
    """

    base_T_lidar = sim_lidar.BASE_T_LIDAR
    base_T_camera = sim_camera.BASE_T_CAMERA

    def __init__(self, config: SimConfig) -> None:
        """Plan street and ego motion; the world is built when first rendered."""
        self.config = config
        self.camera: Camera = sim_camera.camera_of(config)
        self.street = plan_street(config.seconds * config.speed_mps * 1.2, self._rng(1))
        self.ego = draw_ego(self.street, config.speed_mps, self._rng(2))
        self.light = light_of(config.weather, self._rng(3))
        self._world_T_odom = self.ego.world_T_base(0.0)
        self._odom_T_world = np.linalg.inv(self._world_T_odom)

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, *stream])

    @cached_property
    def _built(self) -> tuple[World, sim_camera.SimCamera, sim_lidar.SimLidar,
                              NDArray[np.float64]]:
        scene = build_scene(self.street, self._rng(4), self.light.night > 0.5)
        traffic = TrafficBuilder(self.street, self.ego, self.config.seconds, scene.instances,
                                 self._rng(5))
        world = World(scene.mesh, traffic.build())
        camera = sim_camera.SimCamera(self.camera, world, scene.styles, self.light)
        lidar = sim_lidar.SimLidar(self.config, world, scene.styles, self.light.fog_per_m,
                                   self.light.wet)
        return world, camera, lidar, scene.lamps

    def stamp_ns(self, t_s: float) -> int:
        """Convert time since the first sweep [s] to a stamp [ns]."""
        return self.config.start_s * NS + round(t_s * NS)

    def sweep_s(self, index: int) -> float:
        """Start of a sweep since the start of the first [s]."""
        return index * self.config.every / self.config.rate_hz

    def exposure_s(self, index: int) -> float:
        """Time of an image since the start of the first sweep [s]."""
        return self.sweep_s(index) + float(self._rng(6, index).uniform(*IMAGE_DELAY_S))

    def odom_T_base(self, t_s: float) -> Pose:
        """Pose of base_link at a time since the start of the first sweep [s]; (4, 4)."""
        return np.asarray(self._odom_T_world @ self.ego.world_T_base(t_s))

    def _bases(self, start_s: float, after_s: NDArray[np.float64]) -> Pose:
        """Interpolate world_T_base at many times (K,) after a start; knots every few ms."""
        knots = np.linspace(0.0, 1.0 / self.config.rate_hz, 33)
        poses = np.stack([self.ego.world_T_base(start_s + s) for s in knots])
        at = np.clip(after_s / knots[1], 0, len(knots) - 1.001)
        before = at.astype(int)
        part = (at - before)[:, None, None]
        return np.asarray(poses[before] * (1 - part) + poses[before + 1] * part)

    def frame(self, index: int) -> SimFrame:
        """Render one frame; frames can be rendered in any order."""
        _, camera, lidar, street_lamps = self._built
        start, exposed = self.sweep_s(index), self.exposure_s(index)
        mounts = self._bases(start, lidar.column_s) @ self.base_T_lidar
        sweep = lidar.sweep(mounts, start, self.stamp_ns(start), self._rng(7, index))
        base = self.ego.world_T_base(exposed)
        seen = camera.expose(base @ self.base_T_camera, exposed,
                             lamps_of(self.light, street_lamps, base))
        rgb = develop(seen.radiance, self.config.weather, self._rng(8, index))
        return SimFrame(index, sweep.cloud, sweep.instance,
                        Image(rgb, self.stamp_ns(exposed), self.camera.frame), seen.label,
                        seen.instance, seen.range_m)


def render(config: SimConfig) -> Iterator[SimFrame]:
    """Render the frames of a drive one after the other, in this process."""
    drive = Drive(config)
    for index in range(config.frames):
        yield drive.frame(index)
