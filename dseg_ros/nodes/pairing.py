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
from dataclasses import dataclass, replace
import time
from typing import Any

from dseg_ros.bags.calibrations import Calibrations
from dseg_ros.config.sync import MotionConfig, SyncConfig
from dseg_ros.geometry import deskew, interpolate
from dseg_ros.nodes.diagnostics import Health
from dseg_ros.nodes.transforms import FrameError, Track
from dseg_ros.nodes.troubles import Troubles
from dseg_ros.sync import Match, NearestMatcher
from dseg_ros.types import Camera, Cloud, Dropped
import numpy as np
from numpy.typing import NDArray

POLL_S = 0.01
"""How often a pair that waits for TF asks again."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """
    One camera's part of a pair.

    :param item: what was pushed for its image.
    :param stamp_ns: of the image [ns].
    :param camera: its calibration.
    :param camera_T_lidar: (4, 4) float64, as in types.View.
    :param ego_motion_known: as in types.View.
    """

    item: Any
    stamp_ns: int
    camera: Camera
    camera_T_lidar: NDArray[np.float64]
    ego_motion_known: bool


@dataclass(frozen=True, eq=False)
class Pair:
    """
    A cloud with the cameras that belong to it.

    :param original: the cloud as it came.
    :param cloud: the same points at one moment, as far as the motion is known.
    :param item: what was pushed with the cloud.
    :param sightings: by camera.
    :param position_m: (3,) where the LiDAR was in the fixed frame, None if not known.
    """

    original: Cloud
    cloud: Cloud
    item: Any
    sightings: Mapping[str, Sighting]
    position_m: NDArray[np.float64] | None


@dataclass(eq=False)
class _Waiting:
    """A match whose transforms or calibrations are not all known yet."""

    match: Match
    deadline_s: float


def warm_up_motion(motion: MotionConfig) -> None:
    """Run once what moves points, where they are to be moved: it is compiled the first time."""
    if motion.fixed:
        still = np.tile(np.eye(4), (2, 1, 1))
        one = np.ones(1, np.float32)
        deskew(Cloud(0, 'made_up', one, one, one, time_s=one), np.array([0, 100_000_000]), still)
        interpolate(still[0], still[1], 0.5)


class Pairing:
    """
    Matches clouds with images and holds each match until its transforms are known.

    Used by one thread. What cannot be had in time is replaced (extrinsics without ego motion) or
    left out (a camera without calibration), and counted.
    """

    def __init__(self, sync: SyncConfig, motion: MotionConfig, cameras: tuple[str, ...],
                 track: Track, troubles: Troubles) -> None:
        """
        Start without anything.

        :param sync: of the matcher.
        :param motion: says how long to wait.
        :param cameras: names of the cameras.
        :param track: what is known of the frames.
        :param troubles: told of frames and calibrations that do not fit.
        """
        self.pairs = 0
        self.static_pairs = 0
        self._matcher = NearestMatcher(sync, cameras)
        self._max_wait_s = motion.max_wait_s
        self._track = track
        self._troubles = troubles
        self._calibrations = {name: Calibrations() for name in cameras}
        self._frames: dict[str, str] = {}
        self._waiting: list[_Waiting] = []

    @property
    def dropped(self) -> Dropped:
        """Count what found no partner, by reason."""
        return self._matcher.dropped

    @property
    def again_s(self) -> float | None:
        """After how many seconds to ask for `ready` again."""
        return POLL_S if self._waiting else None

    def push_calibration(self, name: str, message: Any) -> None:
        """
        Take a sensor_msgs/CameraInfo.

        :raises ValueError: for a camera that is not calibrated or cannot be.
        """
        self._calibrations[name].add(message)

    def push_cloud(self, cloud: Cloud, item: Any = None) -> None:
        """Take a cloud, and what is to come back with it."""
        middle_ns = self._track.sweep_middle_ns(cloud)
        self._hold(self._matcher.push_cloud(middle_ns, (cloud, item)))

    def push_image(self, name: str, stamp_ns: int, frame: str, item: Any) -> None:
        """Take an image's stamp, frame, and what is to come back for it."""
        self._frames[name] = frame
        self._hold(self._matcher.push_image(name, stamp_ns, item))

    def flush(self) -> list[Pair]:
        """Return all that can still be paired, waiting for nothing more."""
        self._hold(self._matcher.flush())
        for waiting in self._waiting:
            waiting.deadline_s = 0.0
        return self.ready()

    def ready(self) -> list[Pair]:
        """Return the pairs whose transforms are known, or shall not be waited for any longer."""
        now_s = time.monotonic()
        done = [w for w in self._waiting if now_s >= w.deadline_s or self._is_complete(w.match)]
        self._waiting = [w for w in self._waiting if w not in done]
        return [self._pair(waiting.match) for waiting in done]

    def _hold(self, matches: list[Match]) -> None:
        deadline_s = time.monotonic() + self._max_wait_s
        self._waiting += [_Waiting(match, deadline_s) for match in matches]

    def _is_complete(self, match: Match) -> bool:
        """Tell whether nothing that is still to come would make a match better."""
        cloud, _ = match.cloud
        for name, at_ns in match.stamps_ns.items():
            camera = self._camera(name, at_ns)
            if camera is None or self._track.awaits(camera.frame, at_ns, cloud.frame):
                return False
            if self._track.awaits(cloud.frame, self._track.sweep_end_ns(cloud), camera.frame):
                return False
        return True

    def _pair(self, match: Match) -> Pair:
        original, item = match.cloud
        try:
            cloud, at_ns = self._track.still(original)
        except ValueError as error:  # per-point times that cannot be
            self._troubles.add('points', error)
            cloud, at_ns = original, match.stamp_ns
        sightings = {}
        for name in match.images:
            try:
                sightings[name] = self._sighting(name, match, (cloud.frame, at_ns))
            except FrameError as error:
                self._troubles.add(f'camera {name}', error)
        self.pairs += 1
        if not all(s.ego_motion_known for s in sightings.values()):
            self.static_pairs += 1
            self._troubles.say_once('the ego motion between image and cloud is not known: the '
                                    'static extrinsics are used')
        position_m = self._track.position_m(cloud.frame, at_ns)
        return Pair(original, cloud, item, sightings, position_m)

    def _sighting(self, name: str, match: Match, lidar: tuple[str, int]) -> Sighting:
        at_ns = match.stamps_ns[name]
        camera = self._camera(name, at_ns)
        if camera is None:
            raise FrameError('no camera_info came')
        pose, known = self._track.camera_T_lidar((camera.frame, at_ns), lidar)
        return Sighting(match.images[name], at_ns, camera, pose, known)

    def _camera(self, name: str, at_ns: int) -> Camera | None:
        camera = self._calibrations[name].at(at_ns)
        if camera is not None and not camera.frame:
            return replace(camera, frame=self._frames[name])
        return camera


def pairing_health(pairing: Pairing) -> Health:
    """Sum up: how many pairs, with or without ego motion, and what was dropped why."""
    values: dict[str, object] = {
        'pairs': pairing.pairs, 'without_ego_motion': pairing.static_pairs,
        **pairing.dropped.counts}
    if pairing.static_pairs:
        return Health(message='ego motion between image and cloud is not always known',
                      values=values)
    return Health(values=values)
