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

"""
ROS messages to the values that stages exchange: one code for rclpy and for rosbags messages.

Messages are duck-typed, so this needs neither ROS nor rosbags. Images are in `encodings`.
"""

from __future__ import annotations

from typing import Any

from dseg_ros.bags.header import MessageError, NANO, stamp_ns
from dseg_ros.bags.pointcloud2 import cloud_from_message
from dseg_ros.geometry import from_quaternion
from dseg_ros.types import Camera, DISTORTION_MODELS
import numpy as np
from numpy.typing import NDArray

__all__ = ['camera_from_message', 'cloud_from_message', 'MessageError', 'NANO', 'stamp_ns',
           'transform_from_message']

MODEL_NAMES = {'': 'plumb_bob', 'none': 'plumb_bob', 'pinhole': 'plumb_bob',
               'radtan': 'plumb_bob', 'rational': 'rational_polynomial',
               'fisheye': 'equidistant', 'kannala_brandt4': 'equidistant'}
"""Names that drivers write for the models which sensor_msgs names otherwise."""


def camera_from_message(msg: Any) -> Camera:
    """
    Read a sensor_msgs/CameraInfo, of ROS 1 or 2.

    Binning and region of interest are folded into the intrinsics, which then belong to the image
    as it is published.

    :param msg: the message, of rclpy or of rosbags.
    :raises MessageError: for a camera that is not calibrated or cannot be.
    """
    frame = str(msg.header.frame_id)
    intrinsics = _floats(msg, 'k').reshape(3, 3)
    if not intrinsics.any():
        raise MessageError(f'camera_info of {frame!r}: K is all zero; is it calibrated?')
    distortion = _floats(msg, 'd')
    model = MODEL_NAMES.get(str(msg.distortion_model), str(msg.distortion_model))
    if model == 'plumb_bob' and len(distortion) in DISTORTION_MODELS['rational_polynomial']:
        model = 'rational_polynomial'  # what some drivers call plumb_bob all the same
    if not distortion.any():
        distortion = np.zeros(DISTORTION_MODELS.get(model, (0,))[0])
    intrinsics, width, height = _cropped(msg, intrinsics)
    try:
        return Camera(frame, width, height, intrinsics, distortion, model)
    except ValueError as error:
        raise MessageError(f'camera_info of {frame!r}: {error}') from error


def transform_from_message(msg: Any) -> NDArray[np.float64]:
    """
    Read a geometry_msgs/TransformStamped.

    :param msg: the message, of rclpy or of rosbags.
    :returns: (4, 4) float64, parent_T_child: header.frame_id from child_frame_id.
    :raises MessageError: for values that are not finite or a rotation of norm zero.
    """
    t, q = msg.transform.translation, msg.transform.rotation
    try:
        return from_quaternion((t.x, t.y, t.z), (q.x, q.y, q.z, q.w))
    except ValueError as error:
        raise MessageError(f'transform of {msg.child_frame_id!r} in {msg.header.frame_id!r}: '
                           f'{error}') from error


def _floats(msg: Any, name: str) -> NDArray[np.float64]:
    """Return a calibration array, whose name is upper case in ROS 1."""
    values = getattr(msg, name) if hasattr(msg, name) else getattr(msg, name.upper())
    return np.array(values, np.float64)


def _cropped(msg: Any, intrinsics: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, int]:
    """Apply region of interest, then binning; zeros mean none (sensor_msgs/CameraInfo)."""
    roi = msg.roi
    width, height = int(roi.width) or int(msg.width), int(roi.height) or int(msg.height)
    bin_x, bin_y = max(int(msg.binning_x), 1), max(int(msg.binning_y), 1)
    shift = np.array([[1.0, 0, -float(roi.x_offset)], [0, 1, -float(roi.y_offset)], [0, 0, 1]])
    scale = np.diag([1.0 / bin_x, 1.0 / bin_y, 1.0])
    return scale @ shift @ intrinsics, width // bin_x, height // bin_y
