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

"""`dseg report`: one page about a run of the whole chain."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TYPE_CHECKING

from dseg_ros.cli.labelled import (
    add_labelled_images, check_labelled_images, labelled_images)

if TYPE_CHECKING:  # numpy would make --help slow
    from dseg_ros.evaluation.chain import Chain
    from dseg_ros.evaluation.scoring import Evaluation


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'report', help='one page about a run of the whole chain', description='Write one page, '
        'which needs no other file, about what dseg distill drive-and-segment made: classes, '
        'curves, pictures of every drive and camera and, if labelled images are named, scores.')
    parser.add_argument('run_folder', type=Path, metavar='RUN')
    parser.add_argument('--data', type=Path, required=True, metavar='DATASET',
                        help='the data set that it was made from')
    parser.add_argument('--out', type=Path, required=True, metavar='PAGE.html')
    parser.add_argument('--samples', type=int, default=2, metavar='N',
                        help='samples of each drive that are shown, all their cameras (default 2)')
    parser.add_argument('--probes', type=Path, metavar='FILE.json',
                        help='what dseg probe wrote, to be shown, too')
    add_labelled_images(parser, required=False)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(parsed: argparse.Namespace) -> int:
    """Read the run, look at images, score, write."""
    check_labelled_images(parsed)
    if parsed.samples < 1:
        parsed.usage_error(f'--samples {parsed.samples}: at least 1')
    from dseg_ros.cli.export import software_revision
    from dseg_ros.cli.progress import Stages
    from dseg_ros.evaluation.chain import read_chain
    from dseg_ros.evaluation.chain_examples import examples
    from dseg_ros.evaluation.chain_report import write_chain_report
    from dseg_ros.evaluation.machine import machine
    from dseg_ros.evaluation.probe_section import probe_section
    chain = read_chain(parsed.run_folder, parsed.data)
    probes = probe_section(parsed.probes) if parsed.probes else ''
    with Stages() as stages:
        shown = examples(chain, parsed.samples, stages.stage('looking', 'samples'))
        scores = {} if not (parsed.bag or parsed.benchmark) else _scores(
            parsed, chain, lambda part: stages.stage(f'scoring {part}', 'images'))
    path = write_chain_report(chain, shown, scores, {
        'software': software_revision(), 'machine': machine()}, parsed.out, probes)
    print(f'{path}: {path.stat().st_size / 1e6:.1f} MB')
    return 0


def _scores(parsed: argparse.Namespace, chain: Chain,
            progress: Callable[[str], Callable[[int, int], None]]) -> dict[str, Evaluation]:
    """Score all trainings, and the exported model where there is one."""
    from dseg_ros.cli.distill import MODEL
    from dseg_ros.cli.evaluate import model_protocol
    from dseg_ros.config.runtime import EngineConfig
    from dseg_ros.evaluation.chain_scores import score_chain
    from dseg_ros.runtime.loading import load_engine
    path = parsed.run_folder / MODEL
    images = labelled_images(parsed)
    if not path.is_file():
        return score_chain(chain, images, None, (), {}, progress)
    engine = load_engine(path, EngineConfig())
    return score_chain(chain, images, engine.infer, engine.info.class_names,
                       model_protocol(path, engine.info), progress)
