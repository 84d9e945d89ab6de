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

"""`dseg sim`: record a simulated drive."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.sim import SimConfig


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser('sim', help='write a simulated drive as a rosbag2 (MCAP)',
                                   description='Write a simulated drive with ground truth as a '
                                   'rosbag2 (MCAP).')
    parser.add_argument('out', type=Path, metavar='OUT', help='folder of the bag; must not exist')
    add_options(parser, SimConfig)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Render and write the drive."""
    config = read_config(parsed, SimConfig)
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.sim.bag import simulate
    with ProgressBar('simulating', 'frames') as progress:
        path = simulate(config, parsed.out, progress)
    print(f'{path}\nnext: dseg harvest {path} --out DATASET')
    return 0
