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

"""Watches what the nodes publish, for the demonstration and for tests."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from types import TracebackType
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from dseg_ros.bags.header import stamp_ns
from dseg_ros.config.nodes import InputsConfig
from dseg_ros.config.player import ARROW
from dseg_ros.nodes.clouds import CLUSTERS
from dseg_ros.nodes.inputs import image_kind, POINTS
import numpy as np
from numpy.typing import NDArray
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
from vision_msgs.msg import Detection3DArray, LabelInfo
from visualization_msgs.msg import MarkerArray

DEEP = QoSProfile(depth=50)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
NAME = 'monitor'


@dataclass
class Watched:
    """
    What was published, by header stamp [ns]; images by (camera, stamp).

    :param sent_ns: when the sensors' messages were published, by the machine's clock.
    :param answered_ns: when the answers arrived here.
    :param boxes: (M, 7) float64: centre, size [m], yaw [rad].
    :param clusters: (N,) nodes.clouds.CLUSTERS.
    :param overlays: as JPEG files.
    """

    clouds_sent_ns: dict[int, int] = field(default_factory=dict)
    images_sent_ns: dict[tuple[str, int], int] = field(default_factory=dict)
    objects_answered_ns: dict[int, int] = field(default_factory=dict)
    masks_answered_ns: dict[tuple[str, int], int] = field(default_factory=dict)
    boxes: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    masks: dict[tuple[str, int], NDArray[np.uint8]] = field(default_factory=dict)
    overlays: dict[tuple[str, int], bytes] = field(default_factory=dict)
    clusters: dict[int, NDArray[np.void]] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    received: Counter[str] = field(default_factory=Counter)
    diagnostics: dict[str, dict[str, str]] = field(default_factory=dict)


class Seen:
    """Publishes the header of an input once all of its results were heard here."""

    def __init__(self, node: Node, topic: str, parts: int) -> None:
        """
        Advertise.

        :param node: who publishes.
        :param topic: where.
        :param parts: how many different results an input has.
        """
        self._publisher = node.create_publisher(Header, topic, DEEP)
        self._wanted = parts
        self._heard: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, part: str, header: Header) -> None:
        """Note a result; one that comes again is acknowledged again."""
        heard = self._heard[stamp_ns(header)]
        heard.add(part)
        if len(heard) == self._wanted:
            self._publisher.publish(header)


class Monitor(Node):
    """Listens to sensors and results, and keeps and acknowledges what it hears."""

    def __init__(self, inputs: InputsConfig, context: Context) -> None:
        """
        Subscribe.

        :param inputs: as the nodes have them.
        :param context: of rclpy.
        """
        super().__init__(NAME, context=context)
        self.watched = Watched()
        self._cloud_seen = Seen(self, cloud_seen(), 2)
        self._image_seen = {c: Seen(self, image_seen(c), 2) for c in inputs.cameras}
        self._hear(POINTS.message, inputs.points, self._on_cloud_sent)
        self._hear(Detection3DArray, 'proposals/objects', self._on_objects)
        self._hear(PointCloud2, 'proposals/points_clusters', self._on_clusters)
        self._hear(MarkerArray, 'proposals/markers', partial(self._count, 'markers'))
        self._hear(PointCloud2, 'segmentation/points_semantic',
                   partial(self._count, 'points_semantic'))
        for camera in inputs.cameras:
            topic = inputs.image_topic(camera)
            results = inputs.outputs(camera).replace('~', 'segmentation')
            self._hear(image_kind(topic).message, topic, partial(self._on_image_sent, camera))
            self._hear(Image, results + 'mask', partial(self._on_mask, camera))
            self._hear(Image, results + 'overlay', partial(self._on_overlay, camera))
            self.create_subscription(LabelInfo, results + 'label_info', self._on_labels, LATCHED)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, DEEP)

    def _hear(self, kind: type[Any], topic: str,
              listener: Callable[[Any, Mapping[str, int]], None]) -> None:
        self.create_subscription(kind, topic, listener, DEEP)  # two arguments: with its times

    def _count(self, name: str, message: Any, info: Mapping[str, int]) -> None:
        self.watched.received[name] += 1

    def _on_cloud_sent(self, message: Any, info: Mapping[str, int]) -> None:
        self.watched.clouds_sent_ns.setdefault(stamp_ns(message.header), info['source_timestamp'])

    def _on_image_sent(self, camera: str, message: Any, info: Mapping[str, int]) -> None:
        key = camera, stamp_ns(message.header)
        self.watched.images_sent_ns.setdefault(key, info['source_timestamp'])

    def _on_objects(self, message: Any, info: Mapping[str, int]) -> None:
        stamp = stamp_ns(message.header)
        self.watched.objects_answered_ns[stamp] = info['received_timestamp']
        self.watched.boxes[stamp] = np.array([_box(d.bbox) for d in message.detections],
                                             np.float64).reshape(-1, 7)
        self._cloud_seen.add('objects', message.header)

    def _on_clusters(self, message: Any, info: Mapping[str, int]) -> None:
        self.watched.received['points_clusters'] += 1
        points = np.frombuffer(message.data, CLUSTERS).copy()
        self.watched.clusters[stamp_ns(message.header)] = points
        self._cloud_seen.add('clusters', message.header)

    def _on_mask(self, camera: str, message: Any, info: Mapping[str, int]) -> None:
        key = camera, stamp_ns(message.header)
        self.watched.masks_answered_ns[key] = info['received_timestamp']
        pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
        self.watched.masks[key] = pixels[:, :message.width].copy()
        self._image_seen[camera].add('mask', message.header)

    def _on_overlay(self, camera: str, message: Any, info: Mapping[str, int]) -> None:
        self.watched.received[f'overlay {camera}'] += 1
        rgb = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        _, file = cv2.imencode('.jpg', rgb[:, :, ::-1])
        self.watched.overlays[camera, stamp_ns(message.header)] = file.tobytes()
        self._image_seen[camera].add('overlay', message.header)

    def _on_labels(self, message: LabelInfo) -> None:
        self.watched.class_names = tuple(c.class_name for c in message.class_map)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.watched.diagnostics[status.name] = {v.key: v.value for v in status.values}


def cloud_seen() -> str:
    """Name the topic that tells which clouds' results were heard."""
    return f'/{NAME}/cloud_seen'


