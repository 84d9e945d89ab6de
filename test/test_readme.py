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

"""The README promises nothing that is not there."""

from __future__ import annotations

from pathlib import Path
import re
import shlex

from dseg_ros.bags.memory import malloc_environment
from dseg_ros.cli.app import build_parser
from dseg_ros.config.nodes import (ProposalsNodeConfig, RecorderNodeConfig,
                                   SegmentationNodeConfig)
from dseg_ros.config.schema import options
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / 'README.md').read_text()
COMMANDS = [line.split('#')[0].strip() for block in re.findall(r'```bash\n(.*?)```', README, re.S)
            for line in block.splitlines()]


def table(heading: str) -> list[str]:
    """Return the names in the first column of the table under a heading's first cell."""
    rows = README.split(f'| {heading} |')[1].split('\n\n')[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r'`([^`]+)`', row.split('|')[1])]


def test_parameters_exist() -> None:
    """Every parameter of the table is one of a node."""
    known = {option.name for kind in (ProposalsNodeConfig, RecorderNodeConfig,
                                      SegmentationNodeConfig) for option in options(kind)}
    named = table('parameter')
    assert len(named) > 10 and set(named) <= known


def test_launch_arguments_exist() -> None:
    """Every argument of the table is one of the launch file, and all of those are there."""
    arguments = pytest.importorskip('dseg_ros.nodes.launch_arguments')
    assert set(table('argument')) - {n for n in table('argument') if '/' in n} == {
        a.name for a in arguments.ARGUMENTS}


def test_memory_of_drivers_is_kept_as_that_of_our_nodes() -> None:
    """The settings that drivers are asked to have are those of our own processes."""
    line = next(line for line in COMMANDS if line.startswith('export MALLOC_'))
    assert dict(word.split('=') for word in line.split()[1:]) == malloc_environment()


def test_files_exist() -> None:
    """Pictures and files that are linked, and configurations that are named, are there."""
    names = re.findall(r'\]\(([^)h][^)]*)\)', README)
    names += [f'config/{stem}.yaml' for stem in
              re.findall(r'config/\{([^}]*)\}\.yaml', README)[0].split(',')]
    names += re.findall(r'(config/\w+\.\w+)', README)
    assert len(names) > 8
    for name in names:
        assert (REPOSITORY / name).is_file(), name


@pytest.mark.parametrize('command', [c.removeprefix('./run exec ') for c in COMMANDS
                                     if c.startswith(('dseg ', './run exec dseg '))])
def test_dseg_commands_parse(command: str) -> None:
    """Every `dseg` line of the README is one that the program takes."""
    build_parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize('command', [c for c in COMMANDS if c.startswith('./run ')])
def test_run_verbs_exist(command: str) -> None:
    """Every `./run` line uses a verb that the script has."""
    verb = command.split()[1]
    assert re.search(rf'^  {verb}\)', (REPOSITORY / 'run').read_text(), re.M), verb
