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

"""Where the LiDAR was in the camera's view: one transform per pair, with ego motion if known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dseg_ros.bags.messages import transform_from_message
from geometry_msgs.msg import TransformStamped
import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.time import Time
from tf2_ros import (Buffer, ConnectivityException, ExtrapolationException,
                     InvalidArgumentException, LookupException, TransformListener)

UNKNOWN = (LookupException, ConnectivityException, ExtrapolationException,
           InvalidArgumentException)


class FrameError(ValueError):
    """Frames that no transform connects; the message names them."""


@dataclass(frozen=True, eq=False)
class Extrinsics:
    """
    A transform for one pair.

    :param camera_T_lidar: (4, 4) float64, as in types.View.
    :param ego_motion_known: as in types.View.
    """

    camera_T_lidar: NDArray[np.float64]
    ego_motion_known: bool


class Transforms:
    """Listens to TF; never blocks: what is not known yet is asked for again later."""

    def __init__(self, node: Node) -> None:
        """
        Subscribe to /tf and /tf_static.

        :param node: whose executor feeds the buffer, and whose clock empties it when time jumps.
        """
        self._buffer = Buffer(node=node)
        self._listener = TransformListener(self._buffer, node)

    def camera_T_lidar(self, camera: tuple[str, int], lidar: tuple[str, int], fixed: str,
                       patient: bool) -> Extrinsics | None:
        """
        Look up the pose of a LiDAR at one time in the frame of a camera at another.

        Through the fixed frame where that is known; else the extrinsics at the image's time;
        else the latest ones.

        :param camera: frame and stamp [ns] of the image.
        :param lidar: frame and stamp [ns] of the cloud.
        :param fixed: a frame that does not move with the vehicle; '' = none.
        :param patient: whether a transform that may still come is worth waiting for.
        :returns: None = ask again.
        :raises FrameError: if the frames are not connected at all.
        """
        (camera_frame, image_ns), (lidar_frame, cloud_ns) = camera, lidar
        at_image, at_cloud = Time(nanoseconds=image_ns), Time(nanoseconds=cloud_ns)
        if fixed:
            moving = self._try(lambda: self._buffer.lookup_transform_full(
                camera_frame, at_image, lidar_frame, at_cloud, fixed))
            if moving is not None:
                return Extrinsics(moving, ego_motion_known=True)
            if patient and (self._may_come(fixed, camera_frame, image_ns) or
                            self._may_come(fixed, lidar_frame, cloud_ns)):
                return None
        still = self._try(lambda: self._buffer.lookup_transform(
            camera_frame, lidar_frame, at_image))
        if still is None and patient and self._may_come(camera_frame, lidar_frame, image_ns):
            return None
        if still is None:
            still = self._try(lambda: self._buffer.lookup_transform(
                camera_frame, lidar_frame, Time()))
        if still is not None:
            return Extrinsics(still, ego_motion_known=False)
        if patient:
            return None
        raise FrameError(f'no transform from {lidar_frame!r} to {camera_frame!r}; '
                         'do /tf and /tf_static connect them?')

    def pose(self, fixed: str, frame: str, time_ns: int) -> NDArray[np.float64] | None:
        """Look up fixed_T_frame at a time, else the latest one, else None."""
        at = self._try(lambda: self._buffer.lookup_transform(fixed, frame,
                                                             Time(nanoseconds=time_ns)))
        if at is not None:
            return at
        return self._try(lambda: self._buffer.lookup_transform(fixed, frame, Time()))

    def _try(self, lookup: Callable[[], TransformStamped]) -> NDArray[np.float64] | None:
        try:
            return transform_from_message(lookup())
        except UNKNOWN:
            return None

    def _may_come(self, target: str, source: str, time_ns: int) -> bool:
        """Say whether the two frames are connected, but only until before that time."""
        try:
            latest: int = self._buffer.get_latest_common_time(target, source).nanoseconds
        except UNKNOWN:
            return False
        return 0 < latest < time_ns
