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

"""Worker processes of this machine."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
import os
import pickle
from queue import SimpleQueue
import signal
from types import TracebackType

from dseg_ros.dataset.arena import Arena
from dseg_ros.dataset.workers import begin_work, InOrder, J, R, Start


@dataclass(frozen=True)
class Line:
    """
    The way to a worker and back.

    :param pipe: says how large what lies in the arenas is; its end is that of the other process.
    :param jobs: holds the job at hand.
    :param results: holds its result.
    """

    pipe: Connection
    jobs: Arena = field(default_factory=Arena)
    results: Arena = field(default_factory=Arena)

    def close(self) -> None:
        """Give the arenas back."""
        self.jobs.close()
        self.results.close()


class Processes(InOrder[J, R, 'Future[R]']):
    """
    Several processes; each has a line of its own and one job at a time, handed over by a thread.

    (ProcessPoolExecutor was tried: its workers outlive a killed parent, and it hangs for ever if
    a job cannot be pickled.)
    """

    def __init__(self, count: int, start: Start[J, R]) -> None:
        """
        Prepare; a process begins with each of the first jobs.

        :param count: how many; 0 for one per core of this process.
        :param start: what each begins with.
        """
        super().__init__(count or len(os.sched_getaffinity(0)))
        self._start = start
        self._idle: SimpleQueue[Line | None] = SimpleQueue()
        self._lines: list[Line] = []
        self._processes: list[BaseProcess] = []
        self._threads = ThreadPoolExecutor(self.count)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Stop them; what is not finished is given up."""
        for process in self._processes:
            process.kill()
        for _ in range(self.count):  # a thread may wait for a worker that never comes back
            self._idle.put(None)
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._processes:
            process.join()
        for line in self._lines:
            line.close()

    def begin(self, job: J) -> Future[R]:
        """Hand a job to a thread, which hands it to a process."""
        if len(self._processes) < self.count:
            self._spawn()
        return self._threads.submit(self._work, job)

    def done(self, begun: Future[R]) -> bool:
        """Tell whether a result is there."""
        return begun.done()

    def result(self, key: str, begun: Future[R]) -> R:
        """Wait for a result."""
        try:
            return begun.result()
        except (EOFError, ConnectionError):
            raise self.died(key) from None

    def _spawn(self) -> None:
        context = multiprocessing.get_context('spawn')
        ours, theirs = context.Pipe()
        line = Line(ours)
        self._lines.append(line)
        process = context.Process(target=_serve, daemon=True, args=(
            Line(theirs, line.jobs, line.results), self._start))
        process.start()
        theirs.close()  # so that a dead worker, or a dead parent, is the end of the pipe
        self._processes.append(process)
        self._idle.put(line)

    def _work(self, job: J) -> R:
        """Have an idle worker do a job; runs in a thread."""
        line = self._idle.get()
        if line is None:
            raise EOFError('the workers were stopped')
        try:
            size = line.jobs.put(job)
        except Exception:  # what cannot be handed over leaves the worker as it is
            self._idle.put(line)
            raise
        line.pipe.send(size)
        made: R | Exception = line.results.take(line.pipe.recv())
        self._idle.put(line)
        if isinstance(made, Exception):
            raise made
        return made


def _serve(line: Line, start: Start[J, R]) -> None:
    """Work until the pipe ends: one thread, deaf to Ctrl-C, which the parent handles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin_work()
    work = None
    while True:
        try:
            size = line.pipe.recv()
        except (EOFError, ConnectionError):
            return
        try:
            job: J = line.jobs.take(size)
            work = work or start()
            made = work(job)
            size = line.results.put(made)
        except Exception as error:
            size = line.results.put(_that_arrives(error))
        try:
            line.pipe.send(size)
        except ConnectionError:  # the parent was killed meanwhile
            return


def _that_arrives(error: Exception) -> Exception:
    """Give an error itself, or its words where its type cannot be handed over."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: B902  (whatever its __init__ and __reduce__ do)
        return RuntimeError(f'{type(error).__name__}: {error}')
    return error
