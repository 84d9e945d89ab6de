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

"""`dseg bench`: what everything costs, beside what others cost."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import shlex
import sys
import tempfile
from typing import Any, TYPE_CHECKING

from dseg_ros.cli.app import FOUND_WRONG
from dseg_ros.cli.options import add_flags, read_flags
from dseg_ros.config.bench import BenchConfig

if TYPE_CHECKING:  # numpy would make --help slow
    from dseg_ros.bench.growth import Curve
    from dseg_ros.bench.running import Report


ONE_THREAD = {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1'}
"""Of numeric libraries. More than one spin when their work is done, on the bill of whoever is
timed next: it doubled the CPU time of everything beside a matrix product."""


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'bench', help='measure speed, anchors in the same run', description='Time what the '
        'package does and what other libraries take for the same, in turns, numerics in one '
        'thread, so that ratios hold whatever else the machine does. Without ROS, a library or '
        'a GPU the rows that need it say so. Status 1 if a benchmark could not be finished; a '
        'missed target is no error.')
    parser.add_argument('--only', nargs='+', default=[], metavar='NAME',
                        help='these benchmarks alone; --list names them')
    parser.add_argument('--list', action='store_true', help='list the benchmarks, then exit')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the rows')
    parser.add_argument('--markdown', type=Path, metavar='FILE', help='write the table')
    parser.add_argument('--picture', type=Path, metavar='FILE.png', help='draw the rows as bars')
    parser.add_argument('--growth', type=Path, metavar='FILE.html',
                        help='measure how cost grows with points, pixels, cameras and bags '
                        'instead, and draw it')
    add_flags(parser, BenchConfig, 'options')
    parser.set_defaults(run=run, usage_error=parser.error)


def run(parsed: argparse.Namespace) -> int:
    """Measure, print the table, write what was asked for."""
    if parsed.list:
        return _list()
    _check(parsed)
    os.environ.update(ONE_THREAD)  # while no such library is loaded yet
    from dseg_ros.bags.memory import keep_freed_memory
    keep_freed_memory()  # as the launch file and a harvest do
    config = read_flags(parsed, BenchConfig)
    from dseg_ros.bench.registry import chosen
    names = chosen(parsed.only)
    if parsed.growth:
        return _grow(parsed, config)
    from dseg_ros.bench.running import missed, write_json
    from dseg_ros.bench.running import run as measure
    from dseg_ros.bench.table import plain
    from dseg_ros.cli.progress import ProgressBar

    def keep(report: Report) -> None:
        if parsed.json:
            write_json(report.as_values(), parsed.json)

    with ProgressBar('measuring', 'seconds') as bar:
        report = measure(names, config, _about(), lambda done, total, name: _tell(
            bar, done, total, name), keep)
    print(plain(report.rows))
    print(f'\n{report.about["machine"]}\n{sum(report.took_s.values()):.0f} s; '
          f'{sum(row.met is True for row in report.rows)} targets met, '
          f'{len(missed(report.rows))} missed, '
          f'{sum(row.met is None and bool(row.spec.limits) for row in report.rows)} not measured')
    if config.short:
        print('--short: times and whether they meet a target mean nothing, ratios little')
    _write(parsed, report)
    for name, why in report.failed.items():
        print(f'dseg: problem: {name}: {why}', file=sys.stderr)
    return FOUND_WRONG if report.failed else 0


def _check(parsed: argparse.Namespace) -> None:
    """Reject files of a kind that is not written, before minutes of work."""
    for name, suffix in (('picture', '.png'), ('growth', '.html')):
        path = getattr(parsed, name)
        if path is not None and path.suffix != suffix:
            parsed.usage_error(f'--{name} {path}: only {suffix} is written')
    for name in ('json', 'markdown', 'picture', 'growth'):
        path = getattr(parsed, name)
        if path is not None and not path.absolute().parent.is_dir():
            parsed.usage_error(f'--{name} {path}: no such folder')
    if parsed.growth and (parsed.only or parsed.picture or parsed.markdown):
        parsed.usage_error('--growth stands alone, but for --json')


def _list() -> int:
    from dseg_ros.bench.registry import benchmark, NAMES
    for name in NAMES:
        one = benchmark(name)
        print(f'{name}: {one.measures} (about {one.seconds:g} s)')
        for spec in one.specs:
            target = f'; target {spec.target}' if spec.target else ''
            print(f'    {spec.name}: {spec.ours}, beside {spec.anchor or "nothing"}{target}')
    return 0


def _about() -> dict[str, str]:
    from dseg_ros.cli.export import software_revision
    from dseg_ros.evaluation.machine import machine
    return {'machine': machine(), 'software': software_revision(),
            'command': shlex.join(['dseg', *sys.argv[1:]])}


def _tell(bar: Any, done: int, total: int, name: str) -> None:
    if name:
        bar.note(name)
    bar(done, total)


def _write(parsed: argparse.Namespace, report: Report) -> None:
    from dseg_ros.bench.picture import write_picture
    from dseg_ros.bench.table import markdown
    about = '; '.join(report.about[key] for key in ('machine', 'software'))
    if parsed.markdown:
        parsed.markdown.write_text(markdown(
            report.rows, f'`{report.about["command"]}`; {about}'))
    if parsed.picture:
        write_picture(report.rows, about, parsed.picture)
    for path in filter(None, (parsed.json, parsed.markdown, parsed.picture)):
        print(path)


def _grow(parsed: argparse.Namespace, config: BenchConfig) -> int:
    from dseg_ros.bench.growth import grow, listing
    from dseg_ros.bench.growth_page import growth_page
    from dseg_ros.bench.running import write_json
    from dseg_ros.bench.setting import Setting
    from dseg_ros.cli.progress import ProgressBar
    about = _about()
    with tempfile.TemporaryDirectory(prefix='dseg_bench_') as scratch:
        with ProgressBar('measuring', 'parts') as bar:
            curves: list[Curve] = grow(Setting(config, Path(scratch)), lambda done, total, name:
                                       _tell(bar, done, total, name))
    print(listing(curves))
    parsed.growth.write_text(growth_page(curves, about))
    if parsed.json:
        write_json({**about, 'growth': [c.as_values() for c in curves]}, parsed.json)
    print(parsed.growth)
    return 0
