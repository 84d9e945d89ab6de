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

"""`dseg ablate`: the chain with one thing changed, against the chain as it is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dseg_ros.cli.options import add_options, assignment, read_config
from dseg_ros.config.ablations import Ablation, ABLATIONS, ROWS
from dseg_ros.config.schema import ConfigError
from dseg_ros.config.study import STUDY_SIZES, StudyConfig


def add(subparsers: Any) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        'ablate', help='change one thing of the chain and score it against the chain as it is',
        description='Change one thing of the chain and score it on the same drives and seeds, '
        'with what it gains. In the folder of a study its finished parts and its options are '
        'taken.')
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help=f'of {", ".join(ABLATIONS)}')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='folder of a study, or of a new one')
    parser.add_argument('--variant', nargs='+', action='append', default=[],
                        metavar=('NAME', 'OPTION=VALUE'), help='a variant of your own: options '
                        'of the chain by dotted name; all of these are one ablation, `own`')
    parser.add_argument('--last', choices=ROWS[1:], default=None,
                        help='the last stage to train and score (default: as the ablation says)')
    parser.add_argument('--list', action=_List, help='list the ablations, then exit')
    add_options(parser, StudyConfig)
    parser.set_defaults(run=run)


class _List(argparse.Action):
    """Print all ablations and exit."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(nargs=0, **rest)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        for name, ablation in ABLATIONS.items():
            print(f'{name}: {ablation.text}')
            for variant, options in ablation.variants.items():
                print(f'  {variant}: ' + ', '.join(f'{k}={v}' for k, v in options.items()))
        parser.exit()


def run(parsed: argparse.Namespace) -> int:
    """Do the ablations one after the other and print their tables."""
    wanted = _wanted(parsed)
    from dseg_ros.cli.export import software_revision
    from dseg_ros.cli.study import command, Shown
    from dseg_ros.evaluation.study import ablate, remember, remembered
    before = remembered(parsed.out)
    config = read_config(parsed, StudyConfig, STUDY_SIZES if before is None else before)
    if before is None:
        remember(parsed.out, config)
    for name, ablation in wanted.items():
        with Shown() as show:
            outcome = ablate(parsed.out, name, ablation, config, command(), software_revision(),
                             show)
        print(f'{outcome.table.read_text()}\n{outcome.table}')
    return 0


def _wanted(parsed: argparse.Namespace) -> dict[str, Ablation]:
    """Find the ablations that are asked for."""
    unknown = [name for name in parsed.names if name not in ABLATIONS]
    if unknown:
        raise ConfigError(f'unknown ablation {unknown[0]!r}, known are {", ".join(ABLATIONS)}')
    found = {name: ABLATIONS[name] for name in parsed.names}
    if parsed.variant:
        found['own'] = Ablation('Variants from the command line.', {
            name: _overrides(name, options) for name, *options in parsed.variant})
    if not found:
        raise ConfigError(f'no ablation: name one of {", ".join(ABLATIONS)}, or give --variant')
    if parsed.last is None:
        return found
    return {name: Ablation(a.text, a.variants, parsed.last) for name, a in found.items()}


def _overrides(name: str, options: list[str]) -> dict[str, Any]:
    """Read the options of a variant."""
    if not options:
        raise ConfigError(f'--variant {name}: changes no option')
    try:
        return dict(assignment(text) for text in options)
    except argparse.ArgumentTypeError as error:
        raise ConfigError(f'--variant {name}: {error}') from None
