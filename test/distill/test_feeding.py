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

"""Batches drawn ahead: in order, the same whoever draws them, trouble where it belongs."""

from collections.abc import Iterator, Sequence
from contextlib import closing
import os
import signal

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.execution import ExecutionConfig
from dseg_ros.distill.augment import Batch, Crops, draw_batch, NoImagesError, TrainingImage
from dseg_ros.distill.feeding import feed, FeedingError
import numpy as np
import pytest
import torch

Drives = list[list[TrainingImage]]
HOWS = [ExecutionConfig(workers=0, prefetch=3), ExecutionConfig(workers=2, prefetch=1)]


@pytest.mark.parametrize('how', HOWS, ids=['thread', 'workers'])
def test_whoever_draws_it_a_batch_is_that_of_its_step(
        images: Drives, tiny: TrainingConfig, how: ExecutionConfig) -> None:
    """Any steps, in order, each as if drawn at once; some crops only, if asked."""
    fed = list(feed(Crops(images, tiny), [3, 1], range(4, 9), how))
    assert len(fed) == 5
    for step, (rgb, labels) in zip(range(4, 9), fed):
        whole = draw_batch(images, step, tiny)
        assert torch.equal(rgb, torch.from_numpy(whole.rgb[[3, 1]]))
        assert torch.equal(labels, torch.from_numpy(whole.labels[[3, 1]]))


def test_trouble_comes_where_its_batch_would_have_come() -> None:
    """Steps before it are given; nothing is drawn far ahead, nor after the end."""
    drawn = []

    def draw(step: int, numbers: Sequence[int]) -> Batch:
        drawn.append(step)
        if step == 2:
            raise KeyboardInterrupt
        return Batch(np.zeros((1, 2, 2, 3), np.uint8), np.zeros((1, 1, 1), np.uint8))

    fed: Iterator[object] = feed(draw, [0], range(100), ExecutionConfig(prefetch=2))
    with closing(fed):  # type: ignore[type-var]
        next(fed), next(fed)
        with pytest.raises(KeyboardInterrupt):
            next(fed)
    assert max(drawn) <= 4


def test_a_worker_that_is_gone_is_told() -> None:
    """The kernel kills one for lack of memory: a plain error, no endless waiting."""
    def draw(step: int, numbers: Sequence[int]) -> Batch:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError
    with pytest.raises(FeedingError, match='a worker that draws crops has died'):
        next(feed(draw, [0], range(3), ExecutionConfig(workers=1)))


def test_there_has_to_be_something_to_draw_from(images: Drives, tiny: TrainingConfig) -> None:
    """No drive, or a drive without images."""
    for empty in ([], [*images, []]):
        with pytest.raises(NoImagesError, match='no image to draw crops from'):
            Crops(empty, tiny)
