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

"""All benchmarks, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module

from dseg_ros.bench.rows import BenchError, Row, Spec
from dseg_ros.bench.setting import Setting

NAMES = ('decoding', 'proposals', 'projection', 'images', 'matcher', 'kmeans', 'engines',
         'harvest', 'publishing', 'image_to_mask', 'transport', 'start', 'drive')
"""Modules of this package, a benchmark each, in the order in which they run."""


@dataclass(frozen=True)
class Benchmark:
    """
    A benchmark.

    :param measures: what, in a line.
    :param specs: all rows that it gives.
    :param run: gives the rows.
    :param seconds: about how long that takes on two quiet cores; of --short, a tenth.
    """

    measures: str
    specs: tuple[Spec, ...]
    run: Callable[[Setting], Iterable[Row]]
    seconds: float


def benchmark(name: str) -> Benchmark:
    """Load a benchmark; its module defines BENCHMARK."""
    found: Benchmark = import_module(f'dseg_ros.bench.{name}').BENCHMARK
    return found


def chosen(only: Sequence[str]) -> tuple[str, ...]:
    """
    Check names.

    :param only: as asked for; none = all.
    :returns: in the order in which they run.
    :raises BenchError: for a name that is none.
    """
    if unknown := [name for name in only if name not in NAMES]:
        raise BenchError(f'no benchmark {", ".join(map(repr, unknown))}; there are '
                         f'{", ".join(NAMES)}')
    return tuple(name for name in NAMES if not only or name in only)
