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

"""Run benchmarks one after the other and keep what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import tempfile
import time
from typing import Any

from dseg_ros.bags.reader import BagError
from dseg_ros.bench.registry import Benchmark, benchmark
from dseg_ros.bench.rows import BenchError, Row
from dseg_ros.bench.setting import Setting
from dseg_ros.bench.timer import not_here
from dseg_ros.config.bench import BenchConfig

Progress = Callable[[int, int, str], None]
"""Called as (seconds that are behind, seconds in all, what begins), by the benchmarks' budgets."""


@dataclass
class Report:
    """
    What a run gave.

    :param about: machine, software, command, by name.
    :param rows: of all benchmarks.
    :param took_s: by benchmark [s].
    :param failed: benchmarks that could not be finished, and why.
    """

    about: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    took_s: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def as_values(self) -> dict[str, Any]:
        """Write as plain values."""
        return {**self.about, 'rows': [row.as_values() for row in self.rows],
                'took_s': {k: round(v, 1) for k, v in self.took_s.items()},
                'failed': self.failed}


def run(names: Sequence[str], config: BenchConfig, about: dict[str, str],
        progress: Progress = lambda done, total, text: None,
        keep: Callable[[Report], None] = lambda report: None) -> Report:
    """
    Run benchmarks.

    :param names: as from `registry.chosen`.
    :param config: how much, on what.
    :param about: of the machine and the software, to stand beside the rows.
    :param progress: told what begins.
    :param keep: told after each benchmark, so that a run that is cut off is not lost.
    """
    report = Report(about)
    found = {name: benchmark(name) for name in names}
    total = round(sum(b.seconds for b in found.values()))
    with tempfile.TemporaryDirectory(prefix='dseg_bench_') as scratch:
        setting, behind = Setting(config, Path(scratch)), 0.0
        for name, one in found.items():
            progress(round(behind), total, name)
            begun_s = time.monotonic()
            report.rows += _rows(name, one, setting, report.failed)
            report.took_s[name] = time.monotonic() - begun_s
            behind += one.seconds
            keep(report)
    progress(total, total, '')
    return report


def _rows(name: str, one: Benchmark, setting: Setting, failed: dict[str, str]) -> list[Row]:
    """Run one; what could not be measured has a row as well, with the reason."""
    rows: list[Row] = []
    reason = ''
    try:
        rows.extend(one.run(setting))
    except ImportError as error:
        reason = not_here(error)
    except (BenchError, BagError) as error:
        reason = failed[name] = ' '.join(str(error).split())
    given = {row.spec.name for row in rows}
    return rows + [spec.absent(reason) for spec in one.specs if spec.name not in given]


def write_json(values: Any, path: Path) -> None:
    """Write atomically."""
    partial = path.with_name(f'.{path.name}.partial')
    partial.write_text(json.dumps(values, indent=2, ensure_ascii=False) + '\n')
    os.replace(partial, path)


def missed(rows: Iterable[Row]) -> list[Row]:
    """Select the rows whose target is not met."""
    return [row for row in rows if row.met is False]
