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
"""Memory that two processes share: what is put in comes out, however sizes change."""

from __future__ import annotations

import os

from dseg_ros.dataset.arena import Arena
from hypothesis import given
from hypothesis import strategies as st
import numpy as np


@given(st.lists(st.integers(0, 300_000), min_size=1, max_size=12))
def test_what_is_put_comes_out(sizes: list[int]) -> None:
    """Growing and shrinking, with a reader that mapped it when it was smaller."""
    writer = Arena()
    reader = Arena(os.dup(writer.handle))
    for number, size in enumerate(sizes):
        given = {'pixels': np.arange(size, dtype=np.uint8), 'number': number, 'text': 'x' * size}
        found = reader.take(writer.put(given))
        assert np.array_equal(found.pop('pixels'), given.pop('pixels')) and found == given
    writer.close()
    reader.close()


def test_what_was_taken_is_ones_own() -> None:
    """It stays when the next is put, and can be written to."""
    writer = Arena()
    reader = Arena(os.dup(writer.handle))
    first = reader.take(writer.put(np.ones(100_000)))
    second = reader.take(writer.put(np.zeros(100_000)))
    first[:10] = 5
    assert first[10:].all() and not second.any()
    writer.close()
    assert len(reader.take(writer_size(reader))) == 100_000
    reader.close()


def writer_size(arena: Arena) -> int:
    """Give the size of what is in it; pickle ignores what comes behind."""
    return os.fstat(arena.handle).st_size


def test_its_file_is_closed() -> None:
    """As often as one likes, no descriptor is left."""
    before = len(os.listdir('/proc/self/fd'))
    for _ in range(20):
        arena = Arena()
        arena.put(b'x')
        arena.close()
    assert len(os.listdir('/proc/self/fd')) == before
