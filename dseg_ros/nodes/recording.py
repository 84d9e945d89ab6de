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

"""A data set that grows while the vehicle drives: a bounded queue and a thread that writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Full, Queue
import shutil
from threading import Lock, Thread

from dseg_ros.bags.shot import Shot
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.dataset.builder import REPEATED, SampleBuilder
from dseg_ros.dataset.harvest import recipe
from dseg_ros.dataset.manifest import Source
from dseg_ros.dataset.sample import checked_name, DatasetError, sample_key
from dseg_ros.dataset.writer import DatasetWriter
from dseg_ros.types import Cloud, Dropped

QUEUE_FULL = 'queue full: the disk is too slow'
STOPPED = 'came after the recording had stopped'
GB = 1e9


def free_gb(path: Path) -> float:
    """Tell how much space is left where a data set lies [GB]."""
    return shutil.disk_usage(path).free / GB


@dataclass(frozen=True, eq=False)
class Taken:
    """A cloud at one moment and its images as they came."""

    cloud: Cloud
    shots: Sequence[Shot]


class Recording:
    """
    Writes frames of one drive to a data set; every method may be called from any thread.

    What is on disk stays whole whatever happens. When the disk has too little left, or fails,
    nothing more is written until `resume`.
    """

    def __init__(self, config: HarvestConfig, drive: str, queue: int, min_free_gb: float,
                 failed: Callable[[Exception], None]) -> None:
        """
        Open or create the data set and start the writing thread.

        :param config: `out` is the data set; the rest is the recipe, as a harvest's.
        :param drive: name of the drive.
        :param queue: frames that may wait.
        :param min_free_gb: what the disk must have left [GB].
        :param failed: told of each error of the writing thread.
        :raises DatasetError: if the data set cannot be written or the drive's name not be used.
        """
        self.path = Path(config.out)
        self.samples = 0
        self.stopped_because = ''
        self.dropped: Counter[str] = Counter()
        self._drive = checked_name('drive', drive)
        self._min_free_gb = min_free_gb
        self._failed = failed
        self._writer = DatasetWriter(self.path, recipe(config), config.store)
        self._build = SampleBuilder(config.proposals, config.store)
        self._source: Source | None = None
        self._lock = Lock()
        self._queue: Queue[Taken | None] = Queue(queue)
        self._thread = Thread(target=self._work, name='recording', daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Count the frames in the queue."""
        return self._queue.qsize()

    def resume(self) -> None:
        """
        Write again after a stop.

        :raises DatasetError: if the disk still has too little left.
        """
        self._check_disk()
        self.stopped_because = ''

    def offer(self, frame: Taken, patient: bool = False) -> None:
        """
        Queue a frame; without room it is dropped and counted.

        :param frame: to be written.
        :param patient: wait for room instead.
        """
        try:
            self._queue.put(frame, block=patient)
        except Full:
            self.dropped[QUEUE_FULL] += 1

    def settle(self) -> None:
        """Write what is queued and make it safe on the disk."""
        self._queue.join()
        with self._lock:
            self._settle(complete=False)
            self._writer.flush()

    def close(self) -> None:
        """
        Write what is queued and close the data set.

        :raises OSError: if the disk fails; what was written stays whole, and others may write.
        """
        self._queue.put(None)
        self._thread.join()
        with self._lock:
            try:
                self._settle(complete=True)
            finally:
                self._writer.close()

    def _work(self) -> None:
        while True:
            frame = self._queue.get()
            try:
                if frame is not None and not self.stopped_because:
                    self._write(frame)
                elif frame is not None:
                    self.dropped[STOPPED] += 1
            except (DatasetError, OSError) as error:
                self.stopped_because = str(error)
                self._failed(error)
            except Exception as error:
                self._failed(error)
            finally:
                self._queue.task_done()
            if frame is None:
                return

    def _write(self, frame: Taken) -> None:
        self._check_disk()
        with self._lock:
            if self._source is None:
                self._source = self._writer.begin_source('live', self._drive)
            name = self._source.name
        if sample_key(name, frame.cloud.stamp_ns) in self._writer:
            self.dropped[REPEATED] += 1
            return
        built = self._build(name, frame.cloud, frame.shots)
        for problem in built.problems:
            self._failed(DatasetError(problem))
        if built.sample is None:
            self.dropped.update(built.dropped.counts)
            return
        with self._lock:
            self._writer.append(built.sample)
            self.samples += 1

    def _check_disk(self) -> None:
        left_gb = free_gb(self.path)
        if left_gb < self._min_free_gb:
            raise DatasetError(f'{self.path}: the disk has {left_gb:.2f} GB left, less than '
                               f'min_free_gb {self._min_free_gb:g}: recording has stopped')

    def _settle(self, complete: bool) -> None:
        if self._source is not None:
            self._writer.settle_source(self._source, Dropped(dict(self.dropped)),
                                       complete=complete)
