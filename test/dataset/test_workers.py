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

"""Worker processes: what fails in one of them is said here."""

from __future__ import annotations

from collections.abc import Callable

from dseg_ros.config.dataset import StoreConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.dataset.store import Sample
from dseg_ros.dataset.workers import Job, plain, Workers
import pytest

MakeSample = Callable[..., Sample]


def job(sample: Sample) -> Job:
    """Ask for a sample without images, which is made of none."""
    return Job(sample.key, sample.source, sample.cloud, (), None)


def test_results_come_in_order(make_sample: MakeSample) -> None:
    """Large and small jobs by two workers; nothing is lost, nothing overtakes."""
    samples = [make_sample(i, points=40_000 if i % 3 == 0 else 10) for i in range(9)]
    with Workers(2, ProposalsConfig(), StoreConfig()) as workers:
        made = [m for s in samples for m in workers.submit(job(s))] + list(workers.rest())
    assert len(made) == 9 and all(m.dropped.counts == {'no usable image': 1} for m in made)


def test_a_dead_worker_is_said_and_nothing_hangs(make_sample: MakeSample) -> None:
    """As when the system kills it for its memory."""
    with Workers(2, ProposalsConfig(), StoreConfig()) as workers:
        for process in workers._processes:
            process.kill()
        with pytest.raises(DatasetError, match='drive-0000000001000000000: a worker died'):
            list(workers.submit(job(make_sample(1))))
            list(workers.rest())


def test_a_fault_in_a_worker_is_raised_here(make_sample: MakeSample) -> None:
    """Of its own type, so that a fault of ours is seen as one."""
    broken = Job('key', 'drive', None, (), None)  # type: ignore[arg-type]
    with Workers(2, ProposalsConfig(), StoreConfig()) as workers:
        with pytest.raises((AttributeError, TypeError)):
            list(workers.submit(broken))
            list(workers.rest())


def test_a_job_that_cannot_be_handed_over_does_not_hang(make_sample: MakeSample) -> None:
    """The error comes out, and the worker is there for the next job."""
    sample = make_sample(1)
    wrong = Job('key', 'drive', sample.cloud, (lambda: 0,), None)  # type: ignore[arg-type]
    with Workers(2, ProposalsConfig(), StoreConfig()) as workers:
        with pytest.raises(Exception, match='pickle'):
            list(workers.submit(wrong))
            list(workers.rest())


def test_a_plain_message_has_the_same_values() -> None:
    """Nested dataclasses become plain objects; everything else stays itself."""
    from dseg_ros.types import Dropped
    copy = plain(Dropped({'a': 1}))
    assert copy.counts == {'a': 1} and not isinstance(copy, Dropped)
    assert plain('text') == 'text'
