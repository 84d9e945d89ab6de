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

"""The simulated drive as a rosbag2 (MCAP)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import (Connection, Qos, QosDurability, QosHistory, QosLiveliness,
                                QosReliability, QosTime)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores
from scipy.spatial.transform import Rotation

from dseg_ros.config.schema import as_mapping
from dseg_ros.sim.drive import Drive, SimFrame
from dseg_ros.types import Camera

IMAGE = '/camera/front/image_raw'
COMPRESSED = IMAGE + '/compressed'
CAMERA_INFO = '/camera/front/camera_info'
POINTS = '/lidar/points'
MASK = '/sim/mask'
TF, TF_STATIC = '/tf', '/tf_static'
ODOM, BASE = 'odom', 'base_link'
IMAGE_LATENCY_NS, CLOUD_LATENCY_NS = 8_000_000, 3_000_000
"""From the end of a measurement to its recording."""
TF_MARGIN_S = 0.3
"""How far odometry reaches beyond the first and last measurement."""
NS = 1_000_000_000

_STORE = get_typestore(Stores.ROS2_JAZZY)
_T: Any = _STORE.types
POINT = np.dtype({
    'names': ['x', 'y', 'z', 'intensity', 'ring', 'time', 'label', 'instance'],
    'formats': ['<f4', '<f4', '<f4', '<f4', '<u2', '<f4', 'u1', '<u2'],
    'offsets': [0, 4, 8, 12, 16, 20, 24, 26], 'itemsize': 28})
"""One point of /lidar/points; time is relative to the header stamp [s]."""
_DATATYPE = {'f4': 7, 'u2': 4, 'u1': 2}


@dataclass(frozen=True)
class Entry:
    """A serialised message on its way into the bag."""

    topic: str
    stamp_ns: int
    data: bytes


def _header(stamp_ns: int, frame: str) -> Any:
    stamp = _T['builtin_interfaces/msg/Time'](stamp_ns // NS, stamp_ns % NS)
    return _T['std_msgs/msg/Header'](stamp, frame)


def _entry(topic: str, stamp_ns: int, message: Any) -> Entry:
    return Entry(topic, stamp_ns, bytes(_STORE.serialize_cdr(message, message.__msgtype__)))


def _image_message(array: NDArray[np.uint8], encoding: str, header: Any) -> Any:
    height, width = array.shape[:2]
    return _T['sensor_msgs/msg/Image'](header, height, width, encoding, 0, array.nbytes // height,
                                       np.ascontiguousarray(array).reshape(-1))


def _camera_info(camera: Camera, header: Any) -> Any:
    k = camera.intrinsics
    projection = np.concatenate([k, np.zeros((3, 1))], axis=1)
    roi = _T['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    return _T['sensor_msgs/msg/CameraInfo'](
        header, camera.height, camera.width, camera.model, camera.distortion, k.reshape(-1),
        np.eye(3).reshape(-1), projection.reshape(-1), 0, 0, roi)


def _cloud_message(frame: SimFrame) -> Any:
    cloud = frame.cloud
    points = np.zeros(len(cloud), POINT)
    for name, array in (('x', cloud.x), ('y', cloud.y), ('z', cloud.z),
                        ('intensity', cloud.intensity), ('ring', cloud.ring),
                        ('time', cloud.time_s), ('label', cloud.label),
                        ('instance', frame.instance)):
        points[name] = array
    fields = [_T['sensor_msgs/msg/PointField'](name, kind[1], _DATATYPE[kind[0].str[1:]], 1)
              for name, kind in (POINT.fields or {}).items()]
    return _T['sensor_msgs/msg/PointCloud2'](
        _header(cloud.stamp_ns, cloud.frame), 1, len(cloud), fields, False, POINT.itemsize,
        POINT.itemsize * len(cloud), points.view(np.uint8), True)


def frame_entries(frame: SimFrame, drive: Drive) -> list[Entry]:
    """Serialise a frame: image, calibration, mask and cloud, in order of their recording."""
    config, image = drive.config, frame.image
    header = _header(image.stamp_ns, image.frame)
    bgr = np.ascontiguousarray(image.rgb[..., ::-1])
    if config.image_format == 'raw':
        picture = (IMAGE, _image_message(bgr, 'bgr8', header))
    else:
        _, jpeg = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, config.jpeg_quality])
        picture = (COMPRESSED, _T['sensor_msgs/msg/CompressedImage'](header, 'bgr8; jpeg compressed '
                                                                     'bgr8', jpeg.reshape(-1)))
    seen = image.stamp_ns + IMAGE_LATENCY_NS
    swept = frame.cloud.stamp_ns + round(NS / config.rate_hz) + CLOUD_LATENCY_NS
    entries = [_entry(picture[0], seen, picture[1]),
               _entry(CAMERA_INFO, seen, _camera_info(drive.camera, header)),
               _entry(MASK, seen, _image_message(frame.mask, 'mono8', header)),
               _entry(POINTS, swept, _cloud_message(frame))]
    return sorted(entries, key=lambda entry: entry.stamp_ns)


def _transform(parent: str, child: str, stamp_ns: int, pose: NDArray[np.float64]) -> Any:
    x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat()
    return _T['geometry_msgs/msg/TransformStamped'](
        _header(stamp_ns, parent), child, _T['geometry_msgs/msg/Transform'](
            _T['geometry_msgs/msg/Vector3'](*map(float, pose[:3, 3])),
            _T['geometry_msgs/msg/Quaternion'](float(x), float(y), float(z), float(w))))


def static_entry(drive: Drive) -> Entry:
    """Serialise /tf_static: where LiDAR and camera are mounted."""
    stamp = drive.stamp_ns(-TF_MARGIN_S)
    message = _T['tf2_msgs/msg/TFMessage']([
        _transform(BASE, 'lidar', stamp, drive.base_T_lidar),
        _transform(BASE, drive.camera.frame, stamp, drive.base_T_camera)])
    return _entry(TF_STATIC, stamp, message)


def odometry_entries(drive: Drive) -> Iterator[Entry]:
    """Serialise /tf: odometry from before the first measurement to after the last one."""
    stop_s = drive.sweep_s(drive.config.frames) + TF_MARGIN_S
    count = int(np.ceil((stop_s + TF_MARGIN_S) * drive.config.tf_rate_hz)) + 1
    for i in range(count):
        t_s = -TF_MARGIN_S + i / drive.config.tf_rate_hz
        stamp = drive.stamp_ns(t_s)
        yield _entry(TF, stamp, _T['tf2_msgs/msg/TFMessage'](
            [_transform(ODOM, BASE, stamp, drive.odom_T_base(t_s))]))


def _qos(depth: int, latched: bool = False) -> Qos:
    never = QosTime(9223372036, 854775807)
    durability = QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
    return Qos(QosHistory.KEEP_LAST, depth, QosReliability.RELIABLE, durability, never, never,
               QosLiveliness.AUTOMATIC, never, False)


class BagWriter:
    """
    Write entries in order of their stamps.

    :param path: the folder of the bag; must not exist.
    """

    TOPICS = {IMAGE: ('sensor_msgs/msg/Image', _qos(5)),
              COMPRESSED: ('sensor_msgs/msg/CompressedImage', _qos(5)),
              CAMERA_INFO: ('sensor_msgs/msg/CameraInfo', _qos(5)),
              POINTS: ('sensor_msgs/msg/PointCloud2', _qos(5)),
              MASK: ('sensor_msgs/msg/Image', _qos(5)),
              TF: ('tf2_msgs/msg/TFMessage', _qos(100)),
              TF_STATIC: ('tf2_msgs/msg/TFMessage', _qos(1, latched=True))}

    def __init__(self, path: Path, drive: Drive) -> None:
        """Open the bag and write what comes before the first frame."""
        self._writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_custom_data('dseg_sim', json.dumps(as_mapping(drive.config)))
        self._connections: dict[str, Connection] = {}
        self._odometry = odometry_entries(drive)
        self._next: Entry | None = None
        self._writer.open()
        self._put(static_entry(drive))
        self._next = next(self._odometry)

    def write(self, entries: list[Entry]) -> None:
        """Write a frame, odometry up to it first."""
        for entry in entries:
            self._odometry_until(entry.stamp_ns)
            self._put(entry)

    def close(self) -> None:
        """Write the rest of the odometry and the index."""
        self._odometry_until(None)
        self._writer.close()

    def _odometry_until(self, stamp_ns: int | None) -> None:
        while self._next is not None and (stamp_ns is None or self._next.stamp_ns <= stamp_ns):
            self._put(self._next)
            self._next = next(self._odometry, None)

    def _put(self, entry: Entry) -> None:
        if entry.topic not in self._connections:
            kind, qos = self.TOPICS[entry.topic]
            self._connections[entry.topic] = self._writer.add_connection(
                entry.topic, kind, typestore=_STORE, offered_qos_profiles=[qos])
        self._writer.write(self._connections[entry.topic], entry.stamp_ns, entry.data)
