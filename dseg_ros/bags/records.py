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

"""What is read from a bag: topics with their quality of service, and records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class BagError(ValueError):
    """A bag that cannot be used; the text names the file and what is wrong with it."""


class DamageError(BagError):
    """A bag that is broken somewhere; what stands before the break was read."""


class UndecodableError(BagError):
    """One message that is not what its type says; those around it may be sound."""


@dataclass(frozen=True)
class Qos:
    """
    The quality of service that a topic was recorded with, in rosbag2's words.

    :param reliability: 'reliable', 'best_effort' or another word of rosbag2.
    :param durability: 'volatile', 'transient_local' or another word of rosbag2.
    :param history: 'keep_last', 'keep_all' or another word of rosbag2.
    :param depth: messages kept; 0 if that was not known.
    """

    reliability: str
    durability: str
    history: str
    depth: int


@dataclass(frozen=True)
class TopicInfo:
    """
    A topic of a bag.

    :param type: its ROS 2 type, as in 'sensor_msgs/msg/Image'.
    :param count: number of messages; of a damaged bag, at least these.
    :param qos: one per recorded publisher; empty if it was not recorded.
    """

    type: str  # noqa: A003
    count: int
    qos: tuple[Qos, ...] = ()


@dataclass(frozen=True)
class Record:
    """
    A message as recorded.

    :param topic: its topic.
    :param type: its ROS 2 type.
    :param stamp_ns: when it was recorded [ns], which is not its header stamp.
    :param message: the decoded ROS 2 message, duck-typed like rclpy's.
    """

    topic: str
    type: str  # noqa: A003
    stamp_ns: int
    message: Any


@dataclass(frozen=True)
class RawRecord:
    """
    A message as recorded, not decoded.

    :param topic: its topic.
    :param type: its ROS 2 type.
    :param stamp_ns: when it was recorded [ns].
    :param cdr: the ROS 2 message, serialized with encapsulation header.
    """

    topic: str
    type: str  # noqa: A003
    stamp_ns: int
    cdr: bytes


def is_static(topic: str) -> bool:
    """Tell whether transforms on a topic hold always; it may have a namespace."""
    return topic.split('/')[-1] == 'tf_static'
