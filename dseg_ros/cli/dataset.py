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

"""`dseg dataset show|verify|info|quality`: look at a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dseg_ros.cli.app import FOUND_WRONG
from dseg_ros.cli.quality import add_quality


def add(subparsers: Any) -> None:
    """Declare the verb and its parts."""
    parser = subparsers.add_parser('dataset', help='show, verify, summarise or measure a data set',
                                   description='Look at a data set.')
    parts = parser.add_subparsers(metavar='show|verify|info|quality', required=True)
    show = _part(parts, 'show', 'draw some samples on a contact sheet', _show)
    show.add_argument('--out', type=Path, default=Path('sheet.png'), metavar='FILE',
                      help='the picture (default sheet.png)')
    show.add_argument('--samples', type=int, default=6, metavar='N',
                      help='how many, spread over all drives (default 6)')
    show.add_argument('--source', metavar='NAME', help='one drive only')
    _part(parts, 'verify', 'read every byte, decode every sample; exit status 1 if anything is '
          'damaged', _verify)
    _part(parts, 'info', 'tell what is in it', _info)
    add_quality(parts)


def _part(parts: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parts.add_parser(name, help=text, description=text)
    parser.add_argument('path', type=Path, metavar='DATASET')
    parser.set_defaults(run=run)
    return parser


def _show(parsed: argparse.Namespace) -> int:
    from dseg_ros.dataset.show import contact_sheet
    from dseg_ros.dataset.store import Dataset
    path = contact_sheet(Dataset(parsed.path), parsed.out, parsed.samples, parsed.source)
    print(path)
    return 0


def _verify(parsed: argparse.Namespace) -> int:
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.dataset.store import Dataset, verify
    with ProgressBar('verifying', 'shards') as progress:
        problems = verify(parsed.path, progress)
    for problem in problems:
        print(problem)
    if problems:
        print(f'{parsed.path}: {len(problems)} problems in '
              f'{len({p.key for p in problems if p.key})} samples')
        return FOUND_WRONG
    print(f'{parsed.path}: {len(Dataset(parsed.path))} samples, every byte as recorded')
    return 0


def _info(parsed: argparse.Namespace) -> int:
    from dseg_ros.dataset.store import Dataset
    data = Dataset(parsed.path)
    size = sum(s.size for s in data.manifest.shards)
    print(f'{parsed.path}: {len(data)} samples, {len(data.manifest.shards)} closed shards, '
          f'{size / 1e6:.1f} MB, {data.manifest.software}')
    for source in data.manifest.sources:
        count = len(data.keys(source.name))
        print(f'  {source.name}: {count} samples from {source.origin}'
              f'{"" if source.complete else ", not complete"}')
        for reason, dropped in source.dropped.items():
            print(f'    dropped {dropped}: {reason}')
        for problem in source.problems:
            print(f'    problem: {problem}')
    return 0
