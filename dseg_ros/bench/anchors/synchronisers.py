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

"""Matching of messages by others."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

Push = Callable[[str, int], None]
NS = 1_000_000_000


def approximate_time(tolerance_s: float, matched: Callable[[int, int], None]) -> Push:
    """
    Make the ApproximateTimeSynchronizer of message_filters for a cloud and a camera.

    :param tolerance_s: its `slop` [s].
    :param matched: called with the stamps of cloud and image [ns].
    :returns: takes 'cloud' or 'image' and a stamp [ns].
    """
    from message_filters import ApproximateTimeSynchronizer, SimpleFilter
    from rclpy.time import Time
    inputs = {'cloud': SimpleFilter(), 'image': SimpleFilter()}
    both = ApproximateTimeSynchronizer(list(inputs.values()), 10, tolerance_s)
    both.registerCallback(lambda cloud, image: matched(cloud.stamp_ns, image.stamp_ns))

    def push(kind: str, stamp_ns: int) -> None:
        header = SimpleNamespace(stamp=Time(nanoseconds=stamp_ns))
        inputs[kind].signalMessage(SimpleNamespace(header=header, stamp_ns=stamp_ns))
    return push
