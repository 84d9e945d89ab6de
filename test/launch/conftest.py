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

"""Real processes over real DDS, each test on a domain of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import itertools
import os
from pathlib import Path
import shutil
import signal
import subprocess
from threading import Event, Thread
import time

import pytest

NUMBERS = itertools.count(os.getpid())


class Launch:
    """`ros2 launch dseg_ros drive.launch.py` in a process, with what it says."""

    def __init__(self, domain: int, arguments: dict[str, object]) -> None:
        """Start it."""
        self.lines: list[str] = []
        self._news = Event()
        self.process = subprocess.Popen(
            ['ros2', 'launch', 'dseg_ros', 'drive.launch.py',
             *(f'{k}:={v}' for k, v in arguments.items())],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain), 'OMP_NUM_THREADS': '1'})
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """Everything that it said so far."""
        return ''.join(self.lines)

    def wait_for(self, text: str, count: int = 1, timeout_s: float = 60.0) -> None:
        """Wait until it has said something so many times."""
        end_s = time.monotonic() + timeout_s
        while self.output.count(text) < count:
            assert time.monotonic() < end_s and self.process.poll() is None, (
                f'{text!r} did not come:\n{self.output}')
            self._news.wait(0.2)
            self._news.clear()

    def end(self, timeout_s: float = 90.0) -> int:
        """Wait for its end; returns the exit status."""
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pytest.fail(f'still running after {timeout_s} s:\n{self.output}')
        self._reader.join(5.0)
        return status

    def interrupt(self) -> None:
        """Press Ctrl-C, for the launch alone."""
        self.process.send_signal(signal.SIGINT)

    def pid_of(self, name: str) -> int:
        """Find a process that it started."""
        line = next(n for n in self.lines if f'[{name}-' in n and 'started with pid' in n)
        return int(line.rpartition('[')[2].split(']')[0])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self._news.set()


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> int:
    """Choose a ROS domain for this test, in this process too."""
    number = 1 + next(NUMBERS) % 100
    monkeypatch.setenv('ROS_DOMAIN_ID', str(number))
    return number


@pytest.fixture
def launch(domain: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Launch]]:
    """Start the launch file with arguments; whatever still runs at the end is ended."""
    if shutil.which('ros2') is None:
        pytest.skip('there is no ros2 here')
    packages = pytest.importorskip('ament_index_python.packages')
    try:
        share = Path(packages.get_package_share_directory('dseg_ros'))
    except packages.PackageNotFoundError:
        pytest.skip('the package is not built; ./run test builds it')
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', str(share / 'config/dds_profile.xml'))
    started: list[Launch] = []

    def start(**arguments: object) -> Launch:
        started.append(Launch(domain, arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.interrupt()
            try:
                one.process.wait(20.0)
            except subprocess.TimeoutExpired:
                one.process.kill()


@pytest.fixture(scope='session', autouse=True)
def clean_shared_memory() -> Iterator[None]:
    """Remove the Fast DDS segments that a killed process left, and no others."""
    yield
    used = set()
    for process in Path('/proc').glob('[0-9]*'):
        try:
            used |= {line.rpartition(' ')[2] for line in
                     (process / 'maps').read_text().splitlines() if '/dev/shm/' in line}
            used |= {os.readlink(fd) for fd in (process / 'fd').iterdir()}
        except OSError:
            continue
    for file in [*Path('/dev/shm').glob('fastrtps_*'), *Path('/dev/shm').glob('sem.fastrtps_*')]:
        if str(file) not in used:
            file.unlink(missing_ok=True)
