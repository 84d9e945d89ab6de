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
Workers on a Ray cluster.

Jobs and results travel by value, so nodes need no common disk; they need this software, in this
version. What dies with a node or for want of memory is tried again on another.
"""

from __future__ import annotations

from functools import lru_cache
import logging
import os
import pickle
import socket
from types import TracebackType
from typing import Any

from dseg_ros.config.workers import RAY
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.dataset.workers import begin_work, InOrder, J, R, Start
from dseg_ros.version import software_version

OWN = 'local'
"""The address of a Ray that is started here."""
RETRIES, REACHED_WITHIN_S = 2, 10.0


class RayWorkers(InOrder[J, R, Any]):
    """Tasks of a Ray cluster, one core each."""

    def __init__(self, count: int, start: Start[J, R], address: str = '') -> None:
        """
        Connect to a cluster or start one.

        :param count: how many tasks at a time; 0 for one per core of the cluster.
        :param start: what each worker begins with.
        :param address: see WorkersConfig.
        :raises DatasetError: if Ray is not installed or the cluster cannot be reached.
        """
        try:
            import ray
        except ImportError:
            raise DatasetError(f'engine {RAY}: Ray is not installed here; pip install ray, or '
                               'take engine local') from None
        self._ray: Any = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(ray, count, address)
        super().__init__(count or int(self._ray.cluster_resources().get('CPU', 1)))
        self._start = ray.put(pickle.dumps(start))
        self._task = ray.remote(num_cpus=1, max_retries=RETRIES)(_do)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Give up what is not finished; leave the cluster, or stop the one that was started."""
        for _, begun in self._begun:
            self._ray.cancel(begun, force=True)
        if self._ours:
            self._ray.shutdown()

    def begin(self, job: J) -> Any:
        """Send a job, pickled here: its arrays can be written to, as those of a pipe."""
        return self._task.remote(software_version(), self._start, pickle.dumps(job))

    def done(self, begun: Any) -> bool:
        """Tell whether a result is there."""
        return bool(self._ray.wait([begun], timeout=0)[0])

    def result(self, key: str, begun: Any) -> R:
        """Wait for a result."""
        gone = (self._ray.exceptions.WorkerCrashedError, self._ray.exceptions.NodeDiedError,
                self._ray.exceptions.OutOfMemoryError)
        try:
            made: R | Exception = pickle.loads(self._ray.get(begun))
        except gone:
            raise self.died(key) from None
        except self._ray.exceptions.RayError as error:
            raise DatasetError(f'{key}: Ray could not make it; has every node of the cluster '
                               f'{software_version()}? {error}') from error
        if isinstance(made, Exception):
            raise made
        return made


def _connect(ray: Any, count: int, address: str) -> None:
    """Find the cluster, or start one of this machine's cores."""
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    named = address or os.environ.get('RAY_ADDRESS', '')
    own = {'num_cpus': count or len(os.sched_getaffinity(0))} if address == OWN else {}
    try:
        host, colon, port = named.removeprefix('ray://').rpartition(':')
        if colon:                                   # Ray itself would try for minutes
            socket.create_connection((host, int(port)), REACHED_WITHIN_S).close()
        # Without an address Ray takes RAY_ADDRESS, else what `ray start` left, else starts one.
        ray.init(address=address or None, include_dashboard=False, log_to_driver=False,
                 logging_level=logging.ERROR, **own)
    except Exception as error:      # Ray raises bare ones, too, when it does not come up in time
        raise DatasetError(f'ray_address: no Ray cluster at {named!r}: {error}' if named else
                           f'engine {RAY}: Ray does not start: {error}') from error


def _do(version: str, start: bytes, job: bytes) -> bytes:
    """Do a job on some node; both it and what comes of it are pickled."""
    made: Any
    try:
        if version != software_version():
            raise DatasetError(f'a node of the Ray cluster has {software_version()}, this '
                               f'machine {version}')
        made = _worker(start)(pickle.loads(job))
    except Exception as error:
        made = error
    return pickle.dumps(made)


@lru_cache(maxsize=1)
def _worker(start: bytes) -> Any:
    """Begin once per process of the cluster."""
    begin_work()
    return pickle.loads(start)()
