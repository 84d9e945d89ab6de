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

"""Command line options made from configurations: names, types, defaults and texts are theirs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, TypeVar

from dseg_ros.config.schema import Config, dotted, from_mapping, load, Option, options
import yaml

C = TypeVar('C', bound=Config)


def add_options(parser: argparse.ArgumentParser, kind: type[Config],
                arguments: Sequence[str] = ()) -> None:
    """
    Offer every option of a configuration on the command line.

    Options at the top are shown by --help; those of sections, which may be many, are listed by
    --options. Either kind is taken as `--name VALUE`, in `--set name=VALUE` or from --config.

    :param parser: the verb's parser.
    :param kind: the configuration.
    :param arguments: options that the verb takes in another way.
    """
    group = parser.add_argument_group('options')
    group.add_argument('--config', type=Path, metavar='FILE', help='YAML file with options')
    group.add_argument('--set', action='append', default=[], type=assignment, dest='assignments',
                       metavar='NAME=VALUE', help='set one option, the value written as in YAML')
    group.add_argument('--options', action=_ListOptions, kind=kind,
                       help='list all options with defaults and limits, then exit')
    for option in options(kind):
        if option.name not in arguments:
            _add_flag(group, option)


def add_flags(parser: argparse.ArgumentParser, kind: type[Config], title: str) -> None:
    """
    Offer a further configuration's options as flags alone: what is no part of a recipe.

    :param parser: the verb's parser.
    :param kind: the configuration; none of its names may be one of the recipe's.
    :param title: what --help calls them.
    """
    group = parser.add_argument_group(title)
    for option in options(kind):
        _add_flag(group, option)


def read_flags(parsed: argparse.Namespace, kind: type[C]) -> C:
    """
    Build the configuration that the flags of `add_flags` ask for.

    :raises ConfigError: for a value that cannot be used.
    """
    return from_mapping(kind, _given(parsed, kind))


def read_config(parsed: argparse.Namespace, kind: type[C],
                defaults: Mapping[str, Any] | None = None, **given: Any) -> C:
    """
    Build the configuration that the command line asks for.

    :param parsed: the arguments of a parser with `add_options`.
    :param kind: the configuration.
    :param defaults: what to take for options that are not given, by dotted name.
    :param given: options that the verb takes in another way.
    :raises ConfigError: for a value that cannot be used.
    """
    overrides = {**dict(parsed.assignments), **_given(parsed, kind), **given}
    if parsed.config is not None:
        return load(kind, parsed.config, overrides, defaults)
    return from_mapping(kind, {**dotted(defaults or {}), **dotted(overrides)})


def describe(option: Option) -> str:
    """Say in one line what an option means, takes and is when not given."""
    limits = f'{_bound(option.low)}..{_bound(option.high)}'
    facts = [f'one of {", ".join(map(str, option.choices))}' if option.choices else '',
             limits if limits != '..' else '', f'default {_plain(option.default)}']
    return f'{option.text.rstrip(".")} ({"; ".join(f for f in facts if f)})'


class _ListOptions(argparse.Action):
    """Print all options and exit."""

    def __init__(self, kind: type[Config], **rest: Any) -> None:
        super().__init__(nargs=0, **rest)
        self.kind = kind

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        for option in options(self.kind):
            print(f'{option.name}: {describe(option)}')
        parser.exit()


def _add_flag(group: argparse._ArgumentGroup, option: Option) -> None:
    kind, nargs = option.kind, None
    if get_origin(kind) is tuple:
        kind, nargs = get_args(kind)[0], '*'
    text = argparse.SUPPRESS if '.' in option.name else describe(option).replace('%', '%%')
    flag, destination = f'--{option.name.replace("_", "-")}', _destination(option)
    if kind is bool:
        group.add_argument(flag, dest=destination, default=None, help=text,
                           action=argparse.BooleanOptionalAction)
    else:
        name = 'VALUE' if option.choices is None else '{%s}' % ','.join(map(str, option.choices))
        group.add_argument(flag, dest=destination, type=kind, nargs=nargs, help=text,
                           metavar=name)


def _given(parsed: argparse.Namespace, kind: type[Config]) -> dict[str, Any]:
    return {option.name: value for option in options(kind)
            if (value := getattr(parsed, _destination(option), None)) is not None}


def _destination(option: Option) -> str:
    return f'option.{option.name}'


def assignment(text: str) -> tuple[str, Any]:
    """Read `NAME=VALUE`, the value written as in YAML."""
    name, equals, value = text.partition('=')
    if not equals:
        raise argparse.ArgumentTypeError(f'{text!r} is not NAME=VALUE')
    try:
        return name, yaml.safe_load(value) if value else ''
    except yaml.YAMLError:
        raise argparse.ArgumentTypeError(f'{name}: {value!r} is no YAML value') from None


def _bound(value: float | None) -> str:
    return '' if value is None else f'{value:g}'


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f'[{", ".join(map(str, value))}]'
    return repr(value) if isinstance(value, str) else str(value)
