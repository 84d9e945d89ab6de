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

"""Bags of ROS 1 and 2 read as one: ROS 2 messages by topic and time, without ROS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
import heapq
from pathlib import Path
from types import TracebackType
from typing import Any

from dseg_ros.bags.discovery import DriveTopics, find_topics
from dseg_ros.bags.records import (
    BagError, DamageError, is_static, Qos, RawRecord, Record, TopicInfo, UndecodableError)
from dseg_ros.bags.salvage import DamagedStorage
from dseg_ros.bags.serialization import Serialization
from dseg_ros.bags.storage import Channel, IndexedStorage, Storage, storage_files

__all__ = ['Bag', 'BagError', 'DamageError', 'DriveTopics', 'find_topics', 'open_bag', 'Qos',
           'RawRecord', 'Record', 'TopicInfo']

TF_MESSAGE = 'tf2_msgs/msg/TFMessage'


class Bag:
    """
    A recording, open for reading; use it as a context manager.

    :param path: a rosbag2 directory (sqlite3 or MCAP, with or without metadata.yaml, split or
        compressed), one .mcap or .db3 file of it, or a ROS 1 .bag file. Of one that was cut off
        everything before the cut is read; `damage` tells why.
    :raises BagError: if there is none or nothing of it can be read.
    """

    def __init__(self, path: Path) -> None:
        """Open all its files."""
        self.path = path
        self.damage: list[str] = []
        self._stack = ExitStack()
        try:
            self._storages = [self._opened(f) for f in storage_files(path, self._stack)]
            self._serialization = Serialization(path, self._storages)
        except BaseException:
            self._stack.close()
            raise
        self.topics = self._summary()
        self.start_ns = min((s.start_ns for s in self._storages), default=0)
        self.stop_ns = max((s.stop_ns for s in self._storages), default=0)

    def _opened(self, file: Path) -> Storage:
        """Open one storage file."""
        storage: Storage
        try:
            storage = IndexedStorage(file)
        except Exception as error:  # noqa: B902  (every storage has errors of its own)
            try:
                storage = DamagedStorage(file, error)
            except BagError:
                raise BagError(f'{self.path}: {file.name} cannot be read: {error}') from error
            self.damage.append(f'{file.name}: {error}')
        self._stack.callback(storage.close)
        return storage

    def _summary(self) -> dict[str, TopicInfo]:
        """Add up the topics of all files."""
        topics: dict[str, TopicInfo] = {}
        for channel in (c for s in self._storages for c in s.channels):
            known = topics.get(channel.topic, TopicInfo(channel.type, 0))
            if known.type != channel.type:
                raise BagError(f'{self.path}: topic {channel.topic!r} is both {known.type} and '
                               f'{channel.type}')
            qos = known.qos + tuple(q for q in channel.qos if q not in known.qos)
            topics[channel.topic] = TopicInfo(known.type, known.count + channel.count, qos)
        return dict(sorted(topics.items()))

    def __enter__(self) -> Bag:
        """Return itself; it is open already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close its files."""
        self._stack.close()

    def messages(self, topics: Collection[str] | None = None, start_ns: int | None = None,
                 stop_ns: int | None = None,
                 broken: Callable[[UndecodableError], None] | None = None) -> Iterator[Record]:
        """
        Read decoded messages by recording time.

        :param topics: which topics; None for all.
        :param start_ns: first recording time [ns].
        :param stop_ns: recording time [ns] to stop before.
        :param broken: told of a message that cannot be decoded, which is left out then.
        :raises BagError: for a topic that is not there or a type without definition.
        :raises UndecodableError: for a message that cannot be decoded, if `broken` is not given.
        :raises DamageError: for damage, after everything before it was yielded.
        """
        for stamp, storage, channel, data in self._merged(topics, start_ns, stop_ns):
            try:
                message = self._serialization.decoded(storage.ros1, channel, data)
            except UndecodableError as error:
                if broken is None:
                    raise
                broken(error)
                continue
            yield Record(channel.topic, channel.type, stamp, message)

    def raw(self, topics: Collection[str] | None = None, start_ns: int | None = None,
            stop_ns: int | None = None) -> Iterator[RawRecord]:
        """Read serialized ROS 2 messages by recording time; otherwise as `messages`."""
        for stamp, storage, channel, data in self._merged(topics, start_ns, stop_ns):
            cdr = self._serialization.cdr(storage.ros1, channel, data)
            yield RawRecord(channel.topic, channel.type, stamp, cdr)

    def static_transforms(self) -> list[Any]:
        """Return every TransformStamped of /tf_static, the last one of each child frame."""
        topics = [name for name, info in self.topics.items()
                  if info.type == TF_MESSAGE and is_static(name)]
        if not topics:
            return []
        transforms = {}
        with suppress(DamageError):  # whoever reads the messages themselves will hear of it
            for record in self.messages(topics):
                transforms.update({t.child_frame_id: t for t in record.message.transforms})
        return list(transforms.values())

    def static_transforms_cdr(self) -> bytes:
        """Return `static_transforms` as one serialized tf2_msgs/TFMessage."""
        return self._serialization.tf_message(self.static_transforms())

    def _merged(self, topics: Collection[str] | None, start_ns: int | None, stop_ns: int | None
                ) -> Iterator[tuple[int, Storage, Channel, bytes]]:
        """Yield the messages of all files by time; files that follow each other are not mixed."""
        if unknown := set(topics or ()) - self.topics.keys():
            raise BagError(f'{self.path}: no topic {sorted(unknown)}, it has {self.listing()}')
        wanted = self.topics.keys() if topics is None else set(topics)
        for group in _overlapping(self._storages):
            streams = [self._stream(s, [c for c in s.channels if c.topic in wanted], start_ns,
                                    stop_ns) for s in group]
            yield from heapq.merge(*streams, key=lambda m: m[0])

    def _stream(self, storage: Storage, channels: Sequence[Channel], start_ns: int | None,
                stop_ns: int | None) -> Iterator[tuple[int, Storage, Channel, bytes]]:
        """Yield one file's messages up to its damage, if there is any."""
        stamp, count = None, 0
        try:
            for stamp, channel, data in storage.messages(channels, start_ns, stop_ns):
                yield stamp, storage, channel, data
                count += 1
        except Exception as error:  # noqa: B902  (zlib, lz4, zstd, sqlite, struct: all damage)
            when = '' if stamp is None else f', at {stamp} ns'
            raise DamageError(f'{self.path}: {storage.path.name} is damaged after {count} '
                              f'messages{when}: {error}') from error

    def listing(self) -> str:
        """Describe its topics for an error."""
        return ', '.join(f'{n} ({i.type}, {i.count})' for n, i in self.topics.items()) or 'none'


def open_bag(path: Path | str) -> Bag:
    """
    Open a recording.

    :param path: see Bag.
    :raises BagError: if there is none or nothing of it can be read.
    """
    return Bag(Path(path))


def _overlapping(storages: Sequence[Storage]) -> Iterator[list[Storage]]:
    """Group files whose recording times overlap, in order of time."""
    group: list[Storage] = []
    stop = 0
    for storage in sorted(storages, key=lambda s: s.start_ns):
        if group and storage.start_ns >= stop:
            yield group
            group = []
        group.append(storage)
        stop = max(stop, storage.stop_ns)
    if group:
        yield group
