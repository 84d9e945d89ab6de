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

"""Tiny bags in every format, written by rosbags, and the messages in them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability
from rosbags.interfaces import QosTime
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000
ROS2 = get_typestore(Stores.ROS2_JAZZY)
ROS1 = get_typestore(Stores.ROS1_NOETIC)
ROS1.register(get_types_from_msg('geometry_msgs/TransformStamped[] transforms',
                                 'tf2_msgs/msg/TFMessage'))

ROS2_FORMATS: dict[str, tuple[StoragePlugin, CompressionMode]] = {
    f'{plugin.name.lower()}-{mode.name.lower()}': (plugin, mode)
    for plugin in StoragePlugin for mode in CompressionMode
    if (plugin, mode) != (StoragePlugin.SQLITE3, CompressionMode.STORAGE)}
ROS1_FORMATS = {'ros1-none': None, 'ros1-bz2': Writer1.CompressionFormat.BZ2,
                'ros1-lz4': Writer1.CompressionFormat.LZ4}
FORMATS = [*ROS2_FORMATS, *ROS1_FORMATS]


def of(store: Any, kind: str, **values: Any) -> Any:
    """Make a message of a type store; a ROS 1 header gets its counter."""
    if kind == 'std_msgs/msg/Header' and store is ROS1:
        values['seq'] = 0
    return store.types[kind](**values)


def header(store: Any, stamp_ns: int, frame: str) -> Any:
    """Make a header."""
    time = of(store, 'builtin_interfaces/msg/Time', sec=stamp_ns // 10**9,
              nanosec=stamp_ns % 10**9)
    return of(store, 'std_msgs/msg/Header', stamp=time, frame_id=frame)


def cloud(store: Any, stamp_ns: int, points: Any) -> Any:
    """Make an x, y, z, intensity cloud of (N, 4) points."""
    data = np.ascontiguousarray(points, np.float32)
    fields = [of(store, 'sensor_msgs/msg/PointField', name=n, offset=4 * i, datatype=7, count=1)
              for i, n in enumerate(('x', 'y', 'z', 'intensity'))]
    return of(store, 'sensor_msgs/msg/PointCloud2', header=header(store, stamp_ns, 'lidar'),
              height=1, width=len(data), fields=fields, is_bigendian=False, point_step=16,
              row_step=data.nbytes, data=data.reshape(-1).view(np.uint8), is_dense=True)


def image(store: Any, stamp_ns: int, value: int) -> Any:
    """Make a bgr8 image of 8 x 6 px, all of one blue."""
    data = np.zeros((6, 8, 3), np.uint8)
    data[..., 0] = value % 256
    return of(store, 'sensor_msgs/msg/Image', header=header(store, stamp_ns, 'camera_optical'),
              height=6, width=8, encoding='bgr8', is_bigendian=0, step=24, data=data.reshape(-1))


def camera_info(store: Any, stamp_ns: int) -> Any:
    """Make the calibration of `image`."""
    names = ('D', 'K', 'R', 'P') if store is ROS1 else ('d', 'k', 'r', 'p')
    k = np.array([5.0, 0, 4, 0, 5, 3, 0, 0, 1])
    arrays = dict(zip(names, (np.zeros(5), k, np.eye(3).reshape(-1), np.zeros(12))))
    roi = of(store, 'sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=0, width=0,
             do_rectify=False)
    return of(store, 'sensor_msgs/msg/CameraInfo', height=6, width=8,
              header=header(store, stamp_ns, 'camera_optical'), distortion_model='plumb_bob',
              binning_x=0, binning_y=0, roi=roi, **arrays)


def tf(store: Any, stamp_ns: int, parent: str, child: str, x: float) -> Any:
    """Make a tf message with one translation."""
    move = of(store, 'geometry_msgs/msg/Transform',
              translation=of(store, 'geometry_msgs/msg/Vector3', x=x, y=0.0, z=0.0),
              rotation=of(store, 'geometry_msgs/msg/Quaternion', x=0.0, y=0.0, z=0.0, w=1.0))
    stamped = of(store, 'geometry_msgs/msg/TransformStamped',
                 header=header(store, stamp_ns, parent), child_frame_id=child, transform=move)
    return of(store, 'tf2_msgs/msg/TFMessage', transforms=[stamped])


def drive(store: Any, frames: int, start_ns: int = START_NS) -> list[tuple[str, str, int, Any]]:
    """Make a drive as (topic, type, recording time, message) by time."""
    rows: list[tuple[str, str, int, Any]] = [
        ('/tf_static', 'tf2_msgs/msg/TFMessage', start_ns,
         tf(store, start_ns, 'base', 'lidar', 1)),
        ('/tf_static', 'tf2_msgs/msg/TFMessage', start_ns,
         tf(store, start_ns, 'base', 'camera_optical', 2))]
    for i in range(frames):
        now = start_ns + i * STEP_NS
        points = np.arange(4 * (i + 1)).reshape(-1, 4)
        rows += [('/cam/image_raw', 'sensor_msgs/msg/Image', now, image(store, now, i)),
                 ('/cam/camera_info', 'sensor_msgs/msg/CameraInfo', now, camera_info(store, now)),
                 ('/lidar/points', 'sensor_msgs/msg/PointCloud2', now + 1,
                  cloud(store, now, points)),
                 ('/tf', 'tf2_msgs/msg/TFMessage', now + 2, tf(store, now, 'odom', 'base', i))]
    return rows


def qos(reliable: bool, depth: int) -> Qos:
    """Make a recorded quality of service."""
    never = QosTime(2147483647, 4294967295)
    return Qos(QosHistory.KEEP_LAST, depth,
               QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
               QosDurability.VOLATILE, never, never, QosLiveliness.AUTOMATIC, never, False)


def write_ros2(path: Path, rows: list[tuple[str, str, int, Any]], kind: str = 'mcap-none',
               profiles: dict[str, Qos] | None = None, halves: Collection[int] = ()) -> Path:
    """Write a rosbag2 directory; of some messages, by their place, the first half alone."""
    plugin, mode = ROS2_FORMATS[kind]
    writer = Writer2(path, version=9, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connections: dict[str, Any] = {}
        for i, (topic, msgtype, stamp, message) in enumerate(rows):
            if topic not in connections:
                offered = [profiles[topic]] if profiles and topic in profiles else []
                connections[topic] = writer.add_connection(
                    topic, msgtype, typestore=ROS2, offered_qos_profiles=offered)
            cdr = ROS2.serialize_cdr(message, msgtype)
            writer.write(connections[topic], stamp, cdr[:len(cdr) // 2] if i in halves else cdr)
    return path


def write_ros1(path: Path, rows: list[tuple[str, str, int, Any]], kind: str = 'ros1-none') -> Path:
    """Write a ROS 1 bag of messages of ROS 1."""
    writer = Writer1(path)
    if compression := ROS1_FORMATS[kind]:
        writer.set_compression(compression)
    with writer:
        connections: dict[str, Any] = {}
        for topic, msgtype, stamp, message in rows:
            if topic not in connections:
                connections[topic] = writer.add_connection(
                    topic, msgtype, typestore=ROS1, latching=int(topic == '/tf_static'))
            writer.write(connections[topic], stamp, ROS1.serialize_ros1(message, msgtype))
    return path
