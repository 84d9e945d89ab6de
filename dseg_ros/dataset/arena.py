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
"""Memory that two processes share: what goes through a pipe is copied four times, here twice."""

from __future__ import annotations

import mmap
from multiprocessing.reduction import DupFd
import os
import pickle
from typing import Any


class Arena:
    """
    Holds one object at a time; one process puts it in, another takes a copy out.

    Whoever takes must be told the size, and be done before the next is put. It is a memory file
    and not shared memory of POSIX, of which a container often has but 64 MB.
    """

    def __init__(self, handle: int | None = None) -> None:
        """
        Make one, or open that of another process.

        :param handle: descriptor of its file, then owned; None makes a new, empty one.
        """
        self.handle = os.memfd_create('dseg_arena') if handle is None else handle
        self._memory: mmap.mmap | None = None

    def put(self, value: Any) -> int:
        """
        Replace what it holds.

        :returns: the size to tell [bytes].
        :raises Exception: what pickle raises for something that cannot be handed over.
        """
        end = _End(self)
        pickle.Pickler(end, pickle.HIGHEST_PROTOCOL).dump(value)
        return end.position

    def take(self, size: int) -> Any:
        """Copy out what was put, given its size [bytes]."""
        return pickle.loads(memoryview(self.mapped(size))[:size])

    def mapped(self, size: int) -> mmap.mmap:
        """Return its memory, at least so many bytes of it; it only ever grows."""
        if self._memory is None or len(self._memory) < size:
            there = os.fstat(self.handle).st_size
            if there < size:
                there = max(2 * there, -size // mmap.PAGESIZE * -mmap.PAGESIZE)
                os.ftruncate(self.handle, there)
            self._memory = mmap.mmap(self.handle, there)
        return self._memory

    def __reduce__(self) -> tuple[Any, ...]:
        """Go along with a process that is being started: the same memory, opened there."""
        return _opened, (DupFd(self.handle),)

    def close(self) -> None:
        """Give it back; the other process keeps what it has mapped."""
        self._memory = None
        os.close(self.handle)


def _opened(handle: Any) -> Arena:
    return Arena(handle.detach())


class _End:
    """A file for pickle, whose bytes go straight into the arena."""

    def __init__(self, arena: Arena) -> None:
        self._arena, self.position = arena, 0

    def write(self, data: Any) -> int:
        """Add bytes."""
        view = memoryview(data).cast('B')
        stop = self.position + len(view)
        self._arena.mapped(stop)[self.position:stop] = view
        self.position = stop
        return len(view)
