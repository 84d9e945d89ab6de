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

"""`dseg harvest`: turn recordings into a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
from typing import Any

from dseg_ros.cli.app import FOUND_WRONG
from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.dataset import HarvestConfig


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'harvest', help='turn bags into a data set', description='Match clouds and images of '
        'recordings, find object proposals and store them as a data set. Needs no ROS. Started '
        'again, it goes on where it was stopped; with more bags, it adds them.')
    parser.add_argument('bags', nargs='+', metavar='BAG',
                        help='rosbag2 folder, .mcap, .db3 or ROS 1 .bag')
    parser.add_argument('--out', required=True, metavar='DATASET', help='folder of the data set')
    parser.add_argument('--vehicle', type=Path, metavar='FILE',
                        help='take topics, timing and motion from the parameter file that '
                        'drive.launch.py gets as params_file')
    add_options(parser, HarvestConfig, ('bags', 'out'))
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Harvest, then say what came of it; status 1 if a recording was damaged."""
    from dseg_ros.config.vehicle import harvest_options
    vehicle = harvest_options(parsed.vehicle) if parsed.vehicle else None
    config = read_config(parsed, HarvestConfig, vehicle, bags=parsed.bags, out=parsed.out)
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.dataset.harvest import harvest
    with ProgressBar('harvesting', 'clouds') as progress:
        path = harvest(config, progress)
    return summarise(path)


def summarise(path: Path) -> int:
    """Print what a data set holds and where its recordings were damaged."""
    from dseg_ros.dataset.store import Dataset
    data = Dataset(path)
    print(f'{path}: {len(data)} samples of {len(data.sources)} drives')
    for source in data.manifest.sources:
        print(f'  {source.name}: {source.samples} samples'
              + ''.join(f'; dropped {n}: {why}' for why, n in source.dropped.items()))
    problems = [f'{s.name}: {p}' for s in data.manifest.sources for p in s.problems]
    for problem in problems:
        print(f'dseg: problem: {problem}', file=sys.stderr)
    print(f'next: dseg dataset show {path} --out sheet.png')
    return FOUND_WRONG if problems else 0
