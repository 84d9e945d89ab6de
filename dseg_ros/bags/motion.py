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

"""How a recording's vehicle moved: transforms of its bag, applied to clouds and images."""

from __future__ import annotations

from typing import Any

from dseg_ros.bags.header import stamp_ns
from dseg_ros.bags.messages import transform_from_message
from dseg_ros.bags.records import BagError
from dseg_ros.config.sync import MotionConfig
from dseg_ros.geometry import deskew, sweep_middle_ns, TransformError, TransformTree
from dseg_ros.types import Cloud
import numpy as np
from numpy.typing import NDArray

MS = 1_000_000
HISTORY_NS = 10_000 * MS  # as much as tf2 keeps
JUMP_BACK_NS = 500 * MS  # transforms are not that much out of order: the clock was set back
POSES = 5  # of the LiDAR per sweep, for de-skewing


class Motion:
    """
    The frames of a recording through time.

    :param config: what is known of the moment of a cloud and of the motion.
    :param where: what to call the recording in an error.
    """

    def __init__(self, config: MotionConfig, where: str) -> None:
        """Start without any transform."""
        self.tree = TransformTree(int(config.extrapolate_ms * MS), HISTORY_NS, JUMP_BACK_NS)
        self._config = config
        self._where = where

    def add(self, transform: Any, static: bool) -> None:
        """Take a geometry_msgs/TransformStamped."""
        self.tree.add(str(transform.header.frame_id), str(transform.child_frame_id),
                      transform_from_message(transform), stamp_ns(transform.header), static)

    def is_known(self, frame: str, at_ns: int) -> bool:
        """Tell whether a frame's pose in the fixed frame needs no extrapolation at a moment."""
        try:
            latest_ns = self.tree.latest_ns(self._config.fixed, frame)
        except TransformError:
            return False
        return latest_ns is None or latest_ns >= at_ns

    def sweep_middle_ns(self, cloud: Cloud) -> int:
        """Find the moment that images are matched with."""
        return sweep_middle_ns(cloud, self._config.lidar_stamp, self._config.sweep_ms)

    def sweep_end_ns(self, cloud: Cloud) -> int:
        """Find the last moment at which the pose of the LiDAR is wanted."""
        last_s = 0.0 if cloud.time_s is None or not len(cloud) else float(cloud.time_s.max())
        return cloud.stamp_ns + max(0, int(last_s * 1e9))

    def still(self, cloud: Cloud) -> tuple[Cloud, int]:
        """
        Move all points to one moment, as far as the motion is known.

        :returns: the cloud, and the moment that its points are at (on average) [ns].
        """
        if cloud.time_s is None or not len(cloud):
            return cloud, self.sweep_middle_ns(cloud)
        if not self._config.deskew:  # the driver has done so
            return cloud, cloud.stamp_ns
        times_s = float(cloud.time_s.min()), float(cloud.time_s.max())
        stamps = np.unique((np.linspace(*times_s, POSES) * 1e9).astype(np.int64)) + cloud.stamp_ns
        try:
            poses = [self.pose(cloud.frame, int(t)) for t in stamps]
            at_stamp = self.pose(cloud.frame, cloud.stamp_ns)
        except TransformError:
            return cloud, self.sweep_middle_ns(cloud)
        if len(stamps) < 2:
            return cloud, int(stamps[0])
        # The stamp may lie outside the sweep (a driver that stamps on arrival).
        if cloud.stamp_ns < stamps[0]:
            stamps, poses = np.insert(stamps, 0, cloud.stamp_ns), [at_stamp, *poses]
        elif cloud.stamp_ns > stamps[-1]:
            stamps, poses = np.append(stamps, cloud.stamp_ns), [*poses, at_stamp]
        return deskew(cloud, stamps, np.stack(poses)), cloud.stamp_ns

    def pose(self, frame: str, at_ns: int) -> NDArray[np.float64]:
        """
        Find fixed_T_frame at a moment, (4, 4).

        :raises TransformError: if it is not known, or there is no fixed frame.
        """
        if not self._config.fixed:
            raise TransformError('there is no fixed frame')
        return self.tree.lookup(self._config.fixed, at_ns, frame, at_ns)

    def camera_T_lidar(self, camera: tuple[str, int], lidar: tuple[str, int]
                       ) -> tuple[NDArray[np.float64], bool]:
        """
        Relate a LiDAR at one moment to a camera at another.

        :param camera: frame and moment [ns].
        :param lidar: frame and moment [ns].
        :returns: (4, 4), and whether it holds the ego motion; if that is not known, the static
            extrinsics.
        :raises BagError: if no transforms connect the frames; it names them and those known.
        """
        if self._config.fixed:
            try:
                return self.tree.lookup(*camera, *lidar, self._config.fixed), True
            except TransformError:
                pass
        try:
            return self.tree.lookup(*camera, lidar[0], camera[1]), False
        except TransformError:
            pass
        try:
            return self.tree.static_lookup(camera[0], lidar[0]), False
        except TransformError as error:
            raise BagError(f'{self._where}: no transform from {lidar[0]!r} to {camera[0]!r}: '
                           f'{error}') from error
