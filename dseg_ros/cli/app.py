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

"""Parse the command line, run a verb, turn errors into one line and an exit status."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
import os
import sys

VERBS = ('sim', 'harvest', 'dataset', 'cluster', 'train', 'distill', 'export', 'engine',
         'evaluate', 'probe', 'pca', 'report', 'study', 'ablate', 'finetune', 'demo', 'bench')
"""Modules of this package, in the order of a project: a verb each."""

FOUND_WRONG, USAGE_ERROR, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run `dseg`.

    :param arguments: the command line without the program's name; None for the process's own.
    :returns: 0 if all is well, 1 if something was examined and found wrong, 2 for what cannot
        be done as asked, 130 after Ctrl-C.
    """
    try:
        parsed = build_parser().parse_args(arguments)
        return int(parsed.run(parsed) or 0)
    except KeyboardInterrupt:
        return _fail('interrupted', INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        named = f'{error.filename}: ' if error.filename else ''
        return _fail(f'{named}{error.strerror or error}', USAGE_ERROR)
    except Exception as error:
        if type(error).__module__.partition('.')[0] != 'dseg_ros':
            raise  # none of our own errors: a fault in the program, shown in full
        return _fail(str(error), USAGE_ERROR)


def build_parser() -> argparse.ArgumentParser:
    """Declare all verbs."""
    parser = argparse.ArgumentParser(
        prog='dseg', description="Semantic segmentation learned from a vehicle's own camera and "
        'LiDAR drives, without one human label.')
    verbs = parser.add_subparsers(metavar='VERB', required=True)
    for verb in VERBS:
        import_module(f'dseg_ros.cli.{verb}').add(verbs)
    return parser


def _fail(text: str, status: int) -> int:
    print(f'dseg: error: {" ".join(text.split())}', file=sys.stderr)
    return status
