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
What can still be read of a storage file whose index is gone: it was cut off, or never finished.

The file is scanned from its beginning, twice: for its topics when it is opened, for its messages
when they are wanted. Written from the format descriptions: MCAP (mcap.dev/spec), ROS bag 2.0
(wiki.ros.org/Bags/Format/2.0) and the tables of rosbag2's sqlite3 storage.
"""

from __future__ import annotations

import bz2
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
import sqlite3
import struct
from typing import BinaryIO

from dseg_ros.bags.records import BagError
from dseg_ros.bags.storage import Channel, decompress, inflated, RENAMED
import lz4.frame
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

Found = tuple[int, int, bytes]
"""Recording time [ns], key of the channel, message."""

MCAP_MAGIC = b'\x89MCAP0\r\n'
BAG_MAGIC = b'#ROSBAG V2.0\n'
DEFINITIONS = {'ros2msg': MessageDefinitionFormat.MSG, 'ros2idl': MessageDefinitionFormat.IDL}
UNKNOWN = MessageDefinition(MessageDefinitionFormat.NONE, '')
DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    '': bytes, 'none': bytes, 'zstd': decompress,
    'lz4': lambda d: bytes(lz4.frame.decompress(d)), 'bz2': bz2.decompress}


class Cut(Exception):
    """The file ends in the middle of a record."""


class DamagedStorage:
    """
    A storage file without index; `messages` raises `reason` after the last one that is whole.

    :param path: an .mcap, .db3 or .bag file.
    :param reason: why it could not be read properly.
    :raises BagError: if not a single message of it can be read.
    """

    def __init__(self, path: Path, reason: Exception) -> None:
        """Scan it for its topics."""
        self.path = path
        self.reason = reason
        self.ros1 = path.suffix == '.bag'
        self._scan: Callable[[Path, dict[int, Channel]], Iterator[Found]] = {
            '.bag': scan_bag, '.mcap': scan_mcap, '.db3': scan_sqlite}[path.suffix]
        found: dict[int, Channel] = {}
        counts: Counter[int] = Counter()
        stamps: list[int] = []
        for stamp, key, _ in self._whole(found):
            counts[key] += 1
            stamps = [min([stamp, *stamps[:1]]), max([stamp, *stamps[1:]])]
        if not stamps:
            raise BagError(f'{path}: {reason}')
        self.start_ns, self.stop_ns = stamps[0], stamps[1] + 1
        self.channels = [Channel(c.topic, c.type, counts[k], c.qos, c.definition, c.handle)
                         for k, c in found.items()]

    def messages(self, channels: Sequence[Channel], start_ns: int | None, stop_ns: int | None
                 ) -> Iterator[tuple[int, Channel, bytes]]:
        """Yield recording time, channel and message in the file's order, then raise."""
        by_key = {c.handle.key: c for c in channels}
        for stamp, key, data in self._whole({}):
            if key in by_key and (start_ns or 0) <= stamp and (stop_ns is None or stamp < stop_ns):
                yield stamp, by_key[key], inflated(data)
        raise self.reason

    def _whole(self, found: dict[int, Channel]) -> Iterator[Found]:
        """Scan up to where it is broken."""
        try:
            yield from self._scan(self.path, found)
        except Exception:  # noqa: B902  (decoders of broken data raise anything)
            return

    def close(self) -> None:
        """Do nothing; it is open only while it is scanned."""


class Handle:
    """What tells one channel of a damaged file from another."""

    def __init__(self, key: int, msgtype: str) -> None:
        """Note its key in the file and its type as written there."""
        self.key = key
        self.msgtype = msgtype


def _channel(key: int, topic: str, kind: str, definition: MessageDefinition) -> Channel:
    return Channel(topic, RENAMED.get(kind, kind), 0, (), definition, Handle(key, kind))


def scan_mcap(path: Path, found: dict[int, Channel]) -> Iterator[Found]:
    """Yield the messages of an MCAP file; note its channels in `found`."""
    schemas: dict[int, tuple[str, MessageDefinition]] = {}
    with path.open('rb') as file:
        _take(file, len(MCAP_MAGIC))
        for operation, body in _mcap_records(file):
            if operation == 6:  # a chunk: its own records, by time
                inner = _mcap_chunk(body)
                yield from sorted((m for o, b in inner for m in _mcap_note(o, b, schemas, found)),
                                  key=lambda m: m[0])
            else:
                yield from _mcap_note(operation, body, schemas, found)


