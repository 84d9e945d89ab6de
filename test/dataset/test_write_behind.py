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
"""Samples are written beside reading: in order, without a gap, and what fails is said."""

from __future__ import annotations

from pathlib import Path
import threading
import time

from dseg_ros.dataset.sample import DatasetError, sample_key
from dseg_ros.dataset.shard import pack, Packed
from dseg_ros.dataset.write_behind import WAITING, WriteBehind
from dseg_ros.dataset.writer import DatasetWriter
import pytest


class Slow:
    """A writer that waits until it may write, and fails over some keys."""

    def __init__(self, fails: str = '') -> None:
        """Hold everything back."""
        self.written: list[str] = []
        self.go_on = threading.Event()
        self._fails = fails

    def append_packed(self, packed: Packed) -> None:
        """Write a sample."""
        assert self.go_on.wait(20)
        if packed.key == self._fails:
            raise DatasetError(f'{packed.key} not written: no space left')
        self.written.append(packed.key)


def samples(count: int) -> list[Packed]:
    """Make some."""
    return [Packed(f'a_{n}', b'') for n in range(count)]


def writing() -> list[threading.Thread]:
    """List the threads that write."""
    return [t for t in threading.enumerate() if t.name.startswith('writing')]


def test_a_few_wait_and_all_are_written_in_order() -> None:
    """Whoever appends goes on at once, until too many wait; leaving waits for all."""
    writer = Slow()
    with WriteBehind(writer) as behind:  # type: ignore[arg-type]
        given = samples(20)
        for packed in given[:WAITING]:
            behind.append(packed)
        assert not writer.written
        threading.Timer(0.05, writer.go_on.set).start()
        begun_s = time.monotonic()
        for packed in given[WAITING:]:
            behind.append(packed)
        assert time.monotonic() - begun_s > 0.04
        assert len(writer.written) >= len(given) - WAITING
    assert writer.written == [p.key for p in given]


def test_after_one_that_failed_none_is_written() -> None:
    """The error comes out, and comes again; what is there has no gap."""
    writer = Slow('a_2')
    writer.go_on.set()
    with pytest.raises(DatasetError, match='a_2 not written: no space left'):
        with WriteBehind(writer) as behind:  # type: ignore[arg-type]
            for packed in samples(20):
                behind.append(packed)
    assert writer.written == ['a_0', 'a_1']
    with pytest.raises(DatasetError, match='a_2'), WriteBehind(  # type: ignore[arg-type]
            writer) as behind:
        for key in ('a_2', 'a_3'):
            with pytest.raises(DatasetError, match='a_2'):
                behind.append(Packed(key, b''))
                behind.settle()
    assert writer.written == ['a_0', 'a_1'] and not writing()


def test_an_exception_gives_up_what_waits_and_ends_the_thread() -> None:
    """Nothing is written any more once the data set is closed."""
    writer = Slow()
    with pytest.raises(KeyboardInterrupt):
        with WriteBehind(writer) as behind:  # type: ignore[arg-type]
            for packed in samples(WAITING):
                behind.append(packed)
            threading.Timer(0.05, writer.go_on.set).start()
            raise KeyboardInterrupt
    assert not writing()
    assert writer.written == [p.key for p in samples(len(writer.written))]
    assert len(writer.written) <= 1


def test_a_real_data_set(tmp_path: Path) -> None:
    """A key that is there already is refused as without a thread."""
    with DatasetWriter(tmp_path, {}) as writer:
        writer.begin_source('bag', 'a')
        with pytest.raises(DatasetError, match='recorded already'):
            with WriteBehind(writer) as behind:
                for _ in range(2):
                    behind.append(pack(sample_key('a', 1), {'json': b'{}'}))
    assert len(writer) == 1
