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

"""What every message has: a header; and the error for a message that cannot be used."""

from __future__ import annotations

from typing import Any

NANO = 1_000_000_000
"""Nanoseconds in a second."""


class MessageError(ValueError):
    """A message that cannot be used; the text names the value that is wrong."""


def stamp_ns(header: Any) -> int:
    """
    Read a header's stamp.

    :param header: std_msgs/Header, of rclpy or of rosbags.
    :returns: the stamp [ns].
    """
    return int(header.stamp.sec) * NANO + int(header.stamp.nanosec)
