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

"""Work for the tests of workers; their processes import this file and little else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import os
import signal
from threading import Lock
import time
from typing import Any


@dataclass(frozen=True)
class Task:
    """A number to double, after some time."""

    number: int
    seconds: float = 0.0
    extra: Any = None

    @property
    def key(self) -> str:
        """Name the task."""
        return f'task {self.number}'


class Odd(Exception):
    """Cannot be unpickled: it has two arguments and passes one on."""

    def __init__(self, one: str, two: str) -> None:
        """Say both."""
        super().__init__(f'{two}: {one}')


def doubler() -> Callable[[Task], Any]:
    """Begin as a worker that fails at -13, at -15 oddly, gives a lock at -14, dies at 666."""
    def work(task: Task) -> Any:
        time.sleep(task.seconds)
        if task.number == -13:
            raise ZeroDivisionError('thirteen')
        if task.number == -14:
            return Lock()
        if task.number == -15:
            raise Odd('one', 'two')
        if task.number == 666:
            os.kill(os.getpid(), signal.SIGKILL)
        if task.extra is not None:
            task.extra[:] = 1
        return 2 * task.number
    return work
