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

"""The one-file set-up: what it says, and what it says when something is missing."""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess
import time

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
BASICS = ('bash', 'env', 'cat', 'dirname', 'id', 'sha256sum', 'sort', 'find', 'touch', 'mkdir',
          'rm')


def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call the script as a user does."""
    return subprocess.run(['bash', str(script), *arguments], capture_output=True, text=True,
                          env={**os.environ, **environment}, timeout=60)


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Path:
    """Give a checkout without an environment, and a PATH with hardly anything on it."""
    tools = tmp_path / 'bin'
    tools.mkdir()
    for name in BASICS:
        found = shutil.which(name)
        assert found, name
        (tools / name).symlink_to(found)
    shutil.copy(REPOSITORY / 'run', tmp_path / 'run')
    shutil.copytree(REPOSITORY / 'requirements', tmp_path / 'requirements')
    return tmp_path


def test_help_lists_every_verb() -> None:
    """Name the verbs that the README promises."""
    said = run(REPOSITORY / 'run', 'help')
    assert said.returncode == 0
    for verb in ('demo', 'drive', 'test', 'exec', 'shell', 'setup'):
        assert f'\n  {verb} ' in said.stdout


@pytest.mark.parametrize(('arguments', 'named'), [
    (('dmeo',), "unknown verb 'dmeo'"),
    (('exec',), 'exec needs a command'),
    (('setup', 'everything'), 'level everything is not one of'),
])
def test_a_wrong_call_is_named(arguments: tuple[str, ...], named: str) -> None:
    """Say what was wrong, with a status that scripts can see."""
    said = run(REPOSITORY / 'run', *arguments)
    assert said.returncode != 0 and named in said.stderr


def test_a_missing_python_is_named(bare_checkout: Path) -> None:
    """Say that Python is missing, and how to get it."""
    said = run(bare_checkout / 'run', 'exec', 'true', PATH=str(bare_checkout / 'bin'),
               PYENV_ROOT=str(bare_checkout), DSEG_ENV='', ROS_DISTRO='')
    assert said.returncode != 0
    assert 'no python3 on PATH; run: apt-get install python3' in said.stderr


def test_a_second_start_is_quick() -> None:
    """Come to the command itself in under three seconds once everything is set up."""
    assert run(REPOSITORY / 'run', 'exec', 'true').returncode == 0
    begin = time.monotonic()
    assert run(REPOSITORY / 'run', 'exec', 'true').returncode == 0
    assert time.monotonic() - begin < 3.0
