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

"""From a bag to frames: every cloud with its images, calibrations and the motion between them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from dseg_ros.bags.ahead import first_camera, first_extrinsics
from dseg_ros.bags.calibrations import Calibrations
from dseg_ros.bags.discovery import DriveTopics
from dseg_ros.bags.header import MessageError, stamp_ns
from dseg_ros.bags.messages import cloud_from_message
from dseg_ros.bags.motion import Motion
from dseg_ros.bags.reader import Bag, BagError, TF_MESSAGE
from dseg_ros.bags.records import is_static, Record
from dseg_ros.bags.shot import Paired, Shot
from dseg_ros.config.sync import MotionConfig, SyncConfig
from dseg_ros.geometry import TransformError
from dseg_ros.sync import Match, NearestMatcher
from dseg_ros.types import Camera, Cloud, Dropped, Frame
import numpy as np
from numpy.typing import NDArray

BROKEN_CLOUD = 'broken cloud'
BROKEN_IMAGE = 'broken image'
BROKEN_INFO = 'broken camera_info'
BROKEN_TRANSFORM = 'broken transform'
UNDECODABLE = 'message that is not of its type'
NO_INFO = 'image without camera_info'
PROBLEMS = 20
"""Problems that are kept in words; all are counted."""


@dataclass(eq=False)
class _Waiting:
    """A match that waits for transforms and calibrations until a recording time."""

    match: Match
    until_ns: int


class Frames:
    """
    The matched frames of a recording; iterate once, in the order of their stamps.

    Nothing is dropped silently: `dropped` counts by reason, `problems` says the first ones in
    words, `clouds` is how many were read.
    """

    def __init__(self, bag: Bag, topics: DriveTopics, sync: SyncConfig,
                 motion: MotionConfig) -> None:
        """
        Prepare; nothing is read yet but static transforms.

        :param bag: open recording.
        :param topics: the cloud and the cameras.
        :param sync: how images are matched.
        :param motion: what is known of the motion.
        """
        self.clouds = 0
        self.problems: list[str] = []
        self._bag, self._topics = bag, topics
        self._drops: Counter[str] = Counter()
        self._cloud_drops = Dropped()
        self._min_images = sync.min_images
        self._matcher = NearestMatcher(sync, tuple(topics.cameras))
        self._motion = Motion(motion, str(bag.path))
        self._max_wait_ns = int(motion.max_wait_s * 1e9)
        self._calibrations = {name: Calibrations() for name in topics.cameras}
        self._first_cameras: dict[str, Camera | None] = {}
        self._first_extrinsics: dict[tuple[str, str], NDArray[np.float64] | None] = {}
        self._waiting: deque[_Waiting] = deque()
        self._tf = [n for n, info in bag.topics.items()
                    if info.type == TF_MESSAGE and not is_static(n)]
        self._by_topic = {image: name for name, (image, _) in topics.cameras.items()}
        self._infos: dict[str, list[str]] = {}
        for name, (_, info) in topics.cameras.items():
            self._infos.setdefault(info, []).append(name)
        for transform in bag.static_transforms():
            self._try(BROKEN_TRANSFORM, lambda t=transform: self._motion.add(t, static=True))

    @property
    def dropped(self) -> Dropped:
        """Count what was left out so far, by reason."""
        return Dropped(dict(self._drops)) + self._cloud_drops + self._matcher.dropped

    def __iter__(self) -> Iterator[Paired]:
        """
        Read the bag.

        :raises BagError: for damage, after everything before it was yielded; or for frames that
            no transform connects, naming them.
        """
        topics = [self._topics.points, *self._by_topic, *self._infos, *self._tf]
        damage: BagError | None = None
        records = self._bag.messages(topics, broken=lambda e: self._drop(UNDECODABLE, e))
        while True:
            try:
                record = next(records)
            except StopIteration:
                break
            except BagError as error:
                damage = error
                break
            self._take(record)
            yield from self._ready(record.stamp_ns)
        self._hold(self._matcher.flush(), 0)
        yield from self._ready(None)
        if damage is not None:
            raise damage

    def decoded(self) -> Iterator[Frame]:
        """
        Read the bag and decode its images.

        A broken image costs its view; a frame without any view is left out, unless min_images
        asks for none.

        :raises CalibrationError: for an image whose size is not that of its calibration.
        :raises BagError: as iteration does.
        """
        for paired in self:
            views = [self._try(BROKEN_IMAGE, shot.decoded) for shot in paired.shots]
            seen = tuple(view for view in views if view is not None)
            if seen or not self._min_images:
                yield Frame(paired.cloud, seen)

    def _take(self, record: Record) -> None:
        """Sort in one message."""
        message = record.message
        if record.topic == self._topics.points:
            self.clouds += 1
            cloud = self._try(BROKEN_CLOUD, lambda: self._cloud(message))
            if cloud is not None:
                self._hold(self._matcher.push_cloud(self._motion.sweep_middle_ns(cloud), cloud),
                           record.stamp_ns)
        elif record.topic in self._by_topic:
            self._hold(self._matcher.push_image(self._by_topic[record.topic],
                                                stamp_ns(message.header), message),
                       record.stamp_ns)
        elif record.topic in self._infos:
            for name in self._infos[record.topic]:
                self._try(BROKEN_INFO, lambda n=name: self._calibrations[n].add(message))
        else:
            for transform in message.transforms:
                self._try(BROKEN_TRANSFORM,
                          lambda t=transform: self._motion.add(t, static=False))

    def _cloud(self, message: Any) -> Cloud:
        cloud, dropped = cloud_from_message(message)
        self._cloud_drops += dropped
        return cloud

    def _try(self, reason: str, act: Any) -> Any:
        """Do something with one message; a broken one is counted."""
        try:
            return act()
        except (MessageError, TransformError) as error:
            self._drop(reason, error)
            return None

    def _drop(self, reason: str, error: Exception) -> None:
        self._drops[reason] += 1
        if len(self.problems) < PROBLEMS:
            self.problems.append(f'{reason}: {error}')

    def _hold(self, matches: list[Match], now_ns: int) -> None:
        self._waiting += [_Waiting(match, now_ns + self._max_wait_ns) for match in matches]

    def _ready(self, now_ns: int | None) -> Iterator[Paired]:
        """Release what is complete, or has waited long enough; all of it at the end (None)."""
        while self._waiting:
            waiting = self._waiting[0]
            patient = now_ns is not None and now_ns < waiting.until_ns
            if patient and not self._is_complete(waiting.match):
                return
            yield self._paired(self._waiting.popleft().match)

    def _is_complete(self, match: Match) -> bool:
        """Tell whether nothing that is still to come would make a match better."""
        for name, at_ns in match.stamps_ns.items():
            camera = self._calibrations[name].at(at_ns)
            if camera is None or not self._calibrations[name].knows(at_ns):
                return False
            if self._tf and not self._motion.is_known(camera.frame, at_ns):
                return False
        return not self._tf or self._motion.is_known(
            match.cloud.frame, self._motion.sweep_end_ns(match.cloud))

    def _paired(self, match: Match) -> Paired:
        cloud, at_ns = self._motion.still(match.cloud)
        shots = [self._shot(name, match, (cloud.frame, at_ns)) for name in self._topics.cameras
                 if name in match.images]
        try:
            position_m = self._motion.pose(cloud.frame, at_ns)[:3, 3]
        except TransformError:
            position_m = None
        return Paired(cloud, tuple(s for s in shots if s is not None), position_m)

    def _shot(self, name: str, match: Match, lidar: tuple[str, int]) -> Shot | None:
        camera = self._calibrations[name].at(match.stamps_ns[name]) or self._first_camera(name)
        if camera is None:
            self._drops[NO_INFO] += 1
            return None
        message = match.images[name]
        if not camera.frame:
            camera = replace(camera, frame=str(message.header.frame_id))
        pose, known = self._camera_T_lidar((camera.frame, match.stamps_ns[name]), lidar)
        return Shot(name, message, camera, pose, known)

    def _first_camera(self, name: str) -> Camera | None:
        """Read ahead for the calibration of a camera whose images come before it, once."""
        if name not in self._first_cameras:
            self._first_cameras[name] = first_camera(self._bag, self._topics.cameras[name][1])
        return self._first_cameras[name]

    def _camera_T_lidar(self, camera: tuple[str, int], lidar: tuple[str, int]
                        ) -> tuple[NDArray[np.float64], bool]:
        """Relate two frames; if no transform connects them yet, read ahead for one, once."""
        try:
            return self._motion.camera_T_lidar(camera, lidar)
        except BagError:
            frames = camera[0], lidar[0]
            if frames not in self._first_extrinsics:
                self._first_extrinsics[frames] = first_extrinsics(self._bag, self._tf, *frames)
            if (extrinsics := self._first_extrinsics[frames]) is None:
                raise
            return extrinsics, False


def frames(bag: Bag, topics: DriveTopics, sync: SyncConfig | None = None,
           motion: MotionConfig | None = None) -> Frames:
    """
    Read a drive.

    :param bag: open recording.
    :param topics: the cloud and the cameras (see reader.find_topics).
    :param sync: how images are matched; the defaults if not given.
    :param motion: what is known of the motion; the defaults if not given.
    """
    return Frames(bag, topics, sync or SyncConfig(), motion or MotionConfig())
