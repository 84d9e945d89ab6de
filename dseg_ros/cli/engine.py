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

"""`dseg engine build|check`: TensorRT engines of a model, before a vehicle needs them."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

from dseg_ros.cli.options import add_options, read_config
from dseg_ros.config.runtime import EngineConfig

if TYPE_CHECKING:  # libraries would make --help slow
    from dseg_ros.runtime.engine import Engine

HERE = ('model', 'threads', 'cpus')
"""Options of an engine that do not matter to TensorRT."""


def add(subparsers: Any) -> None:
    """Declare the verb and its parts."""
    parser = subparsers.add_parser('engine', help='build and check TensorRT engines',
                                   description='TensorRT engines of a model.')
    parts = parser.add_subparsers(metavar='build|check', required=True)
    build = _part(parts, 'build', 'build an engine and keep it where nodes look for it; '
                  'TensorRT-RTX needs no GPU for that', _build)
    build.add_argument('--out', type=Path, metavar='FILE',
                       help='also write the engine alone, for other programs')
    check = _part(parts, 'check', 'run the engine on the GPU of this machine: does it give the '
                  'labels of ONNX Runtime, and how fast; exit status 1 if it does not', _check)
    check.add_argument('--rounds', type=int, default=200, metavar='N',
                       help='images that are timed (default 200)')


def _part(parts: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parts.add_parser(name, help=text, description=text)
    parser.add_argument('path', type=Path, metavar='MODEL.onnx')
    parser.add_argument('--cache', metavar='DIR', help='short for --tensorrt.cache')
    add_options(parser, EngineConfig, HERE)
    parser.set_defaults(run=run, usage_error=parser.error)
    return parser


def _config(parsed: argparse.Namespace) -> EngineConfig:
    given = {} if parsed.cache is None else {'tensorrt.cache': parsed.cache}
    config = read_config(parsed, EngineConfig, **given)
    if config.backend == 'onnxruntime':
        parsed.usage_error('--backend onnxruntime: it has no engines to build')
    return config


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _build(parsed: argparse.Namespace) -> int:
    config = _config(parsed)
    from dseg_ros.runtime.tensorrt.opening import build_only
    built = build_only(parsed.path, _reference(parsed.path).info, config.backend,
                       config.tensorrt, _say)
    if parsed.out is not None:
        parsed.out.write_bytes(built.plan)
    made_of = built.recipe
    targets = ', '.join(f'SM {c}' for c in made_of.compute_capabilities)
    print(f'{parsed.path}: {made_of.library}, {made_of.precision}, {made_of.shapes}, for '
          f'{made_of.gpu or "any GPU"}{f" of {targets}" if targets else " that it knows"}: '
          f'{len(built.plan) / 1e6:.1f} MB, '
          + (f'built in {built.seconds:.1f} s' if built.seconds else 'was there already'))
    print(built.file if parsed.out is None else parsed.out)
    return 0


def _check(parsed: argparse.Namespace) -> int:
    if parsed.rounds < 1:
        parsed.usage_error(f'--rounds {parsed.rounds}: at least 1')
    config = _config(parsed)
    from dseg_ros.cli.app import FOUND_WRONG
    from dseg_ros.runtime.tensorrt.activating import activate, Disagreement
    from dseg_ros.runtime.tensorrt.measuring import measure
    try:
        engine = activate(parsed.path, config, _reference(parsed.path), print)
    except Disagreement as error:
        print(error)
        return FOUND_WRONG
    print(engine.runs_on)
    print(measure(engine, parsed.rounds))
    return 0


def _reference(path: Path) -> Engine:
    from dseg_ros.runtime.loading import load_engine
    return load_engine(path, EngineConfig(backend='onnxruntime'))
