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

"""Batches that are ready before the network asks for them, in the order of the steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
from dseg_ros.config.execution import ExecutionConfig
from dseg_ros.distill.augment import Draw
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class FeedingError(RuntimeError):
    """Batches that will not come."""


Tensors = tuple[Tensor, Tensor]
"""Crops (B, H, W, 3) uint8 and labels (B, h, w) uint8, as in Batch."""


class _Steps(Dataset[Tensors]):
    """The crops of this process as torch wants them, by step."""

    def __init__(self, draw: Draw, numbers: Sequence[int]) -> None:
        self._draw, self._numbers = draw, numbers

    def __getitem__(self, step: int) -> Tensors:
        batch = self._draw(step, self._numbers)
        return torch.from_numpy(batch.rgb), torch.from_numpy(batch.labels)


def feed(draw: Draw, numbers: Sequence[int], steps: range, config: ExecutionConfig,
         pinned: bool = False) -> Iterator[Tensors]:
    """
    Draw batches ahead of their use.

    What drawing raises is raised where that step's batch would have come.

    :param draw: draws crops; where there are workers it is copied into each by a fork.
    :param numbers: which crops of every step.
    :param steps: which steps, in order.
    :param config: how many workers draw how far ahead.
    :param pinned: whether the batches are to lie where a GPU fetches them without waiting.
    :raises FeedingError: if a worker has died.
    """
    source = _Steps(draw, numbers)
    if config.workers:
        loader = DataLoader(source, batch_size=None, sampler=steps, num_workers=config.workers,
                            prefetch_factor=config.prefetch, pin_memory=pinned,
                            multiprocessing_context='fork', worker_init_fn=_alone)
        yield from _of_living(loader)
    else:
        yield from _by_thread(source, steps, config.prefetch, pinned)


def _of_living(loader: DataLoader[Tensors]) -> Iterator[Tensors]:
    """Say in our words that a worker has died."""
    batches = iter(loader)
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except RuntimeError as error:
            if 'DataLoader worker' not in str(error):
                raise
            raise FeedingError(f'a worker that draws crops has died, is there memory for so many '
                               f'(execution.workers)? {error}') from error
        yield batch


def _alone(worker: int) -> None:
    """Let a worker compute on one thread: what a fork inherits of thread pools is dead."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _by_thread(source: _Steps, steps: range, ahead: int, pinned: bool) -> Iterator[Tensors]:
    def one(step: int) -> Tensors:
        rgb, labels = source[step]
        return (rgb.pin_memory(), labels.pin_memory()) if pinned else (rgb, labels)
    pool = ThreadPoolExecutor(1, 'crops')
    try:
        coming: deque[Future[Tensors]] = deque(pool.submit(one, s) for s in steps[:ahead])
        for following in range(ahead, ahead + len(steps)):
            ready = coming.popleft().result()
            if following < len(steps):
                coming.append(pool.submit(one, steps[following]))
            yield ready
    finally:
        pool.shutdown(cancel_futures=True)
