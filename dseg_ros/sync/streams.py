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

"""What waits to be matched, and what is known of the rhythm of its stream."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

GAPS = 8  # gaps between messages from which the next ones are guessed


@dataclass(eq=False)
class Clock:
    """The stamps of one stream."""

    latest_ns: int | None = None
    gaps_ns: deque[int] = field(default_factory=lambda: deque(maxlen=GAPS))

    def tick(self, stamp_ns: int) -> None:
        """Take the stamp of a message."""
        if self.latest_ns is None or stamp_ns > self.latest_ns:
            if self.latest_ns is not None:
                self.gaps_ns.append(stamp_ns - self.latest_ns)
            self.latest_ns = stamp_ns

    def predicted_ns(self, count: int) -> list[int]:
        """Guess the next stamps from the usual gap."""
        if self.latest_ns is None or not self.gaps_ns:
            return []
        gap = sorted(self.gaps_ns)[len(self.gaps_ns) // 2]
        return [self.latest_ns + gap * (i + 1) for i in range(count)]

    def next_ns(self) -> int | None:
        """Bound the next stamp from below, by what the stream did so far."""
        if self.latest_ns is None:
            return None
        return self.latest_ns + min(self.gaps_ns, default=0)


@dataclass(order=True)
class WaitingImage:
    """An image that waits."""

    stamp_ns: int
    item: Any = field(compare=False)


@dataclass(eq=False)
class Source:
    """A camera: its waiting images, and how many of the waiting clouds it has decided."""

    tolerance_ns: int
    offset_ns: int
    clock: Clock = field(default_factory=Clock)
    images: list[WaitingImage] = field(default_factory=list)
    decided: int = 0


@dataclass(order=True)
class WaitingCloud:
    """
    A cloud that waits, with the images that were chosen for it so far.

    :param seen_ns: by source the newest stamp when the cloud came: how far a camera went on since
        does not depend on what its clock shows.
    """

    stamp_ns: int
    item: Any = field(compare=False)
    seen_ns: dict[str, int] = field(default_factory=dict, compare=False)
    images: dict[str, WaitingImage] = field(default_factory=dict, compare=False)
