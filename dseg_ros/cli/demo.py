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

"""`dseg demo`: the main job on a simulated drive, with figures and pictures."""

from __future__ import annotations

import argparse
from typing import Any

from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.demo import DemoConfig


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'demo', help='run the nodes on a simulated drive and show what they published',
        description='Simulate a drive (or take a recording), run drive.launch.py on it, compare '
        'what was published with the truth, draw pictures. Exit status 0 only if every cloud got '
        'its objects and every image its mask.')
    add_options(parser, DemoConfig)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Run the demonstration and print its figures."""
    config = read_config(parsed, DemoConfig)
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.demo.demonstration import run
    with ProgressBar('simulating', 'frames') as progress:
        summary = run(config, progress, lambda text: print(text, flush=True))
    latency, objects = summary['latency_ms'], summary['objects_per_frame']
    print(f'frames     {summary["frames"]}, each with objects: {objects["mean"]} on average '
          f'({objects["min"]} to {objects["max"]})\n'
          f'images     {summary["images"]}, each with a mask of {len(summary["classes"])} '
          'pseudo-classes\n'
          f'pairs      {summary["pairs"]}; dropped: {summary["dropped"] or "none"}')
    for name, label in (('image_to_mask', 'image in -> mask out'),
                        ('cloud_to_objects', 'cloud in -> objects out')):
        print(f'latency    {label}: median {latency[name]["median"]} ms, '
              f'p99 {latency[name]["p99"]} ms')
    if summary['accuracy']:
        strict = summary['accuracy']['strict']
        print(f'accuracy   strict mIoU {strict["miou"]} %, pixel accuracy '
              f'{strict["pixel_accuracy"]} % against the simulated truth')
    print('pictures   ' + '\n           '.join(summary['pictures']))
    print(f'summary    {config.out}/summary.json')
    return 0
