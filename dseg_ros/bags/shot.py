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

"""A cloud and what belongs to it, matched but not decoded; knows nothing of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dseg_ros.bags.encodings import image_from_message
from dseg_ros.geometry import check_size
from dseg_ros.types import Camera, Cloud, View
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Shot:
    """
    An image that belongs to a cloud, not decoded yet.

    :param name: the camera's name ('front').
    :param message: sensor_msgs/Image or CompressedImage, as recorded.
    :param camera: calibration of the image.
    :param camera_T_lidar: (4, 4) float64, as in View.
    :param ego_motion_known: as in View.
    """

    name: str
    message: Any
    camera: Camera
    camera_T_lidar: NDArray[np.float64]
    ego_motion_known: bool = True

    def decoded(self) -> View:
        """
        Decode the image.

        :raises MessageError: for an image that cannot be decoded.
        :raises CalibrationError: if its size is not that of its calibration.
        """
        image = image_from_message(self.message)
        height, width = image.rgb.shape[:2]
        check_size(self.camera, width, height, self.name)
        return View(self.name, image, self.camera, self.camera_T_lidar, self.ego_motion_known)


@dataclass(frozen=True, eq=False)
class Paired:
    """
    A cloud with the images that belong to it.

    :param cloud: the sweep, all points at one moment if the motion is known.
    :param shots: its images, one per camera that has one, in the order of the cameras.
    :param position_m: (3,) float64, where the LiDAR was in the fixed frame, None if not known.
    """

    cloud: Cloud
    shots: tuple[Shot, ...]
    position_m: NDArray[np.float64] | None
