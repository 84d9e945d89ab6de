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

"""Start and end the processes of a benchmark; this side needs no ROS of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import ctypes
import itertools
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from types import TracebackType
from typing import Any

from dseg_ros.bags.memory import malloc_environment
from dseg_ros.bench.rows import BenchError

PROFILE = 'FASTRTPS_DEFAULT_PROFILES_FILE'
NO_BYTECODE = 'PYTHONDONTWRITEBYTECODE'
"""Not for processes whose start is timed: each would compile all its libraries anew."""
TIMEOUT_S, END_S = 120.0, 20.0
PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
_DOMAINS = itertools.count(os.getpid())


def environment(shipped: bool = True) -> dict[str, str]:
    """
    Make the environment of processes that hear nobody but each other.

    :param shipped: with our settings for large messages, or with the defaults of Fast DDS.
    :raises ImportError: without ROS.
    :raises BenchError: if the package is not installed in it.
    """
    from ament_index_python.packages import PackageNotFoundError
    from dseg_ros.nodes.resources import share
    malloc = malloc_environment()
    values = {k: v for k, v in os.environ.items()
              if k not in (PROFILE, NO_BYTECODE, *malloc)}
    values['ROS_DOMAIN_ID'] = str(1 + next(_DOMAINS) % 100)
    values['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    values['OMP_NUM_THREADS'] = '1'
    if shipped:
        try:
            profile = share() / 'config' / 'dds_profile.xml'
        except PackageNotFoundError:
            raise BenchError('the package is not installed as one of ROS: colcon build it, and '
                             'source the workspace') from None
        values |= {**malloc, PROFILE: str(profile)}
    return values


def program(name: str, options: Mapping[str, Any]) -> list[str]:
    """Name one of our programs with its options."""
    return [sys.executable, '-m', f'dseg_ros.bench.ros.{name}', json.dumps(options)]


def node(module: str, parameters: Mapping[str, Any]) -> list[str]:
    """Name a node of the package with its parameters."""
    given = [x for name, value in parameters.items() for x in ('-p', f'{name}:={value}')]
    return [sys.executable, '-m', module, '--ros-args', *given]


def _end_with_parent() -> None:
    """
    Ask Linux to interrupt this process when the one that started it dies.

    What a script starts in the background ignores interrupts, and so would all that we start.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGINT)


class Process:
    """
    A process, for as long as its context is entered.

    One of our programs says what it found in a last line of JSON; it ends by itself or when its
    standard input does. All get a Ctrl-C when the benchmark itself is killed.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str],
                 log: Path) -> None:
        """
        Prepare.

        :param command: program and arguments.
        :param environment: from `environment`, the same for all that are to hear each other.
        :param log: where its complaints go.
        """
        self._command, self._environment, self._log = list(command), dict(environment), log

    def __enter__(self) -> Process:
        """Start it."""
        with self._log.open('w') as file:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=file, text=True, start_new_session=True,
                preexec_fn=_end_with_parent)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End it, as Ctrl-C does; killed if it does not listen, or at a second Ctrl-C here."""
        try:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGINT)
                self.process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def await_ready(self) -> None:
        """Wait until one of our programs says that it is."""
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != 'ready':
            raise self._failed('did not start')

    def finish(self, timeout_s: float = TIMEOUT_S, stop: bool = False) -> None:
        """
        Wait for its end.

        :param timeout_s: for so long [s].
        :param stop: tell one of our programs that it is enough.
        :raises BenchError: if it does not end, or not well.
        """
        self._said = self._communicate(timeout_s, stop)

    def result(self, timeout_s: float = TIMEOUT_S, stop: bool = False) -> Any:
        """Wait for the end of one of our programs, see finish; returns what it found."""
        self.finish(timeout_s, stop)
        lines = self._said.splitlines()
        try:
            return json.loads(lines[-1])
        except (IndexError, ValueError):
            raise self._failed('found nothing') from None

    def _communicate(self, timeout_s: float, stop: bool) -> str:
        try:
            if not stop:
                self.process.wait(timeout_s)
            said, _ = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise self._failed(f'did not end within {timeout_s:g} s') from None
        if self.process.returncode != 0:
            raise self._failed(f'ended with status {self.process.returncode}')
        return said

    def _failed(self, what: str) -> BenchError:
        lines = self._log.read_text(errors='replace').splitlines()
        name = next((a for a in self._command if a.startswith('dseg_ros')), self._command[0])
        return BenchError(f'{name} {what}: {lines[-1] if lines else "it says nothing"}')
