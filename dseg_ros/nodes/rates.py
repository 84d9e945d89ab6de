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

"""How fast a sensor sends and how much of it arrives."""

from __future__ import annotations

from collections import deque
from threading import Lock

WINDOW = 60
"""Messages looked back on."""

LEAP_NS = 30_000_000_000
"""More between two stamps is a clock that was set, or a pause, and no lost message."""


class Rate:
    """
    Rates of a topic by the stamps of its messages, so that they hold for a bag at any speed.

    The sensor's own period is the gap that occurs most at the short end (10th percentile): lost
    messages make gaps longer, never shorter.
    """

    def __init__(self) -> None:
        """Start without messages."""
        self.count = 0
        self.last_s: float | None = None
        self._stamps_ns: deque[int] = deque(maxlen=WINDOW)
        self._lock = Lock()

    def add(self, stamp_ns: int, now_s: float) -> None:
        """
        Count a message.

        :param stamp_ns: its header stamp [ns].
        :param now_s: when it came, by the monotonic clock [s].
        """
        with self._lock:
            if self._stamps_ns and not 0 <= stamp_ns - self._stamps_ns[-1] < LEAP_NS:
                self._stamps_ns.clear()  # the clock was set
            self._stamps_ns.append(stamp_ns)
            self.count += 1
            self.last_s = now_s

    def hertz(self) -> tuple[float, float]:
        """
        Compute the rates.

        :returns: (received, sent by the sensor) [Hz]; 0, 0 before there are 5 messages.
        """
        with self._lock:
            stamps = list(self._stamps_ns)
        gaps = sorted(b - a for a, b in zip(stamps, stamps[1:]) if b > a)
        if len(gaps) < 4:
            return 0.0, 0.0
        return 1e9 * len(gaps) / sum(gaps), 1e9 / gaps[len(gaps) // 10]
