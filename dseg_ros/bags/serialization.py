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

"""Serialized messages decoded, and those of ROS 1 turned into ROS 2 ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dseg_ros.bags.records import BagError, UndecodableError
from dseg_ros.bags.storage import Channel, Storage
from rosbags.convert.converter import is_same_wireformat, migrate_bytes
from rosbags.interfaces import MessageDefinitionFormat
from rosbags.typesys import get_types_from_idl, get_types_from_msg, get_typestore, Stores
from rosbags.typesys.store import Typestore

IDL_BREAK = '=' * 80 + '\n'
ROS1_NAMES = {'tf2_msgs/msg/TFMessage': ('tf2_msgs/msg/TFMessage', 'tf/msg/tfMessage')}


class Serialization:
    """
    Decoder of one bag's messages.

    A type is looked up when the first message of it is wanted, so a topic with a definition that
    cannot be parsed disturbs nobody who does not read it. The definition in the bag wins; a bag
    without one is taken for what ROS 2 Jazzy defines.

    :param path: the bag, for errors.
    """

    def __init__(self, path: Path, storages: Sequence[Storage]) -> None:
        """Prepare; nothing is parsed yet."""
        self._path = path
        self._known = get_typestore(Stores.ROS2_JAZZY)
        self._recorded = get_typestore(Stores.EMPTY)
        self._ros1 = any(s.ros1 for s in storages)
        self._stores: dict[str, Typestore] = {}
        self._converters: dict[str, Callable[[bytes], bytes]] = {}
        self._cache: dict[str, object] = {}

    def decoded(self, ros1: bool, channel: Channel, data: bytes) -> Any:
        """
        Decode a message.

        :param ros1: whether it is serialized as in ROS 1.
        :param channel: where it comes from.
        :param data: the message.
        :raises BagError: if its type is not known.
        :raises UndecodableError: if the message is damaged.
        """
        cdr = self.cdr(ros1, channel, data)
        store = self._known if ros1 else self._store(channel)
        try:
            return store.deserialize_cdr(cdr, channel.type)
        except Exception as error:  # noqa: B902  (generated code raises anything)
            raise UndecodableError(f'{self._path}: a message on {channel.topic} is no '
                                   f'{channel.type}: {error}') from error

    def cdr(self, ros1: bool, channel: Channel, data: bytes) -> bytes:
        """Return a message as serialized in ROS 2; parameters as in `decoded`."""
        if not ros1:
            return data
        try:
            return self._converter(channel)(data)
        except BagError:
            raise
        except Exception as error:  # noqa: B902  (generated code raises anything)
            raise UndecodableError(f'{self._path}: a message on {channel.topic} is no '
                                   f'{channel.type}: {error}') from error

    def tf_message(self, transforms: Sequence[Any]) -> bytes:
        """Serialize transforms as one tf2_msgs/TFMessage."""
        kind = 'tf2_msgs/msg/TFMessage'
        message = self._known.types[kind](list(transforms))
        return bytes(self._known.serialize_cdr(message, kind))

    def _store(self, channel: Channel) -> Typestore:
        """Return the type store that knows a channel's type."""
        if channel.type not in self._stores:
            self._stores[channel.type] = self._registered(channel)
        return self._stores[channel.type]

    def _registered(self, channel: Channel) -> Typestore:
        """Register the definition that the bag brings, or fall back on the known one."""
        reason: object = 'the bag holds no definition of it'
        if channel.definition.format != MessageDefinitionFormat.NONE:
            try:
                self._recorded.register(_parsed(channel))
                self._recorded.get_msgdef(channel.type)
                return self._recorded
            except Exception as error:  # noqa: B902  (a parser's errors are of many kinds)
                reason = error
        if channel.type in self._known.fielddefs:
            return self._known
        raise BagError(f'{self._path}: type {channel.type} of {channel.topic} is not known: '
                       f'{reason}')

    def _converter(self, channel: Channel) -> Callable[[bytes], bytes]:
        """Return the function that turns a ROS 1 message into a ROS 2 one."""
        if channel.type not in self._converters:
            self._converters[channel.type] = self._new_converter(channel)
        return self._converters[channel.type]

    def _new_converter(self, channel: Channel) -> Callable[[bytes], bytes]:
        """Convert byte by byte where only names differ, else field by field."""
        source = self._store(channel)
        old = next(n for n in (channel.handle.msgtype, channel.type) if n in source.fielddefs)
        new = channel.type
        if new not in self._known.fielddefs:
            definition = source.generate_msgdef(old, ros_version=2)[0]
            types = get_types_from_msg(definition, new)
            self._known.register({n: t for n, t in types.items()
                                  if n not in self._known.fielddefs})
        if is_same_wireformat(source, self._known, old, new):
            return lambda data: bytes(self._known.ros1_to_cdr(data, new))
        return lambda data: bytes(migrate_bytes(source, self._known, old, new, self._cache, data,
                                                src_is2=False, dst_is2=True))


def _parsed(channel: Channel) -> dict[str, Any]:
    """Parse the definition that a channel brings along."""
    text = channel.definition.data
    if channel.definition.format == MessageDefinitionFormat.MSG:
        return dict(get_types_from_msg(text, channel.handle.msgtype))
    parts = [p.split('\n', 1)[1] for p in text.split(IDL_BREAK)[1:]] or [text]
    types: dict[str, Any] = {}
    for part in parts:
        types.update(get_types_from_idl(part))
    return types
