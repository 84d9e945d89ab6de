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

"""The thread in which a node works, so that callbacks never do."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Thread


class Worker:
    """
    Calls a step whenever it is woken, or when the step asked to be called again.

    One step at a time; wakes during a step lead to one more. An exception goes to `failed`
    and the work goes on.
    """

    def __init__(self, name: str, step: Callable[[], float | None],
                 failed: Callable[[Exception], None]) -> None:
        """
        Prepare; `start` begins.

        :param name: of the thread.
        :param step: does what there is to do; returns after how many seconds to call it again
            even without a wake, or None.
        :param failed: told of each exception.
        """
        self._name = name
        self._step = step
        self._failed = failed
        self._condition = Condition()
        self._pending = False
        self._running = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._running = True
        self._thread = Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> bool:
        """Finish the step at hand and end; say whether it was at work at all."""
        with self._condition:
            self._running = False
            self._condition.notify()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        return thread is not None

    def wake(self) -> None:
        """Say that there is something to do."""
        with self._condition:
            self._pending = True
            self._condition.notify()

    def _work(self) -> None:
        again_s: float | None = None
        while True:
            with self._condition:
                if not self._pending and self._running:
                    self._condition.wait(again_s)
                self._pending = False
                if not self._running:
                    return
            try:
                again_s = self._step()
            except Exception as error:
                again_s = None
                self._failed(error)
