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

"""`dseg train teacher|student|ema|default`: train networks."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dseg_ros.cli.distill import add_recipe, given_recipe
from dseg_ros.cli.options import add_flags, add_options, read_config, read_flags
from dseg_ros.cli.progress import speaks
from dseg_ros.config.default_model import DefaultModelConfig
from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.schema import Config
from dseg_ros.config.student import EmaConfig, StudentConfig
from dseg_ros.config.workers import WorkersConfig


def add(subparsers: Any) -> None:
    """Declare the verb and its parts."""
    parser = subparsers.add_parser('train', help='train a network',
                                   description='Train a network. Started again, it goes on where '
                                   'it was stopped.')
    parts = parser.add_subparsers(metavar='teacher|student|ema|default', required=True)
    teacher = parts.add_parser('teacher', help='from the pseudo-classes of a data set')
    _takes(teacher, TrainingConfig, _teacher)
    student = parts.add_parser('student', help="from a teacher's predictions, merged and refined "
                               'by what the LiDAR saw')
    student.add_argument('--teacher', type=Path, required=True, metavar='RUN')
    _takes(student, StudentConfig, _student)
    ema = parts.add_parser('ema', help='go on with a student: rounds with soft targets from the '
                           'moving average of its weights')
    ema.add_argument('--student', type=Path, required=True, metavar='RUN')
    _takes(ema, EmaConfig, _ema)
    default = parts.add_parser(
        'default', help='the model that the package ships: simulate, harvest, cluster, train, '
        'export', description='The model that the package ships, from simulated streets and, with '
        '--bags, from recordings. PandaSet is by Scale AI and Hesai, CC BY 4.0: credit them with '
        'a model that learned from it. Started again, it skips what is finished.')
    default.add_argument('--out', type=Path, required=True, metavar='DIR')
    add_recipe(default)
    add_options(default, DefaultModelConfig)
    default.set_defaults(run=_default)


def _takes(parser: argparse.ArgumentParser, kind: type[Config],
           run: Callable[[argparse.Namespace], int]) -> None:
    """Declare what all trainings on a data set take."""
    parser.add_argument('--data', type=Path, required=True, metavar='DATASET')
    parser.add_argument('--classes', type=Path, required=True, metavar='CLASSES',
                        help='folder that `dseg cluster` wrote')
    parser.add_argument('--out', type=Path, required=True, metavar='RUN')
    add_options(parser, kind)
    add_flags(parser, WorkersConfig, 'who labels the images')
    parser.set_defaults(run=run)


def _teacher(parsed: argparse.Namespace) -> int:
    config = read_config(parsed, TrainingConfig)
    from dseg_ros.cli.distill import teacher
    path = teacher(parsed.data, parsed.classes, parsed.out, config,
                   read_flags(parsed, WorkersConfig))
    return _done(path, f'dseg train student --data {parsed.data} --classes {parsed.classes} '
                 f'--teacher {parsed.out} --out RUN, or dseg export {parsed.out} --out model.onnx')


def _student(parsed: argparse.Namespace) -> int:
    config = read_config(parsed, StudentConfig)
    from dseg_ros.cli.distill import student
    path = student(parsed.data, parsed.classes, parsed.teacher, parsed.out, config,
                   read_flags(parsed, WorkersConfig))
    return _done(path, f'dseg train ema --data {parsed.data} --classes {parsed.classes} '
                 f'--student {parsed.out} --out RUN, or dseg export {parsed.out} --out model.onnx')


def _ema(parsed: argparse.Namespace) -> int:
    config = read_config(parsed, EmaConfig)
    from dseg_ros.cli.distill import ema
    path = ema(parsed.data, parsed.classes, parsed.student, parsed.out, config,
               read_flags(parsed, WorkersConfig))
    return _done(path, f'dseg export {parsed.out} --out model.onnx')


def _done(path: Path, following: str) -> int:
    """Say where the result lies and what may come next."""
    if speaks():
        print(f'{path}\nnext: {following}')
    return 0


def _default(parsed: argparse.Namespace) -> int:
    recipe = {f'chain.{name}': value for name, value in given_recipe(parsed).items()}
    config = read_config(parsed, DefaultModelConfig, recipe)
    from dseg_ros.cli.default_model import build
    print(build(parsed.out, config))
    return 0
