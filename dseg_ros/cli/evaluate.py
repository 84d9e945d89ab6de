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

"""`dseg evaluate`: score a model on simulated drives."""

from __future__ import annotations

import argparse
from functools import reduce
import json
import operator
from pathlib import Path
from typing import Any

from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.runtime import EngineConfig


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'evaluate', help='score a model on simulated drives', description='Score a model against '
        'the ground truth of simulated drives, at the size of their images, 19 classes, with the '
        'pseudo-classes matched to the classes by Hungarian matching over all drives together.')
    parser.add_argument('model', type=Path, metavar='MODEL.onnx')
    parser.add_argument('--bag', type=Path, required=True, nargs='+', metavar='SIMBAG')
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='take every n-th image (default 1)')
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='write the scores here, too')
    add_options(parser, EngineConfig, ('model',))
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Score, print, and write where asked."""
    config = read_config(parsed, EngineConfig)
    from dseg_ros.classes import CITYSCAPES_19
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.evaluation.metrics import evaluate
    from dseg_ros.evaluation.simulated import score_drive
    from dseg_ros.runtime.loading import load_engine
    engine = load_engine(parsed.model, config)
    with ProgressBar('evaluating', 'images') as progress:
        counts = [score_drive(bag, engine.infer, len(engine.info.class_names),
                              max(1, parsed.every), progress) for bag in parsed.bag]
    scores = evaluate(reduce(operator.add, counts))
    names = [c.name for c in CITYSCAPES_19]
    summary = {'model': str(parsed.model), 'bags': [str(b) for b in parsed.bag],
               **scores.summary(names),
               'matching': {engine.info.class_names[k]: names[c] for k, c in enumerate(
                   scores.strict.matching) if c >= 0}}
    text = json.dumps(summary, indent=1)
    print(text)
    if parsed.out:
        parsed.out.write_text(text + '\n')
    return 0
