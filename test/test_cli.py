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

"""The command line: fast help, one-line errors, options made from the configurations."""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
import resource
import subprocess
import sys
import types

from dseg_ros.cli import app
from dseg_ros.cli.options import add_options, read_config
from dseg_ros.cli.progress import ProgressBar, Stages
from dseg_ros.config.schema import Config, ConfigError, option, section
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Inner(Config):
    """A section."""

    far_m: float = option(5.0, 'How far [m].', low=0.0)
    names: tuple[str, ...] = option((), 'Names.')


@dataclass(frozen=True)
class Outer(Config):
    """A recipe."""

    count: int = option(3, 'How many; 100 % by default.', low=1, high=9)
    fast: bool = option(False, 'Hurry.')
    kind: str = option('a', 'Which.', choices=('a', 'b'))
    inner: Inner = section(Inner)


def parse(*arguments: str) -> Outer:
    """Read a configuration from a command line."""
    parser = app.argparse.ArgumentParser()
    add_options(parser, Outer)
    return read_config(parser.parse_args(arguments), Outer)


def dseg(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run([sys.executable, '-m', 'dseg_ros.cli', *arguments], cwd=REPOSITORY,
                          capture_output=True, text=True, timeout=60)


def test_every_option_can_be_given_in_every_way(tmp_path: Path) -> None:
    """As a flag, by --set, from a file; flags win over --set, which wins over the file."""
    assert parse() == Outer()
    assert parse('--count', '4', '--fast', '--kind', 'b').count == 4
    assert parse('--inner.far-m', '2', '--inner.names', 'x', 'y').inner == Inner(2.0, ('x', 'y'))
    assert parse('--set', 'inner.names=[x]', '--set', 'inner.far_m=1').inner == Inner(1.0, ('x',))
    file = tmp_path / 'recipe.yaml'
    file.write_text('count: 5\nfast: true\ninner: {far_m: 7}\n')
    config = parse('--config', str(file), '--set', 'count=6', '--no-fast', '--set',
                   'inner.names=[z]')
    assert config == Outer(6, False, 'a', Inner(7.0, ('z',)))
    assert parse('--set', 'count=6', '--count', '7').count == 7


def test_wrong_values_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ranges and types are the configuration's own, whatever way the value came."""
    with pytest.raises(ConfigError, match='count: 10 is above 9'):
        parse('--count', '10')
    with pytest.raises(ConfigError, match="unknown option 'far'"):
        parse('--set', 'far=1')
    with pytest.raises(ConfigError, match='inner: far_m: .* is a str'):
        parse('--set', 'inner.far_m=x')
    for wrong in (['--count', 'x'], ['--set', 'count'], ['--set', 'inner.names=[']):
        with pytest.raises(SystemExit) as stop:
            parse(*wrong)
        assert stop.value.code == 2
    assert "'count' is not NAME=VALUE" in capsys.readouterr().err


def test_help_and_list_say_what_an_option_means(capsys: pytest.CaptureFixture[str]) -> None:
    """Sections, which may be long, are only listed; texts may hold a percent sign."""
    with pytest.raises(SystemExit):
        parse('--help')
    text = ' '.join(capsys.readouterr().out.split())
    assert 'How many; 100 % by default (1..9; default 3)' in text and 'How far' not in text
    with pytest.raises(SystemExit):
        parse('--options')
    assert 'inner.far_m: How far [m] (0..; default 5.0)' in capsys.readouterr().out


def test_help_is_instant() -> None:
    """No verb imports numpy, let alone torch, before it is run."""
    code = ('import sys; from dseg_ros.cli.app import build_parser; build_parser(); '
            'print([m for m in ("numpy", "torch", "cv2", "rich", "rclpy") if m in sys.modules])')
    loaded = subprocess.run([sys.executable, '-c', code], cwd=REPOSITORY, capture_output=True,
                            text=True, check=True)
    assert loaded.stdout.strip() == '[]'
    seconds = []
    for _ in range(5):  # in CPU time, because the other core may be busy with anything
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert 'VERB' in dseg('--help').stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(seconds) < 0.3


@pytest.mark.parametrize('verb', app.VERBS)
def test_every_verb_has_help(verb: str) -> None:
    """The help of each verb can be printed."""
    result = dseg(verb, '--help')
    assert result.returncode == 0 and f'usage: dseg {verb}' in result.stdout


@pytest.mark.parametrize(('arguments', 'named'), [
    (('dataset', 'verify', 'nowhere'), 'nowhere: no data set'),
    (('dataset', 'info', 'nowhere'), 'nowhere: no data set'),
    (('harvest', 'nowhere.mcap', '--out', '{tmp}/set'), 'nowhere.mcap'),
    (('harvest', 'x', '--out', '{tmp}/set', '--set', 'selection.every=0'), 'every: 0'),
    (('harvest', 'x', '--out', '{tmp}/set', '--config', '{tmp}/no.yaml'), 'no.yaml'),
    (('sim', '{tmp}/sim', '--seconds', '-1'), 'seconds: -1.0 is below'),
])
def test_what_cannot_be_done_is_said_in_one_line(arguments: tuple[str, ...], named: str,
                                                 tmp_path: Path) -> None:
    """No traceback: one line that names the value, exit status 2, nothing written."""
    result = dseg(*(a.format(tmp=tmp_path) for a in arguments))
    lines = result.stderr.strip().splitlines()
    assert result.returncode == 2 and result.stdout == ''
    assert len(lines) == 1 and lines[0].startswith('dseg: error: ') and named in lines[0]
    assert not list(tmp_path.rglob('shard*'))


def failing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a verb that raises."""
    def run(parsed: object) -> int:
        raise error

    parser = types.SimpleNamespace(parse_args=lambda _: types.SimpleNamespace(run=run))
    monkeypatch.setattr(app, 'build_parser', lambda: parser)
    return app.main([])


def test_exit_statuses(monkeypatch: pytest.MonkeyPatch,
                       capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is 130; our errors and the system's are one line; a fault of ours is not hidden."""
    assert failing(KeyboardInterrupt(), monkeypatch) == 130
    assert failing(FileNotFoundError(2, 'No such file', 'a/b'), monkeypatch) == 2
    assert capsys.readouterr().err.splitlines()[-1] == 'dseg: error: a/b: No such file'
    assert failing(ConfigError('two\nlines'), monkeypatch) == 2
    assert capsys.readouterr().err == 'dseg: error: two lines\n'
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError('a fault'), monkeypatch)


