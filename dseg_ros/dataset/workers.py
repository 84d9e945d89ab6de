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

"""
Workers do the same to many jobs; results come in the order of the jobs, whoever works faster.

Where they are (here, in processes of this machine, on a Ray cluster) never changes a result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Generic, Protocol, TypeVar

import cv2
from dseg_ros.bags.memory import keep_freed_memory
from dseg_ros.config.workers import RAY, WorkersConfig
from dseg_ros.dataset.sample import DatasetError

WAITING_PER_WORKER = 2


class Keyed(Protocol):
    """A job has a name, for when it goes wrong."""

    @property
    def key(self) -> str:
        """Name of the sample that it is about."""


J = TypeVar('J', bound=Keyed)
R = TypeVar('R')
F = TypeVar('F')
Start = Callable[[], Callable[[J], R]]
"""What a worker begins with; gives what it does to a job. It is pickled, as jobs and results."""


def begin_work() -> None:
    """Prepare a process that is a worker: one thread, memory that is kept."""
    cv2.setNumThreads(1)
    keep_freed_memory()


class Workers(ABC, Generic[J, R]):
    """Hand in jobs, get results. Use it as a context manager."""

    def __enter__(self) -> Workers[J, R]:
        """Enter."""
        return self

    @abstractmethod
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Stop the workers; what is not finished is given up."""

    @abstractmethod
    def submit(self, job: J) -> Iterator[R]:
        """
        Hand in a job; waits only when every worker has enough to do.

        :returns: finished ones, in the order in which they were handed in.
        :raises DatasetError: if a worker died.
        """

    @abstractmethod
    def rest(self) -> Iterator[R]:
        """Wait for all jobs that are not finished; as submit."""

    def map(self, jobs: Iterable[J]) -> Iterator[R]:  # noqa: A003
        """Do all these jobs; as submit."""
        for job in jobs:
            yield from self.submit(job)
        yield from self.rest()


class Here(Workers[J, R]):
    """No worker but this process."""

    def __init__(self, start: Start[J, R]) -> None:
        """Prepare; it begins with the first job."""
        self._start = start
        self._work: Callable[[J], R] | None = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Leave nothing behind."""

    def submit(self, job: J) -> Iterator[R]:
        """Do a job."""
        self._work = self._work or self._start()
        yield self._work(job)

    def rest(self) -> Iterator[R]:
        """Have nothing left."""
        yield from ()


class InOrder(Workers[J, R], Generic[J, R, F]):
    """Keeps what was begun in order; subclasses say how to begin it and what came of it."""

    def __init__(self, count: int) -> None:
        """
        Prepare.

        :param count: how many work at a time.
        """
        self.count = count
        self._begun: deque[tuple[str, F]] = deque()

    @abstractmethod
    def begin(self, job: J) -> F:
        """Have a job begun and return what stands for its result."""

    @abstractmethod
    def done(self, begun: F) -> bool:
        """Tell whether a result is there."""

    @abstractmethod
    def result(self, key: str, begun: F) -> R:
        """Wait for a result; the key is for errors."""

    def submit(self, job: J) -> Iterator[R]:
        """Hand in a job."""
        self._begun.append((job.key, self.begin(job)))
        while self._begun and (self.done(self._begun[0][1])
                               or len(self._begun) > WAITING_PER_WORKER * self.count):
            yield self.result(*self._begun.popleft())

    def rest(self) -> Iterator[R]:
        """Wait for all jobs."""
        while self._begun:
            yield self.result(*self._begun.popleft())

    def died(self, key: str) -> DatasetError:
        """Say that a worker died over a job."""
        return DatasetError(f'{key}: a worker died making it; is there memory enough for '
                            f'{self.count} workers?')


def start_workers(config: WorkersConfig, start: Start[J, R]) -> Workers[J, R]:
    """
    Prepare workers; processes begin as jobs come, so that a few jobs start no more than they use.

    :param config: how many, and where.
    :param start: what each begins with.
    :raises DatasetError: if Ray is asked for and cannot be had.
    """
    if config.engine == RAY:
        from dseg_ros.dataset.ray_workers import RayWorkers
        return RayWorkers(config.workers, start, config.ray_address)
    if config.workers == 1:
        return Here(start)
    from dseg_ros.dataset.processes import Processes
    return Processes(config.workers, start)
