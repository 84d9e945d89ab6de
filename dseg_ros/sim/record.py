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

"""The recipe `dseg sim`: render a drive on several cores and record it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
import os
from pathlib import Path
import shutil

from dseg_ros.config.sim import SimConfig
from dseg_ros.sim.bag import BagWriter, Entry, frame_entries
from dseg_ros.sim.drive import Drive

Progress = Callable[[int, int], None]
"""Called as (frames done, frames in all)."""
ALONE = 12
"""Up to this many frames a second process costs more than it brings."""

_drive: Drive | None = None


class SimError(RuntimeError):
    """The drive cannot be recorded; the message says why."""


def simulate(config: SimConfig, out: Path, progress: Progress | None = None) -> Path:
    """
    Record a simulated drive.

    :param config: what to simulate.
    :param out: the folder of the bag, which appears when it is complete.
    :returns: out.
    :raises SimError: if out exists, or a worker died.
    """
    out = Path(out)
    if out.exists():
        raise SimError(f'{out} exists already; choose another place or remove it')
    partial = out.parent / f'.{out.name}.partial'
    shutil.rmtree(partial, ignore_errors=True)
    drive = Drive(config)
    try:
        # The bag's file is named after its folder, so the folder keeps its name inside another.
        writer = BagWriter(partial / out.name, drive)
        for done, entries in enumerate(_rendered(drive), start=1):
            writer.write(entries)
            if progress is not None:
                progress(done, config.frames)
        writer.close()
        (partial / out.name).rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def _rendered(drive: Drive) -> Iterator[list[Entry]]:
    """Give the entries of every frame in order; the same with any number of workers."""
    config = drive.config
    workers = config.workers or min(4, len(os.sched_getaffinity(0)))
    if workers == 1 or config.frames <= ALONE:
        for index in range(config.frames):
            yield frame_entries(drive.frame(index), drive)
        return
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(workers, context, _start, (config,)) as pool:
        yield from pool.map(_frame, range(config.frames))


def _start(config: SimConfig) -> None:
    global _drive
    _drive = Drive(config)


def _frame(index: int) -> list[Entry]:
    assert _drive is not None
    return frame_entries(_drive.frame(index), _drive)
