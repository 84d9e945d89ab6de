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

"""The messages of the simulated drive, built from a type store so that no ROS is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
from dseg_ros.config.sim import MASK_TOPIC, SimConfig
from dseg_ros.sim.drive import Drive, SimFrame
from dseg_ros.types import Camera
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

IMAGE = '/camera/front/image_raw'
COMPRESSED = IMAGE + '/compressed'
CAMERA_INFO = '/camera/front/camera_info'
POINTS = '/lidar/points'
TF, TF_STATIC = '/tf', '/tf_static'
ODOM, BASE, LIDAR = 'odom', 'base_link', 'lidar'
IMAGE_LATENCY_NS, CLOUD_LATENCY_NS = 8_000_000, 3_000_000
"""From the end of a measurement to its recording."""
TF_MARGIN_S = 0.3
"""How far odometry reaches beyond the first and last measurement."""
NS = 1_000_000_000

POINT = np.dtype({
    'names': ['x', 'y', 'z', 'intensity', 'ring', 'time', 'label', 'instance'],
    'formats': ['<f4', '<f4', '<f4', '<f4', '<u2', '<f4', 'u1', '<u2'],
    'offsets': [0, 4, 8, 12, 16, 20, 24, 26], 'itemsize': 28})
"""One point of /lidar/points; time is relative to the header stamp [s]."""
_DATATYPE = {'f4': 7, 'u2': 4, 'u1': 2}


@dataclass(frozen=True)
class Entry:
    """A message on its way into the bag, to be recorded at stamp_ns."""

    topic: str
    stamp_ns: int
    message: Any


class Messages:
    """
    Build the messages of a drive.

    :param types: message classes by name ('sensor_msgs/msg/Image').
    """

    def __init__(self, types: Mapping[str, Any]) -> None:
        """Keep the classes."""
        self._types = types

    def frame(self, frame: SimFrame, drive: Drive) -> list[Entry]:
        """Give image, calibration, mask and cloud of a frame, in order of their recording."""
        header = self._header(frame.image.stamp_ns, frame.image.frame)
        seen = frame.image.stamp_ns + IMAGE_LATENCY_NS
        swept = frame.cloud.stamp_ns + round(NS / drive.config.rate_hz) + CLOUD_LATENCY_NS
        topic, picture = self._picture(frame.image.rgb, drive.config, header)
        entries = [Entry(topic, seen, picture),
                   Entry(CAMERA_INFO, seen, self._camera_info(drive.camera, header)),
                   Entry(MASK_TOPIC, seen, self._image(frame.mask, 'mono8', header)),
                   Entry(POINTS, swept, self._points(frame))]
        return sorted(entries, key=lambda entry: entry.stamp_ns)

    def static(self, drive: Drive) -> Entry:
        """Give /tf_static: where LiDAR and camera are mounted."""
        stamp = drive.stamp_ns(-TF_MARGIN_S)
        message = self._types['tf2_msgs/msg/TFMessage']([
            self._transform(BASE, LIDAR, stamp, drive.base_T_lidar),
            self._transform(BASE, drive.camera.frame, stamp, drive.base_T_camera)])
        return Entry(TF_STATIC, stamp, message)

    def odometry(self, drive: Drive) -> Iterator[Entry]:
        """Give /tf from before the first measurement to after the last one."""
        stop_s = drive.sweep_s(drive.config.frames) + TF_MARGIN_S
        count = int(np.ceil((stop_s + TF_MARGIN_S) * drive.config.tf_rate_hz)) + 1
        for i in range(count):
            t_s = -TF_MARGIN_S + i / drive.config.tf_rate_hz
            stamp = drive.stamp_ns(t_s)
            yield Entry(TF, stamp, self._types['tf2_msgs/msg/TFMessage'](
                [self._transform(ODOM, BASE, stamp, drive.odom_T_base(t_s))]))

    def _header(self, stamp_ns: int, frame: str) -> Any:
        stamp = self._types['builtin_interfaces/msg/Time'](stamp_ns // NS, stamp_ns % NS)
        return self._types['std_msgs/msg/Header'](stamp, frame)

    def _picture(self, rgb: NDArray[np.uint8], config: SimConfig, header: Any) -> tuple[str, Any]:
        bgr = np.ascontiguousarray(rgb[..., ::-1])
        if config.image_format == 'raw':
            return IMAGE, self._image(bgr, 'bgr8', header)
        _, jpeg = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, config.jpeg_quality])
        return COMPRESSED, self._types['sensor_msgs/msg/CompressedImage'](
            header, 'bgr8; jpeg compressed bgr8', jpeg.reshape(-1))

    def _image(self, array: NDArray[np.uint8], encoding: str, header: Any) -> Any:
        height, width = array.shape[:2]
        return self._types['sensor_msgs/msg/Image'](
            header, height, width, encoding, 0, array.nbytes // height,
            np.ascontiguousarray(array).reshape(-1))

    def _camera_info(self, camera: Camera, header: Any) -> Any:
        k = camera.intrinsics
        projection = np.concatenate([k, np.zeros((3, 1))], axis=1)
        roi = self._types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
        return self._types['sensor_msgs/msg/CameraInfo'](
            header, camera.height, camera.width, camera.model, camera.distortion, k.reshape(-1),
            np.eye(3).reshape(-1), projection.reshape(-1), 0, 0, roi)

    def _points(self, frame: SimFrame) -> Any:
        cloud = frame.cloud
        points = np.zeros(len(cloud), POINT)
        for name, array in (('x', cloud.x), ('y', cloud.y), ('z', cloud.z),
                            ('intensity', cloud.intensity), ('ring', cloud.ring),
                            ('time', cloud.time_s), ('label', cloud.label),
                            ('instance', frame.instance)):
            points[name] = array
        fields = [self._types['sensor_msgs/msg/PointField'](
            name, kind[1], _DATATYPE[kind[0].str[1:]], 1)
            for name, kind in (POINT.fields or {}).items()]
        return self._types['sensor_msgs/msg/PointCloud2'](
            self._header(cloud.stamp_ns, cloud.frame), 1, len(cloud), fields, False,
            POINT.itemsize, POINT.itemsize * len(cloud), points.view(np.uint8), True)

    def _transform(self, parent: str, child: str, stamp_ns: int,
                   pose: NDArray[np.float64]) -> Any:
        x, y, z, w = (float(q) for q in Rotation.from_matrix(pose[:3, :3]).as_quat())
        vector = self._types['geometry_msgs/msg/Vector3'](*(float(p) for p in pose[:3, 3]))
        rotation = self._types['geometry_msgs/msg/Quaternion'](x, y, z, w)
        return self._types['geometry_msgs/msg/TransformStamped'](
            self._header(stamp_ns, parent), child,
            self._types['geometry_msgs/msg/Transform'](vector, rotation))
