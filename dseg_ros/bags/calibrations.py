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

"""Which calibration belongs to an image of a recording."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from dseg_ros.bags.header import stamp_ns
from dseg_ros.bags.messages import camera_from_message
from dseg_ros.types import Camera
import numpy as np

KEPT = 100  # calibrations per camera; each comes with an image that is waited for


class Calibrations:
    """The calibrations of one camera, as they come."""

    def __init__(self) -> None:
        """Start without any."""
        self._stamps_ns: list[int] = []
        self._cameras: list[Camera] = []

    def add(self, message: Any) -> None:
        """
        Take a sensor_msgs/CameraInfo.

        :raises MessageError: for a camera that is not calibrated or cannot be.
        """
        camera = camera_from_message(message)
        place = bisect_right(self._stamps_ns, stamp_ns(message.header))
        if place and _equal(self._cameras[place - 1], camera):
            camera = self._cameras[place - 1]  # the same object: what is derived of it is kept
        self._stamps_ns.insert(place, stamp_ns(message.header))
        self._cameras.insert(place, camera)
        if len(self._cameras) > KEPT:
            del self._stamps_ns[0], self._cameras[0]

    def at(self, stamp_ns: int) -> Camera | None:
        """Return the newest calibration not after a moment, else the first one, if any."""
        place = bisect_right(self._stamps_ns, stamp_ns)
        return self._cameras[max(place - 1, 0)] if self._cameras else None

    def knows(self, stamp_ns: int) -> bool:
        """Tell whether there is a calibration of that moment or a later one."""
        return bool(self._stamps_ns) and self._stamps_ns[-1] >= stamp_ns


def _equal(a: Camera, b: Camera) -> bool:
    return ((a.frame, a.width, a.height, a.model) == (b.frame, b.width, b.height, b.model)
            and np.array_equal(a.intrinsics, b.intrinsics)
            and np.array_equal(a.distortion, b.distortion))
