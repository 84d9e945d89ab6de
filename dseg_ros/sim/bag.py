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

"""The recipe `dseg sim`: render a drive on several cores and record it as a rosbag2 (MCAP)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
import json
import multiprocessing
import os
from pathlib import Path
import shutil

from dseg_ros.config.schema import as_mapping
from dseg_ros.config.sim import MASK_TOPIC, SimConfig
from dseg_ros.sim.drive import Drive
from dseg_ros.sim.messages import (CAMERA_INFO, COMPRESSED, Entry, IMAGE, Messages, POINTS, TF,
                                   TF_STATIC)
from rosbags.interfaces import (Connection, Qos, QosDurability, QosHistory, QosLiveliness,
                                QosReliability, QosTime)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

Progress = Callable[[int, int], None]
"""Called as (frames done, frames in all)."""
Record = tuple[str, int, bytes]
"""Topic, stamp [ns], serialised message."""
ALONE = 12
"""Up to this many frames a second process costs more than it brings."""

_STORE = get_typestore(Stores.ROS2_JAZZY)
_drive: Drive | None = None
"""The drive of a worker process."""


class SimError(RuntimeError):
    """The drive cannot be recorded; the message says why."""


def simulate(config: SimConfig, out: Path, progress: Progress | None = None) -> Path:
    """
    Record a simulated drive.

    :param config: what to simulate; the bag does not depend on its number of workers.
    :param out: the folder of the bag, which appears when it is complete.
    :returns: out.
    :raises SimError: if out exists.
    """
    out = Path(out)
    if out.exists():
        raise SimError(f'{out} exists already; choose another place or remove it')
    # The bag's file is named after its folder, so the folder keeps its name inside another one.
    partial = out.parent / f'.{out.name}.partial'
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with BagWriter(partial / out.name, Drive(config)) as writer:
            for done, records in enumerate(_rendered(config), start=1):
                writer.write(records)
                if progress is not None:
                    progress(done, config.frames)
        (partial / out.name).rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def _rendered(config: SimConfig) -> Iterator[list[Record]]:
    workers = config.workers or min(4, len(os.sched_getaffinity(0)))
    if workers == 1 or config.frames <= ALONE:
        _start(config)
        yield from map(_frame, range(config.frames))
        return
    # Spawned, not forked: Open3D's threads do not survive a fork.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(workers, context, _start, (config,)) as pool:
        yield from pool.map(_frame, range(config.frames))


def _start(config: SimConfig) -> None:
    global _drive
    _drive = Drive(config)


def _frame(index: int) -> list[Record]:
    assert _drive is not None
    return [_record(entry) for entry in Messages(_STORE.types).frame(_drive.frame(index), _drive)]


def _record(entry: Entry) -> Record:
    kind = entry.message.__msgtype__
    return entry.topic, entry.stamp_ns, bytes(_STORE.serialize_cdr(entry.message, kind))


def _qos(depth: int, latched: bool = False) -> Qos:
    never = QosTime(9223372036, 854775807)
    durability = QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
    return Qos(QosHistory.KEEP_LAST, depth, QosReliability.RELIABLE, durability, never, never,
               QosLiveliness.AUTOMATIC, never, False)


class BagWriter:
    """
    Write records in order of their stamps, odometry in between.

    :param path: the folder of the bag; must not exist.
    """

    TOPICS = {IMAGE: ('sensor_msgs/msg/Image', _qos(5)),
              COMPRESSED: ('sensor_msgs/msg/CompressedImage', _qos(5)),
              CAMERA_INFO: ('sensor_msgs/msg/CameraInfo', _qos(5)),
              POINTS: ('sensor_msgs/msg/PointCloud2', _qos(5)),
              MASK_TOPIC: ('sensor_msgs/msg/Image', _qos(5)),
              TF: ('tf2_msgs/msg/TFMessage', _qos(100)),
              TF_STATIC: ('tf2_msgs/msg/TFMessage', _qos(1, latched=True))}

    def __init__(self, path: Path, drive: Drive) -> None:
        """Describe the bag; it is opened as a context manager."""
        self._writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        options = as_mapping(drive.config)
        del options['workers']
        self._writer.set_custom_data('dseg_sim', json.dumps(options))
        self._connections: dict[str, Connection] = {}
        messages = Messages(_STORE.types)
        self._static = messages.static(drive)
        self._odometry = messages.odometry(drive)
        self._next: Entry | None = next(self._odometry)

    def __enter__(self) -> BagWriter:
        """Open the bag and write what holds for all of it."""
        self._writer.open()
        self._put(_record(self._static))
        return self

    def __exit__(self, *_: object) -> None:
        """Write the rest of the odometry and the index."""
        self._odometry_until(None)
        self._writer.close()

    def write(self, records: list[Record]) -> None:
        """Write a frame, odometry up to it first."""
        for record in records:
            self._odometry_until(record[1])
            self._put(record)

    def _odometry_until(self, stamp_ns: int | None) -> None:
        while self._next is not None and (stamp_ns is None or self._next.stamp_ns <= stamp_ns):
            self._put(_record(self._next))
            self._next = next(self._odometry, None)

    def _put(self, record: Record) -> None:
        topic, stamp_ns, data = record
        if topic not in self._connections:
            kind, qos = self.TOPICS[topic]
            self._connections[topic] = self._writer.add_connection(
                topic, kind, typestore=_STORE, offered_qos_profiles=[qos])
        self._writer.write(self._connections[topic], stamp_ns, data)
