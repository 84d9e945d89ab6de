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

"""`dseg evaluate`: score a model on benchmarks and on simulated drives."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

from dseg_ros.cli.labelled import (
    add_labelled_images, check_labelled_images, labelled_images)
from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.runtime import EngineConfig

if TYPE_CHECKING:  # numpy would make --help slow
    from dseg_ros.runtime.engine import ModelInfo


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'evaluate', help='score a model on a benchmark or on simulated drives',
        description='Score a model against ground truth at the size of its images, with the '
        'pseudo-classes matched to the classes by Hungarian matching over all images together. '
        'Simulated drives have 19 classes, benchmarks their own.')
    parser.add_argument('model', type=Path, metavar='MODEL.onnx')
    add_labelled_images(parser, required=True)
    parser.add_argument('--out', type=Path, metavar='PATH', help='write the scores here, too: a '
                        'folder that gets scores.json and report.html, or a file NAME.json')
    add_options(parser, EngineConfig, ('model',))
    parser.set_defaults(run=run, usage_error=parser.error)


def run(parsed: argparse.Namespace) -> int:
    """Score, print, and write where asked."""
    check_labelled_images(parsed)
    config = read_config(parsed, EngineConfig)
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.evaluation.report import write_report
    from dseg_ros.evaluation.scoring import run_benchmark
    from dseg_ros.runtime.loading import load_engine
    engine = load_engine(parsed.model, config)
    images = labelled_images(parsed)
    folder = None if parsed.out is None or parsed.out.suffix == '.json' else parsed.out
    if folder:
        folder.mkdir(parents=True, exist_ok=True)  # a bad place is told before the work
    with ProgressBar('evaluating', 'images') as progress:
        evaluation = run_benchmark(images, engine.infer, engine.info.class_names,
                                   model_protocol(parsed.model, engine.info), progress)
    summary = {**({'bags': [str(b) for b in parsed.bag]} if parsed.bag else {}),
               **evaluation.summary()}
    del summary['confusion']  # long; in the folder
    text = json.dumps(summary, indent=1)
    print(text)
    if folder:
        print(write_report(evaluation, folder), file=sys.stderr)
    elif parsed.out:
        parsed.out.write_text(text + '\n')
    return 0


def model_protocol(model: Path, info: ModelInfo) -> dict[str, str]:
    """Say what was run, and how."""
    sees = f'{info.network_pixels:,} pixels' if info.network_pixels else 'an unknown size'
    return {
        'model': f'{model.name}, made by {info.version or "an unknown version"}, '
                 f'trained on data {info.data_sha256[:12] or "unknown"}',
        'post-processing': f'none: one pass over the whole image, which the network sees with '
                           f'{sees}; argmax, repeated to the size of the image; no sliding '
                           'window, no test-time augmentation, no CRF',
    }
