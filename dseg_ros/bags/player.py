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
When to publish what of a bag: time line, schedule, lock step. Knows no ROS; time is an argument.

The clock follows the recording times of the bag. It ticks before every message and in between,
and never runs ahead of the next message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dseg_ros.bags.header import MessageError, NANO
from dseg_ros.bags.reader import Bag, BagError, RawRecord
from dseg_ros.bags.records import is_static
from dseg_ros.config.player import PlayerConfig

LATEST_S = 0.1
"""A delay up to this is caught up; a longer one shifts all that follows, so nothing comes in a
burst that the subscribers could not take."""


def select(bag: Bag, config: PlayerConfig) -> list[str]:
    """
    Choose the topics to play; /tf_static is published apart.

    :raises BagError: for a topic that the bag does not have.
    """
    if missing := sorted(set(config.topics) - bag.topics.keys()):
        raise BagError(f'{bag.path}: no topic {missing}, it has {bag.listing()}')
    chosen = config.topics or tuple(bag.topics)
    return [t for t in chosen if not is_static(t)]


def excerpt(bag: Bag, topics: Sequence[str], config: PlayerConfig) -> Iterator[RawRecord]:
    """Read the part of the bag that is to be played, by recording time."""
    start_ns = bag.start_ns + round(config.start_s * NANO)
    stop_ns = start_ns + round(config.duration_s * NANO) if config.duration_s else None
    return bag.raw(topics, start_ns, stop_ns)


def timeline(records: Iterable[RawRecord], clock_hz: float
             ) -> Iterator[tuple[int, RawRecord | None]]:
    """
    Mix clock ticks into records.

    :param records: by recording time.
    :param clock_hz: ticks per second of recording time.
    :returns: (time [ns], the record to publish at it or None for a mere tick).
    """
    period_ns = round(NANO / clock_hz)
    now_ns: int | None = None
    for record in records:
        if now_ns is not None:
            yield from ((tick, None) for tick in range(now_ns + period_ns, record.stamp_ns,
                                                       period_ns))
        now_ns = record.stamp_ns
        yield now_ns, record


class Schedule:
    """
    When recording times are due.

    :param rate: speed relative to the recording; 0 = everything is due at once.
    """

    def __init__(self, rate: float) -> None:
        """Begin with the first time that is asked for."""
        self._rate = rate
        self._origin: tuple[float, int] | None = None

    def wait_s(self, now_s: float, stamp_ns: int) -> float:
        """
        Tell how long to wait.

        :param now_s: of a clock that does not jump [s].
        :param stamp_ns: recording time of what comes next [ns].
        """
        if self._rate == 0.0:
            return 0.0
        if self._origin is None:
            self._origin = now_s, stamp_ns
        begin_s, begin_ns = self._origin
        wait = begin_s + (stamp_ns - begin_ns) / NANO / self._rate - now_s
        if wait < -LATEST_S:
            self._origin = now_s, stamp_ns
        return max(wait, 0.0)


@dataclass
class Flight:
    """
    A published message that is not answered yet.

    :param record: the message.
    :param stamp_ns: its header stamp [ns].
    :param results: topics whose answers are missing.
    :param sent_s: when it was published first [s].
    :param repeated_s: when it was published last [s].
    """

    record: RawRecord
    stamp_ns: int
    results: set[str]
    sent_s: float
    repeated_s: float


@dataclass
class LockStep:
    """
    One message in flight per input topic.

    :param results: by input topic the topics of its results.
    :param timeout_s: when to give up on an answer [s].
    :param repeat_s: when to publish again [s]; 0 = never.
    """

    results: Mapping[str, Sequence[str]]
    timeout_s: float
    repeat_s: float
    answered: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    timeouts: Counter[str] = field(default_factory=Counter)
    _flights: dict[str, Flight] = field(default_factory=dict)

    def blocks(self, topic: str) -> bool:
        """Tell whether the next message of a topic has to wait."""
        return topic in self._flights

    @property
    def idle(self) -> bool:
        """Whether everything was answered."""
        return not self._flights

    def departs(self, record: RawRecord, now_s: float) -> None:
        """
        Note what is about to be published; only messages of input topics count.

        :raises MessageError: for a message too short for a header.
        """
        if results := self.results.get(record.topic):
            stamp = header_stamp_ns(record.cdr)
            self._flights[record.topic] = Flight(record, stamp, set(results), now_s, now_s)

    def arrives(self, result: str, stamp_ns: int) -> bool:
        """
        Note a result.

        :param result: its topic.
        :param stamp_ns: its header stamp [ns].
        :returns: whether it was awaited; others are repeated, late or of another source.
        """
        for topic, flight in self._flights.items():
            if result in flight.results and flight.stamp_ns == stamp_ns:
                flight.results.remove(result)
                if not flight.results:
                    del self._flights[topic]
                    self.answered[topic] += 1
                return True
        return False

    def lost(self, now_s: float) -> list[Flight]:
        """Take out what was not answered in time."""
        over = [f for f in self._flights.values() if now_s - f.sent_s >= self.timeout_s]
        for flight in over:
            del self._flights[flight.record.topic]
            self.timeouts[flight.record.topic] += 1
        return over

    def due_again(self, now_s: float) -> list[RawRecord]:
        """Return what to publish again, and note that it was."""
        late = [f for f in self._flights.values()
                if self.repeat_s and now_s - f.repeated_s >= self.repeat_s]
        for flight in late:
            flight.repeated_s = now_s
            self.repeated[flight.record.topic] += 1
        return [f.record for f in late]


def header_stamp_ns(cdr: bytes) -> int:
    """
    Read the stamp of a serialized message that begins with a header, without decoding it.

    :param cdr: with its encapsulation header, whose second byte tells the byte order.
    :raises MessageError: if it is too short.
    """
    if len(cdr) < 12:
        raise MessageError(f'a message of {len(cdr)} bytes has no header')
    order = 'little' if cdr[1] & 1 else 'big'
    seconds = int.from_bytes(cdr[4:8], order, signed=True)  # type: ignore[arg-type]
    return seconds * NANO + int.from_bytes(cdr[8:12], order)  # type: ignore[arg-type]
