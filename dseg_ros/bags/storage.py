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

"""The storage files of a bag, of ROS 1 and 2, each as channels and a stream of messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
import re
import shutil
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from dseg_ros.bags.records import BagError, Qos
from rosbags.interfaces import Connection, MessageDefinition
from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag2 import Reader as Reader2
import yaml

try:
    from compression import zstd  # type: ignore[import-not-found,unused-ignore]
except ImportError:  # before Python 3.14; rosbags brings it along
    from backports import zstd

ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
SUFFIXES = ('.mcap', '.db3', '.bag')
RENAMED = {'tf/msg/tfMessage': 'tf2_msgs/msg/TFMessage'}
"""Types of ROS 1 that ROS 2 knows by another name."""

LATCHED = (Qos('reliable', 'transient_local', 'keep_last', 1),)


@dataclass(frozen=True)
class Channel:
    """
    One topic within one storage file.

    :param definition: the message definition that the file brings along.
    :param handle: what the storage needs to find it again.
    """

    topic: str
    type: str  # noqa: A003
    count: int
    qos: tuple[Qos, ...]
    definition: MessageDefinition
    handle: Any


class Storage(Protocol):
    """One storage file, open."""

    path: Path
    ros1: bool
    channels: list[Channel]
    start_ns: int
    stop_ns: int

    def messages(self, channels: Sequence[Channel], start_ns: int | None, stop_ns: int | None
                 ) -> Iterator[tuple[int, Channel, bytes]]:
        """Yield recording time, channel and serialized message, by time."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class IndexedStorage:
    """A storage file with a sound index, read by rosbags."""

    def __init__(self, path: Path) -> None:
        """
        Open it.

        :param path: an .mcap, .db3 or .bag file.
        :raises Exception: whatever rosbags raises for a file that it cannot read.
        """
        self.path = path
        self.ros1 = path.suffix == '.bag'
        self._reader: Any = Reader1(path) if self.ros1 else Reader2(path)
        self._reader.open()
        self.channels = [_channel(c) for c in self._reader.connections]
        self.start_ns, self.stop_ns = self._reader.start_time, self._reader.end_time

    def messages(self, channels: Sequence[Channel], start_ns: int | None, stop_ns: int | None
                 ) -> Iterator[tuple[int, Channel, bytes]]:
        """Yield recording time, channel and serialized message, by time."""
        if not channels:
            return
        by_id = {c.handle.id: c for c in channels}
        for connection, stamp, data in self._reader.messages(
                [c.handle for c in channels], start_ns, stop_ns):
            yield stamp, by_id[connection.id], inflated(data)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


def inflated(data: bytes) -> bytes:
    """Decompress a message that was compressed by itself; a serialized one never begins so."""
    return decompress(data) if data[:4] == ZSTD_MAGIC else data


def decompress(data: bytes) -> bytes:
    """Decompress a zstd frame."""
    return bytes(zstd.decompress(data))


def _channel(connection: Connection) -> Channel:
    """Describe a connection of rosbags in our words."""
    qos: tuple[Qos, ...] = tuple(
        Qos(q.reliability.name.lower(), q.durability.name.lower(), q.history.name.lower(), q.depth)
        for q in getattr(connection.ext, 'offered_qos_profiles', ()))
    if getattr(connection.ext, 'latching', None):
        qos = LATCHED
    return Channel(connection.topic, RENAMED.get(connection.msgtype, connection.msgtype),
                   connection.msgcount, qos, connection.msgdef, connection)


def storage_files(path: Path, stack: ExitStack) -> list[Path]:
    """
    Find the storage files of a bag and decompress those that are compressed as a whole.

    :param path: a rosbag2 directory, with or without metadata.yaml, or one storage file.
    :param stack: takes the temporary folder of decompressed files.
    :raises BagError: if there are none, or one that metadata.yaml names is missing.
    """
    if path.is_dir():
        files = _listed(path) or _present(path)
        if not files:
            raise BagError(f'{path}: no bag in it (no metadata.yaml, no file ending in '
                           f'{", ".join(SUFFIXES)})')
    elif path.exists():
        files = [path]
    else:
        raise BagError(f'{path}: does not exist')
    for file in files:
        if not _stem(file).endswith(SUFFIXES):
            raise BagError(f'{file}: not a bag, known are {", ".join(SUFFIXES)}')
    return [_decompressed(f, stack) if f.suffix == '.zstd' else f for f in files]


def _stem(file: Path) -> str:
    """Return a storage file's name without the suffix of its compression."""
    return file.name.removesuffix('.zstd')


def _listed(path: Path) -> list[Path]:
    """Return the files that metadata.yaml lists; none if there is no such file or list."""
    metadata = path / 'metadata.yaml'
    if not metadata.exists():
        return []
    try:
        names = yaml.safe_load(metadata.read_text())['rosbag2_bagfile_information'][
            'relative_file_paths']
        files = [path / Path(str(name)).name for name in names]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        return []  # a recorder that died writes none or half of it; the files speak themselves
    if missing := [f.name for f in files if not f.exists()]:
        raise BagError(f'{path}: metadata.yaml names {missing}, which is not there')
    return files


def _present(path: Path) -> list[Path]:
    """Return the storage files in a folder, bag_2 before bag_10."""
    files = [f for f in path.iterdir() if _stem(f).endswith(SUFFIXES)]
    return sorted(files, key=lambda f: [int(p) if p.isdigit() else p
                                        for p in re.split(r'(\d+)', f.name)])


def _decompressed(file: Path, stack: ExitStack) -> Path:
    """Decompress a storage file into a temporary folder."""
    folder = Path(stack.enter_context(TemporaryDirectory(prefix='dseg_bag_')))
    out = folder / _stem(file)
    try:
        with zstd.open(file, 'rb') as source, out.open('wb') as target:
            shutil.copyfileobj(source, target)
    except (EOFError, zstd.ZstdError) as error:
        if not out.stat().st_size:  # else it is damaged, and read up to there
            raise BagError(f'{file}: {error}') from error
    return out
