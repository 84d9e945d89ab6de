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

"""Workers: results in order wherever they are; what fails in one of them is said here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
import logging
import os
import sys
from typing import Any

from doubling import doubler, Task
from dseg_ros.config.dataset import StoreConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.making import Job, Made, Maker, plain
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.dataset.store import Sample
from dseg_ros.dataset.workers import start_workers, Workers
from dseg_ros.types import Dropped
import numpy as np
import pytest
import ray

MakeSample = Callable[..., Sample]
RAY_TWO = WorkersConfig(workers=2, engine='ray', ray_address='local')
ENGINES = [pytest.param(WorkersConfig(workers=1), id='here'),
           pytest.param(WorkersConfig(workers=2), id='processes'),
           pytest.param(RAY_TWO, id='ray')]
ELSEWHERE = ENGINES[1:]


@pytest.fixture(scope='module', autouse=True)
def ray_here() -> Iterator[None]:
    """Run one small Ray for all tests; its processes find this module."""
    os.environ['RAY_USAGE_STATS_ENABLED'] = '0'
    ray.init(address='local', num_cpus=2, include_dashboard=False, log_to_driver=False,
             logging_level=logging.ERROR, runtime_env={'env_vars': {
                 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}})
    yield
    ray.shutdown()


def results(workers: Workers[Any, Any], jobs: list[Any]) -> list[Any]:
    """Do jobs."""
    return list(workers.map(jobs))


@pytest.mark.parametrize('config', ENGINES)
def test_results_come_in_order(config: WorkersConfig) -> None:
    """The first jobs take longest; nothing is lost, nothing overtakes."""
    with start_workers(config, doubler) as workers:
        made = results(workers, [Task(i, 0.2 if i < 2 else 0.0) for i in range(20)])
        again = results(workers, [Task(7)])
    assert made == [2 * i for i in range(20)] and again == [14]


@pytest.mark.parametrize('config', ENGINES)
def test_a_job_is_the_workers_own(config: WorkersConfig) -> None:
    """Arrays can be written to, wherever it is done."""
    with start_workers(config, doubler) as workers:
        assert results(workers, [Task(1, extra=np.zeros(100_000))]) == [2]


@pytest.mark.parametrize('config', ELSEWHERE)
def test_a_dead_worker_is_said_and_nothing_hangs(config: WorkersConfig) -> None:
    """As when the system kills it for its memory."""
    with start_workers(config, doubler) as workers:
        with pytest.raises(DatasetError, match='task 666: a worker died .* for 2 workers'):
            results(workers, [Task(1), Task(666), Task(2)])
    with pytest.raises(DatasetError, match='task 666'):  # more jobs wait than there are workers
        with start_workers(config, doubler) as workers:
            results(workers, [Task(666), *(Task(n, 0.3) for n in range(9))])


@pytest.mark.parametrize('config', ENGINES)
def test_a_fault_in_a_worker_is_raised_here(config: WorkersConfig) -> None:
    """Of its own type, so that a fault of ours is seen as one; the worker goes on."""
    with start_workers(config, doubler) as workers:
        with pytest.raises(ZeroDivisionError, match='thirteen'):
            results(workers, [Task(-13)])
        assert results(workers, [Task(4)]) == [8]


@pytest.mark.parametrize('config', ELSEWHERE)
def test_a_job_that_cannot_be_handed_over_does_not_hang(config: WorkersConfig) -> None:
    """The error comes out."""
    with start_workers(config, doubler) as workers:
        with pytest.raises(Exception, match='pickle'):
            results(workers, [Task(1, extra=lambda: 0)])
        assert results(workers, [Task(n) for n in range(6)]) == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize('number, named', [(-14, 'pickle'), (-15, 'two: one')])
def test_what_cannot_come_back_is_said(number: int, named: str) -> None:
    """A result that cannot be pickled, an error that cannot be unpickled; the worker goes on."""
    with start_workers(WorkersConfig(workers=2), doubler) as workers:
        for _ in range(3):
            with pytest.raises(Exception, match=named):
                results(workers, [Task(number)])
        assert results(workers, [Task(n) for n in range(6)]) == [0, 2, 4, 6, 8, 10]


def test_few_jobs_start_few_processes() -> None:
    """A machine of many cores is not filled for two samples."""
    with start_workers(WorkersConfig(workers=50), doubler) as workers:
        assert results(workers, [Task(1), Task(2)]) == [2, 4]
        assert len(workers._processes) <= 2  # type: ignore[attr-defined]


@pytest.mark.parametrize('config', ELSEWHERE)
def test_frames_without_images_make_no_sample(config: WorkersConfig,
                                              make_sample: MakeSample) -> None:
    """Large and small frames by two workers; each says what is wrong with it."""
    samples = [make_sample(i, points=40_000 if i % 3 == 0 else 10) for i in range(5)]
    jobs = [Job(s.key, s.source, s.cloud, (), None) for s in samples]
    with start_workers(config, partial(Maker, ProposalsConfig(), StoreConfig())) as workers:
        made: list[Made] = results(workers, jobs)
    assert [m.dropped.counts for m in made] == [{'no usable image': 1}] * 5


def test_a_plain_message_has_the_same_values() -> None:
    """Nested dataclasses become plain objects; everything else stays itself."""
    copy = plain(Dropped({'a': 1}))
    assert copy.counts == {'a': 1} and not isinstance(copy, Dropped)
    assert plain('text') == 'text'


def test_ray_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not installed: how to install it; an engine of another name: which there are."""
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(DatasetError, match='engine ray: .* pip install ray'):
        start_workers(RAY_TWO, doubler)
    with pytest.raises(ConfigError, match="engine: 'spark' is not one of"):
        WorkersConfig(engine='spark')


def test_another_version_on_a_node_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its samples might differ."""
    monkeypatch.setattr('dseg_ros.dataset.ray_workers.software_version', lambda: 'dseg_ros 99')
    with start_workers(RAY_TWO, doubler) as workers:
        with pytest.raises(DatasetError, match=r'has dseg_ros \d.*this machine dseg_ros 99'):
            results(workers, [Task(1)])


def test_a_cluster_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, where it was asked for by the option or by the environment."""
    monkeypatch.setattr(ray, 'is_initialized', lambda: False)
    with pytest.raises(DatasetError, match="ray_address: no Ray cluster at '127.0.0.1:1': "):
        start_workers(replace(RAY_TWO, ray_address='127.0.0.1:1'), doubler)
    monkeypatch.setenv('RAY_ADDRESS', 'ray://127.0.0.1:2')
    with pytest.raises(DatasetError, match="ray_address: no Ray cluster at 'ray://127.0.0.1:2'"):
        start_workers(replace(RAY_TWO, ray_address=''), doubler)