def test_progress_without_a_terminal_is_plain_lines(capsys: pytest.CaptureFixture[str],
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A log gets a line now and then, with rate and time left, and one at the end."""
    clock = iter(range(0, 10_000, 2))
    monkeypatch.setattr('dseg_ros.cli.progress.time.monotonic', lambda: float(next(clock)))
    with ProgressBar('harvesting', 'frames') as progress:
        for done in range(10, 31):
            progress(done, 30)
    lines = capsys.readouterr().err.splitlines()
    assert 3 <= len(lines) <= 12
    assert lines[0].startswith('harvesting: ') and ' of 30 frames, 0.' in lines[0]
    assert lines[0].endswith('s left') and lines[-1].startswith('harvesting: 30 of 30')


def test_a_closed_pipe_is_no_error() -> None:
    """`dseg ... | head -1` ends quietly."""
    result = subprocess.run(
        [os.environ.get('SHELL', '/bin/sh'), '-c',
         f'{sys.executable} -m dseg_ros.cli sim x --options | head -1'],
        cwd=REPOSITORY, capture_output=True, text=True)
    assert result.stderr == '' and len(result.stdout.splitlines()) == 1


def test_stages_show_one_bar_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    """A stage appears with its first progress and is told how far it came."""
    with Stages() as stages:
        first, second, _ = (stages.stage(name, 'things') for name in ('one', 'two', 'three'))
        first(0, 3)
        first(3, 3)
        second(1, 2)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(',')[0] for line in lines] == ['one: 3 of 3 things', 'two: 1 of 2 things']
