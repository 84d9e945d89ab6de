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

"""Whether anyone wants results at all."""

from __future__ import annotations

from collections.abc import Callable
import time

GRACE_S = 2.0
"""After activation results are made for all, since discovery takes a moment."""


class Demand:
    """True while someone listens, and for a moment after the start."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        """
        Begin the grace.

        :param wanted: whether anyone listens now.
        """
        self._wanted = wanted
        self._last_s = time.monotonic()

    def __bool__(self) -> bool:
        """Ask."""
        now_s = time.monotonic()
        if self._wanted():
            self._last_s = now_s
        return now_s - self._last_s < GRACE_S
