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

"""`dseg export`: from a training run to a model file."""

from __future__ import annotations

import argparse
from pathlib import Path
import subprocess
from typing import Any

from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.runtime import ExportConfig
from dseg_ros.version import software_version


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'export', help='write a model file from a training run', description='Write one ONNX '
        'file: image in, mask and confidence out; class names and origin are inside. What it '
        'gives is compared with torch first; where they disagree, no file is left.')
    parser.add_argument('training', type=Path, metavar='RUN')
    parser.add_argument('--out', type=Path, required=True, metavar='MODEL.onnx')
    add_options(parser, ExportConfig)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Export and say how to try the model."""
    config = read_config(parsed, ExportConfig)
    from dseg_ros.runtime.export import export
    path = export(parsed.training, parsed.out, config, software_revision(), print)
    print(f'{path}: {path.stat().st_size / 1e6:.1f} MB\nnext: dseg evaluate {path} --bag SIMBAG')
    return 0


def software_revision() -> str:
    """Name the software, with the git revision where it runs from a clone."""
    here = Path(__file__).resolve().parents[2]
    if not (here / '.git').exists():
        return software_version()
    git = subprocess.run(['git', '-C', str(here), 'describe', '--always', '--dirty'],
                         capture_output=True, text=True)
    return f'{software_version()} {git.stdout.strip()}'.strip()
