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

"""Options that name images with ground truth: simulated drives, or a benchmark."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:  # numpy would make --help slow
    from dseg_ros.evaluation.labelled import LabelledImages


def add_labelled_images(parser: argparse.ArgumentParser, required: bool) -> None:
    """Declare the options that name labelled images; they are opened by labelled_images."""
    what = parser.add_mutually_exclusive_group(required=required)
    what.add_argument('--bag', type=Path, nargs='+', metavar='SIMBAG', help='simulated drives')
    what.add_argument('--benchmark', metavar='BENCHMARK', help='labelled images, in --root')
    parser.add_argument('--benchmarks', action=ListBenchmarks,
                        help='list the benchmarks and where their files have to lie, then exit')
    parser.add_argument('--root', type=Path, metavar='DIR',
                        help='folder that the benchmark was unpacked into')
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='take every n-th image (default 1)')


class ListBenchmarks(argparse.Action):
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


def check_labelled_images(parsed: argparse.Namespace) -> None:
    """Say what belongs together before anything is loaded."""
    if (parsed.benchmark is None) != (parsed.root is None):
        parsed.usage_error('--benchmark and --root belong together')


def labelled_images(parsed: argparse.Namespace) -> LabelledImages:
    """Open the drives or the benchmark that were asked for."""
    if parsed.benchmark is not None:
        from dseg_ros.evaluation.benchmarks import Benchmark
        return Benchmark(parsed.benchmark, parsed.root, parsed.every)
    from dseg_ros.evaluation.simulated import SimulatedDrives
    return SimulatedDrives(parsed.bag, parsed.every)
