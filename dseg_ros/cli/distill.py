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
from collections.abc import Callable
from pathlib import Path
from typing import Any, TYPE_CHECKING

from dseg_ros.cli.options import add_flags, add_options, read_config, read_flags
from dseg_ros.cli.progress import speaks, Stages
from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.drive_and_segment import DriveAndSegmentConfig
from dseg_ros.config.recipes import read_recipe
from dseg_ros.config.student import EmaConfig, StudentConfig
from dseg_ros.config.workers import WorkersConfig

if TYPE_CHECKING:
    from dseg_ros.distill.collapse import Collapse

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
    add_recipe(recipe)
    add_options(recipe, DriveAndSegmentConfig)
    add_flags(recipe, WorkersConfig, 'who describes and labels')
    recipe.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Run the chain and say how to try the model."""
    config = read_config(parsed, DriveAndSegmentConfig, given_recipe(parsed))
    path = drive_and_segment(parsed.data, parsed.out, config,
                             read_flags(parsed, WorkersConfig))
    if speaks():
        print(f'{path}\nnext: dseg evaluate {path} --bag SIMBAG')
    return 0


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Offer recipes of the chain by name or file."""
    parser.add_argument('--recipe', metavar='NAME', help='ds_eccv22, ds_ijcv25, residual, '
                        'shipped or tiny_cpu, as they come with the package, or the path of a '
                        'recipe file; --config, --set and options win over it')


def given_recipe(parsed: argparse.Namespace) -> dict[str, Any]:
    """Read the recipe that the command line names: options of the chain by dotted name."""
    return {} if parsed.recipe is None else read_recipe(parsed.recipe, recipes())


def recipes() -> Path:
    """Find the folder of the shipped recipes."""
    from dseg_ros.nodes.resources import share
    return share() / 'config' / 'recipes'


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
    from dseg_ros.distill.clustering import cluster, require_same_classes
    from dseg_ros.distill.devices import launch
    from dseg_ros.models.checkpoint import CONFIG
    from dseg_ros.runtime.export import export
    if (out / 'teacher' / CONFIG).exists():
        require_same_classes(data, out / 'classes', config.cluster)
    fabric = launch(config.teacher.execution)
    with Stages() as stages, fabric.rank_zero_first():
        classes = cluster(data, out / 'classes', config.cluster,
                          stages.stage('clustering', 'samples'), workers,
                          stages.stage('describing', 'samples'))
    teacher(data, classes, out / 'teacher', config.teacher, workers)
    last = out / 'teacher'
    if config.train_student:
        last = out / 'student'
        student(data, classes, out / 'teacher', last, config.student, workers)
    if config.train_student and config.ema_rounds:
        last = out / 'ema'
        ema(data, classes, out / 'student', last, config.ema, workers)
    if fabric.is_global_zero:
        export(last, out / MODEL, config.export, software_revision())
    return out / MODEL


def teacher(data: Path, classes: Path, out: Path, config: TrainingConfig,
            workers: WorkersConfig) -> Path:
    """Train a teacher, showing progress; see distill.teacher.train_teacher."""
    from dseg_ros.distill.teacher import train_teacher
    with Stages() as stages:
        return train_teacher(data, classes, out, config,
                             stages.stage('labelling for the teacher', 'samples'),
                             stages.stage('training the teacher', 'steps'), warner(stages),
                             workers)


def student(data: Path, classes: Path, teacher_run: Path, out: Path, config: StudentConfig,
            workers: WorkersConfig) -> Path:
    """Train a student, showing progress; see distill.student.train_student."""
    from dseg_ros.distill.student import train_student
    with Stages() as stages:
        return train_student(data, classes, teacher_run, out, config,
                             stages.stage('merging', 'samples'),
                             stages.stage('labelling', 'samples'),
                             stages.stage('training the student', 'steps'), warner(stages),
                             workers)


def ema(data: Path, classes: Path, student_run: Path, out: Path, config: EmaConfig,
        workers: WorkersConfig) -> Path:
    """Train EMA rounds, showing progress; see distill.student.train_ema."""
    from dseg_ros.distill.student import train_ema
    with Stages() as stages:
        return train_ema(data, classes, student_run, out, config,
                         lambda n: stages.stage(f'labelling, round {n}', 'samples'),
                         lambda n: stages.stage(f'training, round {n}', 'steps'),
                         warner(stages), workers)


def warner(stages: Stages) -> Callable[[Collapse], None]:
    """Return what prints that a training loses a class, once per class."""
    return lambda collapse: stages.warn(str(collapse.class_id), collapse.text)
