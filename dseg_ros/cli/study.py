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

"""`dseg study`: what each stage of the chain is worth, on simulated drives."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
import shlex
import sys
from typing import Any

from dseg_ros.cli.options import add_options, read_config
from dseg_ros.cli.progress import Stages
from dseg_ros.config.study import STUDY_SIZES, StudyConfig


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'study', help='score every stage of the chain on simulated drives, over seeds',
        description='Simulate, harvest, cluster, train and score: camera-only baseline, '
        'pseudo-labels, teacher, student, EMA student; by day, night, fog and rain. Started '
        'again, it goes on where it was stopped. Where nothing is said, it takes smaller sizes '
        f'than the chain alone: {", ".join(f"{k}={v}" for k, v in STUDY_SIZES.items())}.')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='folder for everything; study.md is the table')
    add_options(parser, StudyConfig)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Do the study and print its table."""
    config = read_config(parsed, StudyConfig, STUDY_SIZES)
    from dseg_ros.cli.export import software_revision
    from dseg_ros.evaluation.study import remember, study
    remember(parsed.out, config)
    with Shown() as show:
        outcome = study(parsed.out, config, command(), software_revision(), show)
    print(outcome.table.read_text() + f'\n{outcome.table}\nnext: dseg ablate sky --out '
          f'{parsed.out}')
    return 0


def command() -> str:
    """Repeat the command line."""
    return shlex.join(['dseg', *sys.argv[1:]])


class Shown:
    """Shows parts as lines and their stages as bars; see study_parts.Show."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._stages = Stages()

    def __enter__(self) -> Shown:
        """Begin."""
        return self

    def __exit__(self, *error: Any) -> None:
        """End the last bar."""
        self._stages.__exit__(*error)

    def part(self, name: str, number: int, total: int, left_s: float | None) -> None:
        """Tell that a part begins, and how long all that is left may take."""
        self._stages.__exit__(None, None, None)
        left = '' if left_s is None else f', about {left_s / 60:.0f} min left'
        print(f'{number} of {total}: {name}{left}', file=sys.stderr, flush=True)

    def stage(self, text: str, unit: str) -> Callable[[int, int], None]:
        """Return what shows the progress of a stage."""
        return self._stages.stage(text, unit)
