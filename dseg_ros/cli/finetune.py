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

"""`dseg finetune`: go on with a trained network on a share of human (or simulated) labels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dseg_ros.cli.labelled import add_labelled_images, check_labelled_images, labelled_images
from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.finetune import FinetuneConfig, SCRATCH


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'finetune', help='train a network further on a share of labelled images',
        description='Give a trained network a head for the classes of a ground truth and train '
        'it on a share of the labels; classes are learned, not matched. With several shares, '
        'seeds or starts: a table.')
    parser.add_argument('training', type=Path, metavar='RUN',
                        help='finished run of a teacher, student or EMA round')
    parser.add_argument('--out', type=Path, required=True, metavar='RUN2',
                        help='directory of the new run; with a table, of all of them')
    parser.add_argument('--test-bag', type=Path, nargs='+', metavar='SIMBAG',
                        help='simulated drives to test with; else the last images, see hold_out')
    parser.add_argument('--share', type=float, help='the same as --shares with one value')
    parser.add_argument('--from-scratch', action='store_true',
                        help='random weights for comparison: the same as --starts scratch')
    add_labelled_images(parser, required=True)
    add_options(parser, FinetuneConfig)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(parsed: argparse.Namespace) -> int:
    """Train, score, and say how."""
    check_labelled_images(parsed)
    from dseg_ros.config.schema import as_mapping
    from dseg_ros.evaluation.finetuning import sizes_of
    given: dict[str, Any] = {}
    if parsed.share is not None:
        given['shares'] = [parsed.share]
    if parsed.from_scratch:
        given['starts'] = [SCRATCH]
    config = read_config(parsed, FinetuneConfig,
                         {'training': as_mapping(sizes_of(parsed.training))}, **given)
    return _train(parsed, config)


def _train(parsed: argparse.Namespace, config: FinetuneConfig) -> int:
    from dseg_ros.cli.export import software_revision
    from dseg_ros.cli.progress import Stages
    from dseg_ros.cli.study import command
    from dseg_ros.evaluation.finetuning import FewLabels
    from dseg_ros.evaluation.simulated import SimulatedDrives
    test = SimulatedDrives(parsed.test_bag) if parsed.test_bag else None
    labels = FewLabels(parsed.training, labelled_images(parsed), test, config)
    with Stages() as stages:
        if len(config.shares) * len(config.seeds) * len(config.starts) > 1:
            table = labels.table(parsed.out, command(), software_revision(), stages.stage)
            text = f'{table.read_text()}\n{table}'
        else:
            found = labels.one(parsed.out, config.starts[0], config.shares[0], config.seeds[0],
                               stages.stage)
            text = (f'{parsed.out}: {found["images"]} labelled images, mIoU {found["miou"]}, '
                    f'pixel accuracy {found["pixel_accuracy"]} (nothing matched)\n'
                    f'next: dseg export {parsed.out} --out model.onnx')
    print(text)
    return 0
