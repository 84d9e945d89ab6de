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
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields, is_dataclass
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
import os
from queue import SimpleQueue
import signal
from types import SimpleNamespace, TracebackType
from typing import Any

import cv2
from dseg_ros.bags.frames import Shot
from dseg_ros.config.dataset import StoreConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.dataset.builder import SampleBuilder
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

    Each worker process has a pipe of its own and one job at a time, handed over by a thread here.
    (ProcessPoolExecutor was tried: its workers outlive a killed parent, and it hangs for ever if
    a job cannot be pickled.)
    """

    def __init__(self, count: int, proposals: ProposalsConfig, store: StoreConfig) -> None:
        """
        Start them.

        :param count: how many; 0 for one per core of this process.
        :param proposals: how proposals are found.
        :param store: how samples are stored.
        """
        self._count = count or len(os.sched_getaffinity(0))
        self._here = Maker(proposals, store) if self._count == 1 else None
        self._waiting: deque[tuple[str, Future[Made]]] = deque()
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        self._processes: list[BaseProcess] = []
        self._threads = ThreadPoolExecutor(self._count)
        for _ in range(self._count if self._here is None else 0):
            self._spawn(proposals, store)

    def __enter__(self) -> Workers:
        """Enter."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Stop them; what is not finished is given up."""
        for process in self._processes:
            process.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._processes:
            process.join()

    def submit(self, job: Job) -> Iterator[Made]:
        """
        Hand in a job; waits only when every worker has enough to do.

        :returns: finished ones, in the order in which they were handed in.
        """
        if self._here is not None:
            yield self._here(job)
            return
        self._waiting.append((job.key, self._threads.submit(self._work, job)))
        while self._waiting and (self._waiting[0][1].done()
                                 or len(self._waiting) > WAITING_PER_WORKER * self._count):
            yield self._next()

    def rest(self) -> Iterator[Made]:
        """Wait for all jobs that are not finished."""
        while self._waiting:
            yield self._next()

    def _spawn(self, proposals: ProposalsConfig, store: StoreConfig) -> None:
        context = multiprocessing.get_context('spawn')
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, proposals, store), daemon=True)
        process.start()
        theirs.close()  # so that a dead worker, or a dead parent, is the end of the pipe
        self._processes.append(process)
        self._idle.put(ours)

    def _work(self, job: Job) -> Made:
        """Have an idle worker do a job; runs in a thread."""
        pipe = self._idle.get()
        pipe.send(job)
        made: Made | Exception = pipe.recv()
        self._idle.put(pipe)
        if isinstance(made, Exception):
            raise made
        return made

    def _next(self) -> Made:
        key, future = self._waiting.popleft()
        try:
            return future.result()
        except (EOFError, ConnectionError):
            raise DatasetError(f'{key}: a worker died making it; is there memory enough for '
                               f'{self._count} workers?') from None


def _serve(pipe: Connection, proposals: ProposalsConfig, store: StoreConfig) -> None:
    """Work until the pipe ends: one thread, deaf to Ctrl-C, which the parent handles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    make = Maker(proposals, store)
    while True:
        try:
            job: Job = pipe.recv()
        except (EOFError, ConnectionError):
            return
        made: Made | Exception
        try:
            made = make(job)
        except Exception as error:
            made = error
        try:
            pipe.send(made)
        except ConnectionError:  # the parent was killed meanwhile
            return


def plain(message: Any) -> Any:
    """Copy a message of rosbags, whose classes cannot be pickled, into one that can."""
    if not is_dataclass(message):
        return message
    return SimpleNamespace(**{f.name: plain(getattr(message, f.name)) for f in fields(message)})
