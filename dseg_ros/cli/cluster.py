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

"""`dseg cluster`: find pseudo-classes in a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dseg_ros.cli.options import add_flags, add_options, read_config, read_flags
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.workers import WorkersConfig


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'cluster', help='find pseudo-classes in a data set', description='Describe what the '
        'LiDAR saw, cluster it over the whole data set, give every point a pseudo-class and draw '
        'contact sheets. The data set itself is left as it is.')
    parser.add_argument('data', type=Path, metavar='DATASET')
    parser.add_argument('--out', type=Path, required=True, metavar='CLASSES',
                        help='folder for the result')
    parser.add_argument('--sweep', action='store_true', help='choose the number of classes of '
                        'objects by a sweep, the same as --objects 0; its curves go to '
                        'CLASSES/sweep.csv and sweep.png')
    add_options(parser, ClusterConfig)
    add_flags(parser, WorkersConfig, 'who describes')
    parser.set_defaults(run=run, usage_error=parser.error)


def run(parsed: argparse.Namespace) -> int:
    """Cluster and say where the contact sheet is."""
    if parsed.sweep and getattr(parsed, 'option.objects'):
        parsed.usage_error('--sweep chooses the number of classes: leave --objects out')
    given: dict[str, Any] = {'objects': 0} if parsed.sweep else {}
    config = read_config(parsed, ClusterConfig, **given)
    workers = read_flags(parsed, WorkersConfig)
    from dseg_ros.cli.progress import Stages
    from dseg_ros.distill.class_files import SHEET, SHEETS
    from dseg_ros.distill.clustering import cluster
    with Stages() as stages:
        out = cluster(parsed.data, parsed.out, config, stages.stage('clustering', 'samples'),
                      workers, stages.stage('describing', 'samples'))
    print(f'{out}: look at {out / SHEET} and {out / SHEETS}\n'
          f'next: dseg train teacher --data {parsed.data} --classes {out} --out RUN')
    return 0
