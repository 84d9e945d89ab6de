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

"""`dseg probe`: what the features of networks are worth, told by few labels."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any, TYPE_CHECKING

from dseg_ros.cli.labelled import ListBenchmarks
from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.probe import ProbeConfig

if TYPE_CHECKING:  # numpy would make --help slow
    from dseg_ros.evaluation.features import Describer
    from dseg_ros.evaluation.labelled import LabelledImages


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'probe', help='k-NN and linear probes of features', description='Classify pixels by the '
        'features of networks that stay as they are: k-NN and logistic regression, learned from '
        'the ground truth of some images and scored on others.')
    parser.add_argument('runs', type=Path, nargs='*', metavar='RUN',
                        help='folders of finished trainings (RUN/student, ...)')
    parser.add_argument('--untrained', action='store_true',
                        help='also the network of the first RUN with random weights')
    parser.add_argument('--with-backbone', action='store_true',
                        help='also a backbone: --set backbone.name=..., backbone.weights=...')
    parser.add_argument('--train', type=Path, nargs='+', metavar='SIMBAG',
                        help='simulated drives whose ground truth is learned from')
    parser.add_argument('--test', type=Path, nargs='+', metavar='SIMBAG',
                        help='others that are scored')
    parser.add_argument('--benchmark', metavar='BENCHMARK', help='instead of drives: labelled '
                        'images in --root; the first by name train, the others test')
    parser.add_argument('--benchmarks', action=ListBenchmarks,
                        help='list the benchmarks and where their files have to lie, then exit')
    parser.add_argument('--root', type=Path, metavar='DIR',
                        help='folder that the benchmark was unpacked into')
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='take every n-th image (default 1)')
    parser.add_argument('--out', type=Path, metavar='FILE.json',
                        help='write the scores here, too, with confusion matrices')
    add_options(parser, ProbeConfig)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(parsed: argparse.Namespace) -> int:
    """Probe one network after the other, print, and write where asked."""
    drives, benchmark = bool(parsed.train and parsed.test), parsed.benchmark is not None
    if drives == benchmark or bool(parsed.train) != bool(parsed.test) or (
            benchmark != (parsed.root is not None)):
        parsed.usage_error('either --train and --test, or --benchmark and --root')
    if not parsed.runs and (parsed.untrained or not parsed.with_backbone):
        parsed.usage_error('no RUN, and no --with-backbone')
    config = read_config(parsed, ProbeConfig)
    from dseg_ros.cli.export import software_revision
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.evaluation.machine import machine
    from dseg_ros.evaluation.probing import probe
    train, test = _images(parsed, config)
    results = []
    for describe in _describers(parsed, config):
        with ProgressBar(f'probing {describe.name}', 'images') as progress:
            found = probe(train, test, describe, config, progress).summary()
        results.append({'network': describe.name, **found})
    result = {'software': software_revision(), 'machine': machine(), 'probes': results}
    if parsed.out:
        parsed.out.parent.mkdir(parents=True, exist_ok=True)
        parsed.out.write_text(json.dumps(result, indent=1) + '\n')
    for one in results:
        for name in ('knn', 'linear'):
            del one[name]['confusion']       # long; in the file
    print(json.dumps(result, indent=1))
    return 0


def _images(parsed: argparse.Namespace,
            config: ProbeConfig) -> tuple[LabelledImages, LabelledImages]:
    if parsed.benchmark is not None:
        from dseg_ros.evaluation.benchmarks import Benchmark
        return Benchmark(parsed.benchmark, parsed.root, parsed.every).split(config.train_share)
    from dseg_ros.evaluation.simulated import SimulatedDrives
    return SimulatedDrives(parsed.train, parsed.every), SimulatedDrives(parsed.test, parsed.every)


def _describers(parsed: argparse.Namespace, config: ProbeConfig) -> Iterator[Describer]:
    from dseg_ros.evaluation.features import BackboneDescriber, RunDescriber
    from dseg_ros.models.backbones import load_backbone
    yield from (RunDescriber(folder) for folder in parsed.runs)
    if parsed.untrained:
        yield RunDescriber(parsed.runs[0], untrained=True)
    if parsed.with_backbone:
        yield BackboneDescriber(load_backbone(config.backbone), config.image_pixels)
