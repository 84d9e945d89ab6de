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
from functools import reduce
import json
import operator
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.runtime import EngineConfig

if TYPE_CHECKING:  # numpy would make --help slow
    from dseg_ros.runtime.engine import Engine, ModelInfo


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'evaluate', help='score a model on a benchmark or on simulated drives',
        description='Score a model against ground truth at the size of its images, with the '
        'pseudo-classes matched to the classes by Hungarian matching over all images together. '
        'Simulated drives have 19 classes, benchmarks their own.')
    parser.add_argument('model', type=Path, metavar='MODEL.onnx')
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--bag', type=Path, nargs='+', metavar='SIMBAG', help='simulated drives')
    what.add_argument('--benchmark', metavar='BENCHMARK', help='labelled images, in --root')
    parser.add_argument('--benchmarks', action=_ListBenchmarks,
                        help='list the benchmarks and where their files have to lie, then exit')
    parser.add_argument('--root', type=Path, metavar='DIR',
                        help='folder that the benchmark was unpacked into')
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='take every n-th image (default 1)')
    parser.add_argument('--out', type=Path, metavar='PATH', help='write the scores here, too: a '
                        'file for drives; for a benchmark a folder that gets scores.json and '
                        'report.html')
    add_options(parser, EngineConfig, ('model',))
    parser.set_defaults(run=run, usage_error=parser.error)


class _ListBenchmarks(argparse.Action):
    """Print all benchmarks and exit."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(nargs=0, **rest)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from dseg_ros.evaluation.layouts import BENCHMARKS
        for name, layout in BENCHMARKS.items():
            print(f'{name}: {layout.labels.name}; {layout.split}\n'
                  f'  {layout.images}/**/*{layout.image_suffix}\n'
                  f'  {layout.truths}/**/*{layout.truth_suffix}')
        parser.exit()


def run(parsed: argparse.Namespace) -> int:
    """Score, print, and write where asked."""
    if (parsed.benchmark is None) != (parsed.root is None):
        parsed.usage_error('--benchmark and --root belong together')
    config = read_config(parsed, EngineConfig)
    from dseg_ros.runtime.loading import load_engine
    engine = load_engine(parsed.model, config)
    if parsed.benchmark is not None:
        return _benchmark(parsed, engine)
    return _drives(parsed, engine)


def _drives(parsed: argparse.Namespace, engine: Engine) -> int:
    from dseg_ros.classes import CITYSCAPES_19
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.evaluation.metrics import evaluate
    from dseg_ros.evaluation.simulated import score_drive
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


def _benchmark(parsed: argparse.Namespace, engine: Engine) -> int:
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.evaluation.benchmarks import Benchmark
    from dseg_ros.evaluation.report import write_report
    from dseg_ros.evaluation.scoring import run_benchmark
    benchmark = Benchmark(parsed.benchmark, parsed.root, parsed.every)
    if parsed.out:
        parsed.out.mkdir(parents=True, exist_ok=True)  # a bad place is told before the work
    with ProgressBar('evaluating', 'images') as progress:
        evaluation = run_benchmark(benchmark, engine.infer, engine.info.class_names,
                                   _protocol(parsed.model, engine.info), progress)
    summary = evaluation.summary()
    del summary['confusion']  # long; in the file
    print(json.dumps(summary, indent=1))
    if parsed.out:
        print(write_report(evaluation, parsed.out), file=sys.stderr)
    return 0


def _protocol(model: Path, info: ModelInfo) -> dict[str, str]:
    """Say what was run, and how."""
    sees = f'{info.network_pixels:,} pixels' if info.network_pixels else 'an unknown size'
    return {
        'model': f'{model.name}, made by {info.version or "an unknown version"}, '
                 f'trained on data {info.data_sha256[:12] or "unknown"}',
        'post-processing': f'none: one pass over the whole image, which the network sees with '
                           f'{sees}; argmax, repeated to the size of the image; no sliding '
                           'window, no test-time augmentation, no CRF',
    }