def image_seen(camera: str) -> str:
    """Name the topic that tells which images' results were heard."""
    return f'/{NAME}/{camera}/image_seen'


def answers(inputs: InputsConfig) -> str:
    """
    Say what a player in lock step has to wait for so that the monitor misses nothing.

    DDS may need seconds to make a late pair of publisher and subscriber known to each other, and
    what is published until then is lost to the subscriber.

    :param inputs: as the nodes have them.
    :returns: the launch argument bag_lock_step_results.
    """
    pairs = [(inputs.points, cloud_seen())]
    pairs += [(inputs.image_topic(c), image_seen(c)) for c in inputs.cameras]
    return ','.join(f'{source} {ARROW} {topic}' for source, topic in pairs)


def _box(box: Any) -> tuple[float, ...]:
    centre, size, turn = box.center.position, box.size, box.center.orientation
    return (centre.x, centre.y, centre.z, size.x, size.y, size.z,
            2.0 * float(np.arctan2(turn.z, turn.w)))


class Watch:
    """Runs a monitor in a thread while its context is entered."""

    def __init__(self, inputs: InputsConfig) -> None:
        """Prepare; see Monitor."""
        self._inputs = inputs

    def __enter__(self) -> Watched:
        """Begin; returns what fills up."""
        self._context = Context()
        rclpy.init(context=self._context)
        self._node = Monitor(self._inputs, self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = Thread(target=self._spin, daemon=True)
        self._thread.start()
        return self._node.watched

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End."""
        self._context.try_shutdown()
        self._thread.join(5.0)

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass
