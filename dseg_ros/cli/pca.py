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

"""`dseg pca`: a network's features as colours."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'pca', help="a network's features as colours", description='Draw images beside what a '
        'trained network predicts and the first three principal components of its features, as '
        'red, green and blue, found over all these images together.')
    parser.add_argument('run_folder', type=Path, metavar='RUN',
                        help='folder of a finished training (RUN/student, ...)')
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--data', type=Path, metavar='DATASET', help='some images of a data set')
    what.add_argument('--images', type=Path, nargs='+', metavar='FILE', help='these images')
    parser.add_argument('--samples', type=int, default=6, metavar='N',
                        help='samples of the data set, spread over all drives (default 6)')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE',
                        help='the picture; its suffix tells the format')
    parser.set_defaults(run=run, usage_error=parser.error)


def run(parsed: argparse.Namespace) -> int:
    """Look and draw."""
    if parsed.samples < 1:
        parsed.usage_error(f'--samples {parsed.samples}: at least 1')
    from dseg_ros.cli.progress import ProgressBar
    from dseg_ros.evaluation.pca_sheet import image_files, images_of, write_sheet
    images = image_files(parsed.images) if parsed.images else images_of(parsed.data,
                                                                        parsed.samples)
    with ProgressBar('looking', 'images') as progress:
        print(write_sheet(parsed.run_folder, images, parsed.out, progress))
    return 0
