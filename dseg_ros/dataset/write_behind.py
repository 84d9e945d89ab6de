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
"""Writing beside reading: hashing and writing take longer than reading and matching."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from dseg_ros.dataset.shard import Packed
from dseg_ros.dataset.writer import DatasetWriter

WAITING = 4
"""Samples that may wait to be written before whoever appends waits, too."""


class WriteBehind:
    """
    Appends samples to a data set in their order, in a thread of its own.

    After a sample that could not be written none is, so that what is there has no gap. Use it as
    a context manager inside of the writer's.
    """

    def __init__(self, writer: DatasetWriter) -> None:
        """
        Start with nothing to write.

        :param writer: not to be appended to by others meanwhile.
        """
        self._writer = writer
        self._error: Exception | None = None
        self._waiting: deque[Future[None]] = deque()
        self._thread = ThreadPoolExecutor(1, 'writing')

    def __enter__(self) -> WriteBehind:
        """Enter."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Finish what is being written; after an exception give up what waits."""
        try:
            if kind is None:
                self.settle()
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def append(self, packed: Packed) -> None:
        """
        Hand a sample in; waits only while too many do.

        :raises DatasetError: if this or an earlier one cannot be written.
        """
        self._waiting.append(self._thread.submit(self._append, packed))
        self._settle(WAITING)

    def settle(self) -> None:
        """Return when all that was handed in is written; raises as `append`."""
        self._settle(0)

    def _settle(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()
        if self._error is not None:
            raise self._error

    def _append(self, packed: Packed) -> None:
        if self._error is None:
            try:
                self._writer.append_packed(packed)
            except Exception as error:
                self._error = error
