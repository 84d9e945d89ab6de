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

"""TF as it comes, for all nodes of a process; the frames are kept as they are for recordings."""

from __future__ import annotations

from threading import Lock
from typing import Any

from dseg_ros.bags.motion import JUMP_BACK_NS, Motion
from dseg_ros.bags.records import BagError
from dseg_ros.config.sync import MotionConfig
from dseg_ros.geometry import TransformError
from dseg_ros.nodes.troubles import Troubles
from dseg_ros.types import Cloud
import numpy as np
from numpy.typing import NDArray
from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

MOVING = QoSProfile(depth=100)
STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class FrameError(ValueError):
    """Frames that no transform connects; the message names them."""


class Track:
    """What one node knows of the motion; asked by its worker, told by the executor."""

    def __init__(self, config: MotionConfig) -> None:
        """Start without any transform."""
        self._config = config
        self._lock = Lock()
        self._motion = Motion(config, 'TF')

    def restart(self) -> None:
        """Forget all: the clock jumped back."""
        with self._lock:
            self._motion = Motion(self._config, 'TF')

    def add(self, transform: Any, static: bool) -> None:
        """
        Take a geometry_msgs/TransformStamped.

        :raises ValueError: for one that cannot be.
        """
        with self._lock:
            self._motion.add(transform, static)

    def awaits(self, frame: str, at_ns: int, other: str) -> bool:
        """
        Say whether a transform of that moment is still to come.

        :param frame: whose pose is wanted.
        :param at_ns: when [ns].
        :param other: the frame to relate it to where there is no fixed one.
        """
        with self._lock:
            try:
                latest_ns = self._motion.tree.latest_ns(self._config.fixed or other, frame)
            except TransformError:
                return False
        return latest_ns is not None and latest_ns < at_ns

    def sweep_middle_ns(self, cloud: Cloud) -> int:
        """Find the moment that images are matched with."""
        return self._motion.sweep_middle_ns(cloud)

    def sweep_end_ns(self, cloud: Cloud) -> int:
        """Find the last moment at which the pose of the LiDAR is wanted."""
        return self._motion.sweep_end_ns(cloud)

    def still(self, cloud: Cloud) -> tuple[Cloud, int]:
        """Move all points to one moment, as far as the motion is known; see bags.motion."""
        with self._lock:
            return self._motion.still(cloud)

    def camera_T_lidar(self, camera: tuple[str, int], lidar: tuple[str, int]
                       ) -> tuple[NDArray[np.float64], bool]:
        """
        Relate a LiDAR at one moment to a camera at another; see bags.motion.

        :raises FrameError: if nothing connects the frames.
        """
        with self._lock:
            try:
                return self._motion.camera_T_lidar(camera, lidar)
            except BagError as error:
                raise FrameError(str(error)) from None

    def position_m(self, frame: str, at_ns: int) -> NDArray[np.float64] | None:
        """Return where a frame is in the fixed one, (3,) [m], or None."""
        with self._lock:
            try:
                return self._motion.pose(frame, at_ns)[:3, 3]
            except TransformError:
                return None


class Transforms:
    """Subscribes to /tf and /tf_static once and tells every track."""

    def __init__(self, node: Node) -> None:
        """
        Subscribe.

        :param node: who owns the subscriptions, and whose clock tells of jumps.
        """
        self._tracks: list[Track] = []
        self._static: dict[str, Any] = {}
        self._troubles = Troubles(node)
        node.create_subscription(TFMessage, '/tf', self._on_moving, MOVING)
        node.create_subscription(TFMessage, '/tf_static', self._on_static, STATIC)
        self._jumps = node.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-JUMP_BACK_NS),
                          on_clock_change=False), post_callback=self._on_jump)

    def track(self, config: MotionConfig) -> Track:
        """Begin to tell a node; it learns at once what is static."""
        track = Track(config)
        self._tracks = [*self._tracks, track]  # first, so that what comes now is not missed
        self._tell(track, list(self._static.values()), static=True)
        return track

    def leave(self, track: Track) -> None:
        """Tell a node no more."""
        self._tracks = [t for t in self._tracks if t is not track]

    def _on_moving(self, message: TFMessage) -> None:
        for track in self._tracks:
            self._tell(track, message.transforms, static=False)

    def _on_static(self, message: TFMessage) -> None:
        self._static.update({t.child_frame_id: t for t in message.transforms})
        for track in self._tracks:
            self._tell(track, message.transforms, static=True)

    def _on_jump(self, jump: TimeJump) -> None:
        for track in self._tracks:
            track.restart()
            self._tell(track, list(self._static.values()), static=True)

    def _tell(self, track: Track, transforms: list[Any], static: bool) -> None:
        for transform in transforms:
            try:
                track.add(transform, static)
            except (ValueError, TransformError) as error:
                self._troubles.add('/tf_static' if static else '/tf', error)
