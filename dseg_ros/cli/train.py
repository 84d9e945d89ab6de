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

"""`dseg train teacher|default`: train networks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.default_model import DefaultModelConfig
from dseg_ros.config.distill import TrainingConfig


def add(subparsers: Any) -> None:
    """Declare the verb and its parts."""
    parser = subparsers.add_parser('train', help='train a network',
                                   description='Train a network. Started again, it goes on where '
                                   'it was stopped.')
    parts = parser.add_subparsers(metavar='teacher|default', required=True)
    teacher = parts.add_parser('teacher', help='from the pseudo-classes of a data set')
    teacher.add_argument('--data', type=Path, required=True, metavar='DATASET')
    teacher.add_argument('--classes', type=Path, required=True, metavar='CLASSES',
                         help='folder that `dseg cluster` wrote')
    teacher.add_argument('--out', type=Path, required=True, metavar='RUN')
    add_options(teacher, TrainingConfig)
    teacher.set_defaults(run=_teacher)
    default = parts.add_parser(
        'default', help='the model that the package ships: simulate, harvest, cluster, train, '
        'export')
    default.add_argument('--out', type=Path, required=True, metavar='DIR')
    add_options(default, DefaultModelConfig)
    default.set_defaults(run=_default)


def _teacher(parsed: argparse.Namespace) -> int:
    config = read_config(parsed, TrainingConfig)
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.distill.teacher import train_teacher
    with ProgressBar('reading', 'samples') as loading, ProgressBar('training',
                                                                   'steps') as training:
        path = train_teacher(parsed.data, parsed.classes, parsed.out, config, loading, training)
    print(f'{path}\nnext: dseg export {parsed.out} --out model.onnx')
    return 0


def _default(parsed: argparse.Namespace) -> int:
    config = read_config(parsed, DefaultModelConfig)
    from dseg_ros.cli.default_model import build
    print(build(parsed.out, config))
    return 0
