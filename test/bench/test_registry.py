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

"""Which benchmarks there are, what they promise, and how a run goes on without some of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dseg_ros.bench import registry, running
from dseg_ros.bench.registry import Benchmark, benchmark, chosen, NAMES
from dseg_ros.bench.rows import BenchError, Row, Spec
from dseg_ros.bench.setting import Setting
from dseg_ros.cli.app import main
from dseg_ros.config.bench import BenchConfig
import pytest

TARGETS = {
    'decoding': '<= 0.1 ms',
    'proposals': '<= 3 ms per 125 k points, >= 100 x',
    'proposals, wide': '<= 4 ms per 125 k points, >= 100 x',
    'proposals, rectangles': '<= 4 ms per 125 k points, >= 100 x',
    'ground': '<= 2 ms per 125 k points, agreement >= 0.99',
    'projection': '<= 1 ms',
    'k-means': '<= 400 ms',
    'harvest': 'pairs per s >= 220, <= 10 % outside decoding',
    'transport, images': 'none lost, <= 5 ms, p99 <= 30 ms',
    'transport, clouds': 'none lost, <= 5 ms, p99 <= 30 ms',
    'image to mask': '<= 3 ms',
    'start': '<= 1000 ms',
    'engine tensorrt': 'ids agree >= 99.5 %',
    'engine tensorrt, host': '<= 1 ms',
    'engine tensorrt, throughput': '>= 0.95 x',
    'engine float16': 'ids agree >= 99.5 %',
}
"""What was promised, by row."""


def test_every_target_has_a_row() -> None:
    """Names are unique, so that rows can be found again."""
    specs = [spec for name in NAMES for spec in benchmark(name).specs]
    assert len({spec.name for spec in specs}) == len(specs)
    given = {spec.name: spec.target for spec in specs}
    assert {name: given.get(name) for name in TARGETS} == TARGETS


def test_a_whole_run_takes_less_than_ten_minutes() -> None:
    """By the budgets, which a run shows beside what it took."""
    assert sum(benchmark(name).seconds for name in NAMES) < 540


def test_an_unknown_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, with those there are."""
    assert main(['bench', '--only', 'decoding', 'prjection']) == 2
    said = capsys.readouterr().err
    assert "'prjection'" in said and 'projection' in said and said.count('\n') == 1
    assert chosen(['projection', 'decoding']) == ('decoding', 'projection')


@pytest.mark.parametrize(('arguments', 'named'), [
    (['--picture', 'bars.svg'], 'bars.svg: only .png'),
    (['--growth', 'curves.png'], 'curves.png: only .html'),
    (['--json', 'no_such_folder/rows.json'], 'no such folder'),
    (['--growth', 'curves.html', '--only', 'decoding'], 'stands alone')])
def test_what_cannot_be_written_is_told_at_once(arguments: list[str], named: str,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    """Before minutes of work."""
    with pytest.raises(SystemExit) as stop:
        main(['bench', *arguments])
    assert stop.value.code == 2 and named in capsys.readouterr().err


def test_the_list_names_anchors_and_targets(capsys: pytest.CaptureFixture[str]) -> None:
    """Without measuring anything."""
    assert main(['bench', '--list']) == 0
    said = capsys.readouterr().out
    assert all(f'{name}: ' in said for name in NAMES)
    assert 'beside Open3D' in said and 'target <= 0.1 ms' in said


SPECS = (Spec('first', 'ours'), Spec('second', 'ours', 'anchor'))


def fails(error: Exception) -> Benchmark:
    """Make a benchmark that gives its first row, then fails."""
    def run(setting: Setting) -> Iterator[Row]:
        yield Row(SPECS[0], 1.0)
        raise error
    return Benchmark('what fails', SPECS, run, 1.0)


@pytest.mark.parametrize(('error', 'failed'), [
    (ImportError("No module named 'rclpy'", name='rclpy'), False),
    (BenchError('the node did not start'), True)])
def test_what_cannot_be_measured_has_rows_with_the_reason(
        error: Exception, failed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured before is kept; a library that is not there is no failure."""
    monkeypatch.setattr(running, 'benchmark', lambda name: fails(error))
    kept = []
    report = running.run(['one'], BenchConfig(), {}, keep=lambda r: kept.append(len(r.rows)))
    assert [row.ours_ms for row in report.rows] == [1.0, None]
    assert str(error) in report.rows[1].reason and bool(report.failed) == failed
    assert kept == [2]


def test_a_fault_in_a_benchmark_is_shown_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no reason of the machine's."""
    monkeypatch.setattr(running, 'benchmark', lambda name: fails(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        running.run(['one'], BenchConfig(), {})


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    """As the reason of the rows that would have been measured on it."""
    config = BenchConfig(short=True, bag=str(tmp_path / 'nowhere'))
    report = running.run(['images'], config, {})
    assert 'nowhere' in report.failed['images']
    assert all('nowhere' in row.reason for row in report.rows)


def test_modules_are_what_the_registry_lists() -> None:
    """A benchmark that is not listed would never run."""
    folder = Path(registry.__file__).parent
    defining = {path.stem for path in folder.glob('*.py')
                if '\nBENCHMARK = ' in path.read_text()}
    assert defining == set(NAMES)
