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

"""What goes wrong while running: said once in a while, counted always, never fatal."""

from __future__ import annotations

from collections import Counter
import time
import traceback

from dseg_ros.nodes.diagnostics import Health, OK, WARN
from dseg_ros.runtime.engine import EngineError
from rclpy.node import Node

REPEAT_S = 5.0
RECENT_S = 10.0
FORESEEN = (ValueError, OSError, EngineError)
"""Errors that say all in one line."""


class Troubles:
    """Counts errors by where they came from and logs each place at most every five seconds."""

    def __init__(self, node: Node) -> None:
        """
        Start without any.

        :param node: whose log they go to.
        """
        self._logger = node.get_logger()
        self._counts: Counter[str] = Counter()
        self._said_s: dict[str, float] = {}
        self._last = ''
        self._last_s = -RECENT_S

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self._counts.values())

    def add(self, where: str, error: Exception) -> None:
        """
        Count an error.

        One that we did not foresee is logged with its traceback, the first time.

        :param where: the topic or the activity.
        :param error: what happened.
        """
        now_s = time.monotonic()
        self._counts[where] += 1
        self._last, self._last_s = f'{where}: {error}', now_s
        if now_s - self._said_s.get(where, -REPEAT_S) < REPEAT_S:
            return
        first = where not in self._said_s
        self._said_s[where] = now_s
        if isinstance(error, FORESEEN) or not first:
            text = str(error) or repr(error)
            self._logger.error(f'{where}: {text} ({self._counts[where]} so far)')
        else:
            self._logger.error(f'{where}: {error!r}\n' + ''.join(
                traceback.format_exception(error)))

    def say_once(self, text: str) -> None:
        """Log what is no error, the first time."""
        if text not in self._said_s:
            self._said_s[text] = time.monotonic()
            self._logger.info(text)

    def health(self) -> Health:
        """Judge: warn for a while after each error."""
        if not self._counts:
            return Health()
        fresh = time.monotonic() - self._last_s < RECENT_S
        return Health(WARN if fresh else OK, self._last, self._counts)
