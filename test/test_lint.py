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

from collections import Counter
from pathlib import Path
import subprocess
import sys

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = ['dseg_ros', 'launch', 'test', 'setup.py', 'development/ros2launch/setup.py',
           'development/ros2launch/dseg_ros2launch_verb.py']

pytestmark = pytest.mark.linter


@pytest.mark.parametrize('linter', ['ament_flake8', 'ament_pep257', 'ament_copyright'])
def test_ament(linter: str) -> None:
    """Find no fault, as ament has it; in a process of its own, since flake8 forks."""
    check(f'import sys; from {linter}.main import main; sys.exit(main(sys.argv[1:]))', *SOURCES)


def test_mypy() -> None:
    """Find no fault in the types of the package."""
    check('from mypy.__main__ import console_entry; console_entry()', 'dseg_ros')


def test_every_test_module_has_a_name_of_its_own() -> None:
    """
    Two of one name stop the whole collection.

    launch_testing imports test modules by their bare names, whatever pytest's import mode.
    """
    names = Counter(path.name for path in (REPOSITORY / 'test').rglob('test_*.py'))
    assert [name for name, count in names.items() if count > 1] == []


def check(code: str, *arguments: str) -> None:
    """Run Python code in the repository, and show what it says if it fails."""
    result = subprocess.run([sys.executable, '-c', code, *arguments], cwd=REPOSITORY,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
