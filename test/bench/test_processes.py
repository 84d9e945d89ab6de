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

"""Processes of a benchmark: none outlives it, whatever happens."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

from dseg_ros.bench.ros import processes
from dseg_ros.bench.ros.processes import Process
from dseg_ros.bench.rows import BenchError
import pytest

DEAF = 'import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print("ready", '
DEAF += 'flush=True); time.sleep(600)'


def python(code: str, log: Path) -> Process:
    """Prepare a process that runs some code."""
    return Process([sys.executable, '-c', code], {}, log)


def test_what_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while; a node may hang at its end."""
    monkeypatch.setattr(processes, 'END_S', 0.2)
    with python(DEAF, tmp_path / 'log') as process:
        process.await_ready()
    assert process.process.returncode == -9


def test_a_second_interrupt_leaves_nothing_behind(tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while it waits for the end of what was interrupted."""
    def interrupted(self: object, **options: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with python(DEAF, tmp_path / 'log') as process:
            process.await_ready()
            monkeypatch.setattr(subprocess.Popen, 'communicate', interrupted)
    assert process.process.returncode == -9


@pytest.mark.parametrize(('code', 'named'), [
    ('import sys; sys.exit("no such topic")', 'ended with status 1: no such topic'),
    ('print("nothing of use")', 'found nothing')])
def test_a_failure_says_what_the_process_said(tmp_path: Path, code: str, named: str) -> None:
    """The last line of its complaints."""
    with pytest.raises(BenchError, match=named):
        with python(code, tmp_path / 'log') as process:
            process.result()
