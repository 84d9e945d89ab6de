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

"""`dseg dataset quality`: hold masks and pseudo-classes against a simulator's truth."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
import sys
from typing import Any

from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.mask_quality import MaskQualityConfig


def add_quality(parts: Any) -> None:
    """Declare the part of `dseg dataset`."""
    text = 'measure masks and pseudo-classes of simulated drives against their truth'
    parser = parts.add_parser(
        'quality', help=text, description='Measure a data set of simulated drives against their '
        'truth. With --bag: purity and coverage of proposals in the image and of partial labels '
        '(from true classes of points, so that classes have no part in it), a row per step that '
        "is switched off or changed. With --classes: mIoU of the points' pseudo-classes.")
    parser.add_argument('path', type=Path, metavar='DATASET')
    parser.add_argument('--bag', type=Path, nargs='+', default=[], metavar='SIMBAG',
                        help='simulated drives that the data set was harvested from')
    parser.add_argument('--classes', type=Path, metavar='CLASSES',
                        help='folder that `dseg cluster` wrote for the data set')
    parser.add_argument('--out', type=Path, metavar='FILE.csv', help='write the table of masks '
                        'here, too')
    add_options(parser, MaskQualityConfig)
    parser.set_defaults(run=_run, usage_error=parser.error)


def _run(parsed: argparse.Namespace) -> int:
    if not parsed.bag and not parsed.classes:
        parsed.usage_error('--bag or --classes: nothing to measure')
    config = read_config(parsed, MaskQualityConfig)
    if parsed.bag:
        _masks(parsed, config)
    if parsed.classes:
        _points(parsed)
    return 0


def _masks(parsed: argparse.Namespace, config: MaskQualityConfig) -> None:
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.evaluation.label_quality import mask_quality
    from dseg_ros.evaluation.mask_quality import table
    with ProgressBar('measuring', 'samples') as progress:
        rows = list(table(mask_quality(parsed.path, parsed.bag, config, progress)))
    columns = list(rows[0])
    width = max(len(str(row['variant'])) for row in rows)
    print(' ' * width, *columns[1:], sep='  ')
    for row in rows:
        print(f'{row["variant"]:{width}}', *(f'{row[c]:>{len(c)}}' for c in columns[1:]),
              sep='  ')
    if parsed.out:
        with parsed.out.open('w', newline='') as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        print(parsed.out, file=sys.stderr)


def _points(parsed: argparse.Namespace) -> None:
    from dseg_ros.classes import CITYSCAPES_19
    from dseg_ros.evaluation.label_quality import point_quality
    from dseg_ros.evaluation.metrics import evaluate
    names, counts = point_quality(parsed.path, parsed.classes)
    classes, scores = [c.name for c in CITYSCAPES_19], evaluate(counts)
    print(json.dumps({
        'labelled': round(100 * float(1 - counts[-1].sum() / counts.sum()), 2),
        **scores.summary(classes),
        'matching': {names[k]: classes[c] for k, c in enumerate(scores.strict.matching)
                     if c >= 0}}, indent=1))
