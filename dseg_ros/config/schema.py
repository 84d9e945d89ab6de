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

"""
Typed, validated configurations: one dataclass per recipe and node, defaults in it alone.

The same dataclass is read from YAML by the recipes, declared as ROS parameters by the nodes and
printed into the documentation, so a name, default, range or description exists once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, MISSING
import math
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints, TypeVar

import yaml

SCALARS = (bool, int, float, str)


class ConfigError(ValueError):
    """A configuration value that cannot be used; the message names it."""


def option(default: Any, text: str, *, low: float | None = None, high: float | None = None,
           choices: Sequence[Any] | None = None) -> Any:
    """
    Declare one option of a configuration.

    :param default: its default; a sequence is taken as a tuple.
    :param text: one sentence for users, with the unit.
    :param low: smallest allowed number, if any; for a tuple, of each element.
    :param high: largest allowed number, if any; for a tuple, of each element.
    :param choices: the allowed values, if they are few; for a tuple, of each element.
    """
    meta = {'text': text, 'low': low, 'high': high,
            'choices': None if choices is None else tuple(choices)}
    return field(default=tuple(default) if isinstance(default, list) else default, metadata=meta)


def section(kind: type, text: str = '') -> Any:
    """Declare a nested configuration; its options are called `section.option`."""
    return field(default_factory=kind, metadata={'text': text})


@dataclass(frozen=True)
class Option:
    """One option as users see it: dotted name, type, default, description, limits."""

    name: str
    kind: Any
    default: Any
    text: str
    low: float | None
    high: float | None
    choices: tuple[Any, ...] | None


@dataclass(frozen=True)
class Config:
    """
    Base of every configuration: subclass as a frozen dataclass of `option` and `section` fields.

    A value of a wrong type or out of range raises ConfigError on construction. For a rule between
    options override `check`.
    """

    def __post_init__(self) -> None:
        """Validate every option, then the rules between them."""
        hints = get_type_hints(type(self))
        for f in fields(self):
            value = getattr(self, f.name)
            if not is_dataclass(value):
                object.__setattr__(self, f.name, _checked(f.name, hints[f.name], value,
                                                          f.metadata))
        self.check()

    def check(self) -> None:
        """Raise ConfigError where options contradict each other."""


C = TypeVar('C', bound=Config)


def _checked(name: str, kind: Any, value: Any, meta: Mapping[str, Any]) -> Any:
    if get_origin(kind) is tuple:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ConfigError(f'{name}: {value!r} is not a list')
        return tuple(_checked(name, get_args(kind)[0], v, meta) for v in value)
    if kind is float and type(value) is int:
        value = float(value)
    if kind not in SCALARS or type(value) is not kind:
        raise ConfigError(f'{name}: {value!r} is a {type(value).__name__}, '
                          f'not {getattr(kind, "__name__", kind)}')
    if kind is float and not math.isfinite(value):
        raise ConfigError(f'{name}: {value!r} is not a finite number')
    low, high, choices = meta.get('low'), meta.get('high'), meta.get('choices')
    if choices is not None and value not in choices:
        raise ConfigError(f'{name}: {value!r} is not one of {list(choices)}')
    if low is not None and not value >= low:
        raise ConfigError(f'{name}: {value!r} is below {low}')
    if high is not None and not value <= high:
        raise ConfigError(f'{name}: {value!r} is above {high}')
    return value


def options(kind: type[Config], prefix: str = '') -> Iterator[Option]:
    """Walk all options of a configuration, nested ones under dotted names."""
    hints = get_type_hints(kind)
    for f in fields(kind):
        nested = hints[f.name]
        if is_dataclass(nested):
            yield from options(nested, f'{prefix}{f.name}.')  # type: ignore[arg-type]
        else:
            assert f.default is not MISSING, f'{kind.__name__}.{f.name} has no default'
            meta = f.metadata
            yield Option(prefix + f.name, nested, f.default, meta['text'], meta['low'],
                         meta['high'], meta['choices'])


def from_mapping(kind: type[C], values: Mapping[str, Any], where: str = '') -> C:
    """
    Build a configuration from nested or dotted keys; what is not given keeps its default.

    :param kind: the configuration's class.
    :param values: e.g. {'ground': {'method': 'column_angle'}} or {'ground.method': ...}.
    :param where: what to call the source in an error ('kitti.yaml').
    :raises ConfigError: for an unknown key, a wrong type or a value out of range.
    """
    hints = get_type_hints(kind)
    own: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        head, dot, tail = str(key).partition('.')
        if head not in hints:
            raise ConfigError(f'{where}{": " if where else ""}unknown option {key!r}; '
                              f'{kind.__name__} has {sorted(hints)}')
        if not is_dataclass(hints[head]):
            own[head] = value
        elif dot:
            nested.setdefault(head, {})[tail] = value
        elif isinstance(value, Mapping):
            nested.setdefault(head, {}).update(value)
        else:
            raise ConfigError(f'{where}{": " if where else ""}{key}: {value!r} is not a section')
    for head, part in nested.items():
        own[head] = from_mapping(hints[head], part, f'{where}{": " if where else ""}{head}')
    try:
        return kind(**own)
    except ConfigError as error:
        raise ConfigError(f'{where}: {error}' if where else str(error)) from None


def load(kind: type[C], path: Path, overrides: Mapping[str, Any] | None = None,
         defaults: Mapping[str, Any] | None = None) -> C:
    """
    Read a configuration from a YAML file.

    :param kind: the configuration's class.
    :param path: the file; an empty one means all defaults.
    :param overrides: values that win over the file's, by dotted name.
    :param defaults: values that the file's win over, by dotted name.
    :raises ConfigError: for an unreadable file or a value that cannot be used.
    """
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f'{path}: {error}') from error
    if not isinstance(values, Mapping):
        raise ConfigError(f'{path}: holds a {type(values).__name__}, not options')
    return from_mapping(kind, {**dotted(defaults or {}), **dotted(values),
                               **dotted(overrides or {})}, str(path))


def dotted(values: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """Flatten nested values: {'ground': {'method': 1}} becomes {'ground.method': 1}."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= dotted(value, f'{prefix}{name}.')
        else:
            flat[f'{prefix}{name}'] = value
    return flat


def as_mapping(config: Config) -> dict[str, Any]:
    """Return the resolved configuration as plain nested values that YAML and JSON can hold."""
    return asdict(config, dict_factory=lambda items: {
        key: list(value) if isinstance(value, tuple) else value for key, value in items})
