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

"""`dseg distill drive-and-segment`: the whole chain from a data set to a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dseg_ros.cli.options import add_flags, add_options, read_config, read_flags
from dseg_ros.cli.progress import Stages
from dseg_ros.config.drive_and_segment import DriveAndSegmentConfig
from dseg_ros.config.student import EmaConfig, StudentConfig
from dseg_ros.config.workers import WorkersConfig

MODEL = 'model.onnx'


def add(subparsers: Any) -> None:
    """Declare the verb and its recipe."""
    parser = subparsers.add_parser('distill', help='from a data set to a model, all steps',
                                   description='From a data set to a model. Started again, it '
                                   'skips what is finished.')
    parts = parser.add_subparsers(metavar='drive-and-segment', required=True)
    recipe = parts.add_parser(
        'drive-and-segment', help='pseudo-classes, teacher, merge, student, EMA rounds, export')
    recipe.add_argument('--data', type=Path, required=True, metavar='DATASET')
    recipe.add_argument('--out', type=Path, required=True, metavar='RUN',
                        help='folder for classes/, teacher/, student/, ema/ and model.onnx')
    add_options(recipe, DriveAndSegmentConfig)
    add_flags(recipe, WorkersConfig, 'who describes and labels')
    recipe.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Run the chain and say how to try the model."""
    config = read_config(parsed, DriveAndSegmentConfig)
    path = drive_and_segment(parsed.data, parsed.out, config,
                             read_flags(parsed, WorkersConfig))
    print(f'{path}\nnext: dseg evaluate {path} --bag SIMBAG')
    return 0


def drive_and_segment(data: Path, out: Path, config: DriveAndSegmentConfig,
                      workers: WorkersConfig) -> Path:
    """
    Cluster, train a teacher, merge, train a student, go on with EMA rounds, export.

    :param data: the data set.
    :param out: folder for everything; finished steps in it are skipped.
    :param config: the recipe.
    :param workers: who describes and labels.
    :returns: the model.
    """
    from dseg_ros.cli.export import software_revision
    from dseg_ros.distill.clustering import cluster
    from dseg_ros.distill.teacher import train_teacher
    from dseg_ros.runtime.export import export
    with Stages() as stages:
        classes = cluster(data, out / 'classes', config.cluster,
                          stages.stage('clustering', 'samples'), workers,
                          stages.stage('describing', 'samples'))
        train_teacher(data, classes, out / 'teacher', config.teacher,
                      stages.stage('reading', 'samples'),
                      stages.stage('training the teacher', 'steps'))
    student(data, classes, out / 'teacher', out / 'student', config.student)
    last = out / 'student'
    if config.ema_rounds:
        last = out / 'ema'
        ema(data, classes, out / 'student', last, config.ema)
    return export(last, out / MODEL, config.export, software_revision())


def student(data: Path, classes: Path, teacher: Path, out: Path, config: StudentConfig) -> Path:
    """Train a student, showing progress; see distill.student.train_student."""
    from dseg_ros.distill.student import train_student
    with Stages() as stages:
        return train_student(data, classes, teacher, out, config,
                             stages.stage('merging', 'samples'),
                             stages.stage('labelling', 'samples'),
                             stages.stage('training the student', 'steps'))


def ema(data: Path, classes: Path, student_run: Path, out: Path, config: EmaConfig) -> Path:
    """Train EMA rounds, showing progress; see distill.student.train_ema."""
    from dseg_ros.distill.student import train_ema
    with Stages() as stages:
        return train_ema(data, classes, student_run, out, config,
                         lambda n: stages.stage(f'labelling, round {n}', 'samples'),
                         lambda n: stages.stage(f'training, round {n}', 'steps'))
