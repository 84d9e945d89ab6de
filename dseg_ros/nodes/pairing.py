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

"""Clouds with their images, calibrations and transforms, as soon as all are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import time
from typing import Any

from dseg_ros.config.sync import MotionConfig, SyncConfig
from dseg_ros.geometry import sweep_middle_ns
from dseg_ros.nodes.diagnostics import Health
from dseg_ros.nodes.transforms import Extrinsics, FrameError, Transforms
from dseg_ros.nodes.troubles import Troubles
from dseg_ros.sync import Match, NearestMatcher
from dseg_ros.types import Camera, Cloud, Dropped

POLL_S = 0.01
"""How often a pair that waits for TF asks again."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """One camera's part of a pair: what was pushed for its image, and how it saw the cloud."""

    item: Any
    stamp_ns: int
    camera: Camera
    extrinsics: Extrinsics


@dataclass(frozen=True, eq=False)
class Pair:
    """A cloud with what was pushed for it, and the cameras that belong to it by name."""

    cloud: Cloud
    item: Any
    sightings: Mapping[str, Sighting]


@dataclass(eq=False)
class _Waiting:
    """A match whose transforms or calibrations are not all known yet."""

    match: Match
    deadline_s: float


class Pairing:
    """
    Matches clouds with images and holds each match until its transforms are known.

    Used by one thread. What cannot be had in time is replaced (extrinsics without ego motion) or
    left out (a camera without calibration), and counted.
    """

    def __init__(self, sync: SyncConfig, motion: MotionConfig, cameras: tuple[str, ...],
                 transforms: Transforms, troubles: Troubles) -> None:
        """
        Start without anything.

        :param sync: of the matcher.
        :param motion: what is known of ego motion.
        :param cameras: names of the cameras.
        :param transforms: where TF is asked.
        :param troubles: told of frames and calibrations that do not fit.
        """
        self.static_pairs = 0
        self.pairs = 0
        self._matcher = NearestMatcher(sync, cameras)
        self._motion = motion
        self._transforms = transforms
        self._troubles = troubles
        self._cameras: dict[str, Camera] = {}
        self._waiting: list[_Waiting] = []

    @property
    def dropped(self) -> Dropped:
        """Count what found no partner, by reason."""
        dropped: Dropped = self._matcher.dropped
        return dropped

    @property
    def again_s(self) -> float | None:
        """After how many seconds to ask for `ready` again."""
        return POLL_S if self._waiting else None

    def set_camera(self, name: str, camera: Camera) -> None:
        """Learn a calibration."""
        self._cameras[name] = camera

    def push_cloud(self, cloud: Cloud, item: Any = None) -> None:
        """Take a cloud, and what is to come back with it."""
        middle_ns = sweep_middle_ns(cloud, self._motion.lidar_stamp, self._motion.sweep_ms)
        self._hold(self._matcher.push_cloud(middle_ns, (cloud, item)))

    def push_image(self, name: str, stamp_ns: int, item: Any) -> None:
        """Take what is to come back for an image."""
        self._hold(self._matcher.push_image(name, stamp_ns, item))

    def flush(self) -> list[Pair]:
        """Return all that can still be paired, waiting for nothing more."""
        self._hold(self._matcher.flush())
        for waiting in self._waiting:
            waiting.deadline_s = 0.0
        return self.ready()

    def ready(self) -> list[Pair]:
        """Return the pairs whose transforms are known, or shall not be waited for any longer."""
        pairs: list[Pair] = []
        still: list[_Waiting] = []
        for waiting in self._waiting:
            pair = self._complete(waiting.match, time.monotonic() < waiting.deadline_s)
            if pair is None:
                still.append(waiting)
            else:
                pairs.append(pair)
        self._waiting = still
        return pairs

    def _hold(self, matches: list[Match]) -> None:
        deadline_s = time.monotonic() + self._motion.max_wait_s
        self._waiting += [_Waiting(match, deadline_s) for match in matches]

    def _complete(self, match: Match, patient: bool) -> Pair | None:
        cloud, item = match.cloud
        sightings = {}
        for name, image_item in match.images.items():
            stamp_ns = match.stamps_ns[name]
            camera = self._cameras.get(name)
            if camera is None:
                if patient:
                    return None
                self._troubles.add(f'camera {name}', FrameError('no camera_info came'))
                continue
            try:
                extrinsics = self._transforms.camera_T_lidar(
                    (camera.frame, stamp_ns), (cloud.frame, cloud.stamp_ns), self._motion.fixed,
                    patient)
            except FrameError as error:
                self._troubles.add('transforms', error)
                continue
            if extrinsics is None:
                return None
            sightings[name] = Sighting(image_item, stamp_ns, camera, extrinsics)
        self.pairs += 1
        self.static_pairs += any(not s.extrinsics.ego_motion_known for s in sightings.values())
        return Pair(cloud, item, sightings)


def pairing_health(pairing: Pairing) -> Health:
    """Sum up: how many pairs, with or without ego motion, and what was dropped why."""
    values: dict[str, object] = {
        'pairs': pairing.pairs, 'without_ego_motion': pairing.static_pairs,
        **pairing.dropped.counts}
    if pairing.static_pairs:
        return Health(message='ego motion between image and cloud is not always known',
                      values=values)
    return Health(values=values)
