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

"""The player's decisions: time line, schedule, lock step."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from dseg_ros.bags.messages import MessageError, stamp_ns
from dseg_ros.bags.player import (excerpt, header_stamp_ns, LATEST_S, LockStep, Schedule, select,
                                  timeline)
from dseg_ros.bags.reader import BagError, open_bag, RawRecord
from dseg_ros.config.player import PlayerConfig
from hypothesis import given, strategies as st
import pytest

MS = 1_000_000


def record(topic: str = '/a', stamp: int = 0, header_ns: int = 0) -> RawRecord:
    """Make a record of a message that is a header."""
    cdr = b'\0\1\0\0' + (header_ns // 10**9).to_bytes(4, 'little') + (
        header_ns % 10**9).to_bytes(4, 'little')
    return RawRecord(topic, 'x', stamp, cdr)


@given(stamps=st.lists(st.integers(0, 500 * MS), min_size=1, max_size=9).map(sorted),
       hz=st.sampled_from([50.0, 77.7, 100.0]))
def test_the_clock_ticks_often_and_never_runs_ahead(stamps: list[int], hz: float) -> None:
    """Before every message its time is set; in between no gap is longer than a period."""
    records = [record(stamp=s) for s in stamps]
    events = list(timeline(records, hz))
    times = [t for t, _ in events]
    assert [r for _, r in events if r is not None] == records
    assert all(r is None or r.stamp_ns == t for t, r in events)
    assert times == sorted(times)
    assert all(b - a <= round(1e9 / hz) for a, b in zip(times, times[1:]))


def test_the_schedule_keeps_the_rate() -> None:
    """At twice the speed, a second of recording takes half a second."""
    schedule = Schedule(2.0)
    assert schedule.wait_s(100.0, 5_000 * MS) == 0.0
    assert schedule.wait_s(100.0, 6_000 * MS) == pytest.approx(0.5)
    assert schedule.wait_s(100.55, 6_000 * MS) == 0.0
    assert schedule.wait_s(100.6, 6_300 * MS) == pytest.approx(0.05)


def test_a_long_delay_shifts_the_rest() -> None:
    """What was held back is not made up for in a burst; a short delay is."""
    schedule = Schedule(1.0)
    schedule.wait_s(0.0, 0)
    assert schedule.wait_s(LATEST_S + 7.0, 0) == 0.0
    assert schedule.wait_s(LATEST_S + 7.0, 100 * MS) == pytest.approx(0.1)


def test_no_rate_means_no_waiting() -> None:
    """As fast as it goes."""
    schedule = Schedule(0.0)
    assert [schedule.wait_s(0.0, s * 10**9) for s in (1, 2, 3)] == [0.0, 0.0, 0.0]


def steps() -> LockStep:
    """Make a lock step where the cloud has two results."""
    return LockStep({'/image': ['/mask'], '/points': ['/objects', '/ground']}, 10.0, 2.0)


def test_one_in_flight_per_topic() -> None:
    """A topic waits for its own answers and for no other's."""
    step = steps()
    step.departs(record('/image', header_ns=5), 0.0)
    step.departs(record('/points', header_ns=6), 0.0)
    step.departs(record('/tf', header_ns=7), 0.0)
    assert step.blocks('/image') and step.blocks('/points') and not step.blocks('/tf')
    assert not step.arrives('/mask', 4)
    assert step.arrives('/mask', 5)
    assert not step.blocks('/image')
    assert step.arrives('/ground', 6) and step.blocks('/points')
    assert not step.arrives('/ground', 6)
    assert step.arrives('/objects', 6) and step.idle
    assert step.answered == {'/image': 1, '/points': 1}


def test_what_is_late_is_repeated_then_given_up() -> None:
    """Every repeat and every loss is counted, and a late answer wakes nobody."""
    step = steps()
    image = record('/image', header_ns=5)
    step.departs(image, 0.0)
    assert step.due_again(1.9) == []
    assert step.due_again(2.0) == [image]
    assert step.due_again(3.9) == []
    assert step.due_again(4.1) == [image]
    assert step.lost(9.9) == []
    (flight,) = step.lost(10.0)
    assert (flight.record, flight.stamp_ns, flight.results) == (image, 5, {'/mask'})
    assert step.idle and not step.arrives('/mask', 5)
    assert (step.repeated, step.timeouts) == ({'/image': 2}, {'/image': 1})


@pytest.mark.parametrize('order', ['little', 'big'])
def test_the_stamp_of_a_serialized_message(order: str) -> None:
    """It is read from the bytes, in either byte order."""
    flag = 1 if order == 'little' else 0
    cdr = bytes([0, flag, 0, 0]) + (7).to_bytes(4, order) + (9).to_bytes(4, order)
    assert header_stamp_ns(cdr) == 7_000_000_009
    with pytest.raises(MessageError, match='11 bytes'):
        header_stamp_ns(cdr[:11])


def test_stamps_are_those_of_the_messages(any_bag: Path) -> None:
    """What is read from the bytes is what decoding gives, for ROS 1 bags too."""
    topics = ['/lidar/points', '/cam/image_raw', '/cam/camera_info']
    with open_bag(any_bag) as bag:
        pairs = zip(bag.raw(topics), bag.messages(topics), strict=True)
        assert all(header_stamp_ns(r.cdr) == stamp_ns(m.message.header) for r, m in pairs)


def test_what_is_played(mcap_bag: Path, tiny: ModuleType) -> None:
    """Topics, start and duration choose; /tf_static is apart."""
    with open_bag(mcap_bag) as bag:
        everything = select(bag, PlayerConfig())
        assert everything == ['/cam/camera_info', '/cam/image_raw', '/lidar/points', '/tf']
        config = PlayerConfig(topics=('/tf', '/tf_static'), start_s=0.1, duration_s=0.2)
        assert select(bag, config) == ['/tf']
        stamps = [r.stamp_ns - tiny.START_NS for r in excerpt(bag, ['/tf'], config)]
        assert stamps == [100 * MS + 2, 200 * MS + 2]
        with pytest.raises(BagError, match='/nope.*/cam/image_raw'):
            select(bag, PlayerConfig(topics=('/nope',)))
