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

"""Processes that make samples; results come in the order of the jobs, whoever works faster."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
import multiprocessing
import os
import signal
import threading
from types import TracebackType

import cv2
from dseg_ros.config.dataset import StoreConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.dataset.builder import SampleBuilder, Shot
from dseg_ros.dataset.codec import encode
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.dataset.shard import pack, Packed
from dseg_ros.lidar.sensor import Sensor
from dseg_ros.types import Cloud, Dropped

WAITING_PER_WORKER = 2


@dataclass(frozen=True, eq=False)
class Job:
    """
    A frame to make a sample of.

    :param key: the sample's name.
    :param source: the drive's.
    :param cloud: the sweep.
    :param shots: the images that belong to it.
    :param sensor: what the drive's first sweep was taken for; the same for all its sweeps, so
        that the result does not depend on who works on which.
    """

    key: str
    source: str
    cloud: Cloud
    shots: tuple[Shot, ...]
    sensor: Sensor | None


@dataclass(frozen=True, eq=False)
class Made:
    """
    A finished job: a sample, or else why there is none.

    :param packed: the sample, None if nothing of the frame can be used.
    :param dropped: if there is no sample, what was left out.
    :param problems: the same in words.
    """

    packed: Packed | None
    dropped: Dropped = field(default_factory=Dropped)
    problems: tuple[str, ...] = ()


class Maker:
    """What one worker does."""

    def __init__(self, proposals: ProposalsConfig, store: StoreConfig) -> None:
        """Prepare."""
        self._build = SampleBuilder(proposals, store)
        self._compress = store.compress
        self._sensors: dict[str, Sensor | None] = {}

    def __call__(self, job: Job) -> Made:
        """Make a sample and encode it."""
        sensor = self._sensors.setdefault(job.source, job.sensor)
        self._build.extractor.adopt(sensor, job.cloud)
        built = self._build(job.source, job.cloud, job.shots)
        if built.sample is None:
            return Made(None, built.dropped, built.problems)
        return Made(pack(job.key, encode(built.sample, self._compress), built.dropped))


class Workers:
    """
    Several makers; with one, it works in this process. Use it as a context manager.

    A caller that submits gets what is finished by then; it waits only when every worker has
    enough to do.
    """

    def __init__(self, count: int, proposals: ProposalsConfig, store: StoreConfig) -> None:
        """
        Start them.

        :param count: how many; 0 for one per core of this process.
        :param proposals: how proposals are found.
        :param store: how samples are stored.
        """
        self._count = count or len(os.sched_getaffinity(0))
        self._waiting: deque[tuple[str, Future[Made]]] = deque()
        self._pool: ProcessPoolExecutor | None = None
        self._here: Maker | None = None
        if self._count == 1:
            self._here = Maker(proposals, store)
        else:
            self._pool = ProcessPoolExecutor(
                self._count, multiprocessing.get_context('spawn'), _start, (proposals, store))

    def __enter__(self) -> Workers:
        """Enter."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Stop them; what is not finished is given up."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, job: Job) -> Iterator[Made]:
        """
        Hand in a job.

        :returns: finished ones, in the order in which they were handed in.
        """
        if self._here is not None:
            yield self._here(job)
            return
        assert self._pool is not None
        self._waiting.append((job.key, self._pool.submit(_work, job)))
        while self._waiting[0][1].done() or (
                len(self._waiting) > WAITING_PER_WORKER * self._count):
            yield self._next()
            if not self._waiting:
                break

    def rest(self) -> Iterator[Made]:
        """Wait for all jobs that are not finished."""
        while self._waiting:
            yield self._next()

    def _next(self) -> Made:
        key, future = self._waiting.popleft()
        try:
            return future.result()
        except BrokenProcessPool:
            raise DatasetError(f'{key}: a worker died making it or one of the next '
                               f'{len(self._waiting)}; is there enough memory for {self._count} '
                               'workers?') from None


_maker: Maker | None = None


def _start(proposals: ProposalsConfig, store: StoreConfig) -> None:
    """Prepare a worker process: one thread, gone when its parent is, deaf to Ctrl-C."""
    global _maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    _maker = Maker(proposals, store)


def _leave_with_parent() -> None:
    """End this process when a killed parent can no longer ask for it."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(job: Job) -> Made:
    assert _maker is not None
    return _maker(job)
