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

"""The linters of ROS, and the type checker, as tests."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

from ament_copyright.main import main as copyright_main
from ament_flake8.main import main_with_errors as flake8_main
from ament_pep257.main import main as pep257_main
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = [str(REPOSITORY / name) for name in
           ('dseg_ros', 'launch', 'test', 'development', 'setup.py')
           if (REPOSITORY / name).exists()]

pytestmark = pytest.mark.linter


def test_flake8() -> None:
    """Find no fault in style, as ament has it."""
    status, errors = flake8_main(argv=SOURCES)
    assert status == 0, f'{len(errors)} faults:\n' + '\n'.join(errors)


def test_pep257() -> None:
    """Find no fault in the docstrings."""
    assert pep257_main(argv=SOURCES) == 0


def test_copyright() -> None:
    """Find a licence in every source file."""
    assert copyright_main(argv=SOURCES) == 0


def test_mypy() -> None:
    """Find no fault in the types of the package."""
    result = subprocess.run([sys.executable, '-m', 'mypy', 'dseg_ros'], cwd=REPOSITORY,
                            capture_output=True, text=True,
                            env={**os.environ, 'MYPYPATH': ''})
    assert result.returncode == 0, result.stdout + result.stderr