def _mcap_records(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    while head := file.read(1):
        operation = head[0]
        yield operation, _take(file, *struct.unpack('<Q', _take(file, 8)))
        if operation == 15:  # end of data; what follows is index
            return


def _mcap_chunk(body: bytes) -> list[tuple[int, bytes]]:
    name, rest = _text(body[28:])
    data = DECOMPRESSORS[name](rest[8:])
    records, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from('<Q', data, at + 1)
        records.append((data[at], data[at + 9:at + 9 + size]))
        at += 9 + size
    return records


def _mcap_note(operation: int, body: bytes, schemas: dict[int, tuple[str, MessageDefinition]],
               found: dict[int, Channel]) -> Iterator[Found]:
    """Note a schema or a channel, yield a message."""
    if operation == 3:
        name, rest = _text(body[2:])
        encoding, rest = _text(rest)
        text, _ = _text(rest)
        schemas[struct.unpack_from('<H', body)[0]] = name, MessageDefinition(
            DEFINITIONS.get(encoding, MessageDefinitionFormat.NONE), text)
    elif operation == 4:
        key, schema = struct.unpack_from('<HH', body)
        found[key] = _channel(key, _text(body[4:])[0], *schemas[schema])
    elif operation == 5:
        key, _, stamp, _ = struct.unpack_from('<HIQQ', body)
        yield stamp, key, body[22:]


def _text(data: bytes) -> tuple[str, bytes]:
    """Split off a text with its length before it."""
    (size,) = struct.unpack_from('<I', data)
    return data[4:4 + size].decode(), data[4 + size:]


def scan_bag(path: Path, found: dict[int, Channel]) -> Iterator[Found]:
    """Yield the messages of a ROS 1 bag; note its connections in `found`."""
    with path.open('rb') as file:
        _take(file, len(BAG_MAGIC))
        for head, body in _bag_records(file):
            if head['op'] == b'\5':
                data = DECOMPRESSORS[head['compression'].decode()](body)
                yield from sorted(_bag_chunk(data, found), key=lambda m: m[0])


def _bag_chunk(data: bytes, found: dict[int, Channel]) -> Iterator[Found]:
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from('<I', data, at)
        head = _bag_header(data[at + 4:at + 4 + size])
        at += 4 + size
        (size,) = struct.unpack_from('<I', data, at)
        body = data[at + 4:at + 4 + size]
        at += 4 + size
        key = int.from_bytes(head['conn'], 'little')
        if head['op'] == b'\7':
            about = _bag_header(body)
            package, _, name = about['type'].decode().rpartition('/')
            found[key] = _channel(key, head['topic'].decode(), f'{package}/msg/{name}',
                                  MessageDefinition(MessageDefinitionFormat.MSG,
                                                    about['message_definition'].decode()))
        elif head['op'] == b'\2':
            seconds, nanoseconds = struct.unpack('<II', head['time'])
            yield seconds * 10**9 + nanoseconds, key, body


def _bag_records(file: BinaryIO) -> Iterator[tuple[dict[str, bytes], bytes]]:
    while size := file.read(4):
        head = _bag_header(_take(file, *struct.unpack('<I', size)))
        yield head, _take(file, *struct.unpack('<I', _take(file, 4)))


def _bag_header(data: bytes) -> dict[str, bytes]:
    fields, at = {}, 0
    while at < len(data):
        (size,) = struct.unpack_from('<I', data, at)
        name, _, value = data[at + 4:at + 4 + size].partition(b'=')
        fields[name.decode()] = value
        at += 4 + size
    return fields


def _take(file: BinaryIO, size: int) -> bytes:
    """Read exactly so many bytes."""
    data = file.read(size)
    if len(data) != size:
        raise Cut
    return data


def scan_sqlite(path: Path, found: dict[int, Channel]) -> Iterator[Found]:
    """Yield the messages of a sqlite3 storage, page by page; note its topics in `found`."""
    database = sqlite3.connect(f'file:{path}?mode=ro&immutable=1', uri=True)
    try:
        database.execute('PRAGMA writable_schema=ON')  # read on though the file is too short
        definitions = _sqlite_definitions(database)
        for key, topic, kind in database.execute('SELECT id, name, type FROM topics'):
            found[key] = _channel(key, topic, kind, definitions.get(kind, UNKNOWN))
        yield from database.execute('SELECT timestamp, topic_id, data FROM messages')
    finally:
        database.close()


def _sqlite_definitions(database: sqlite3.Connection) -> dict[str, MessageDefinition]:
    """Read the message definitions, which older bags do not have."""
    try:
        return {kind: MessageDefinition(DEFINITIONS[encoding], text) for kind, encoding, text in
                database.execute('SELECT topic_type, encoding, encoded_message_definition '
                                 'FROM message_definitions')}
    except (sqlite3.Error, KeyError):
        return {}
