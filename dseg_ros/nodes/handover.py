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

"""Between a callback, which only drops things, and the thread that works on them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar('T')


class Latest(Generic[T]):
    """A slot for the newest: what is not taken in time is replaced, and counted."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """
        Start empty.

        :param wake: called after each item.
        """
        self.replaced = 0
        self._wake = wake
        self._lock = Lock()
        self._newest: T | None = None

    def put(self, item: T) -> None:
        """Keep something in the place of what was there."""
        with self._lock:
            self.replaced += self._newest is not None
            self._newest = item
        self._wake()

    def take(self) -> T | None:
        """Take the newest, if one came since the last call."""
        with self._lock:
            newest, self._newest = self._newest, None
            return newest


class Backlog(Generic[T]):
    """A short queue, for what waits for others anyway; the oldest give way, counted."""

    def __init__(self, wake: Callable[[], None], limit: int = 16) -> None:
        """
        Start empty.

        :param wake: called after each item.
        :param limit: items that are kept.
        """
        self.replaced = 0
        self._wake = wake
        self._limit = limit
        self._lock = Lock()
        self._items: list[T] = []

    def put(self, item: T) -> None:
        """Append something."""
        with self._lock:
            self._items.append(item)
            if len(self._items) > self._limit:
                del self._items[0]
                self.replaced += 1
        self._wake()

    def take(self) -> list[T]:
        """Take everything, the oldest first."""
        with self._lock:
            items, self._items = self._items, []
            return items
