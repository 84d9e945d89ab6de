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

"""Configurations: what is accepted, and what an error says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dseg_ros.config.schema import (as_mapping, Config, ConfigError, from_mapping, load, option,
                                    options, section)
import pytest
import yaml


@dataclass(frozen=True)
class Inner(Config):
    """A nested configuration."""

    limit_m: float = option(1.0, 'a limit [m]', low=0)
    names: tuple[str, ...] = option(('a',), 'some names', choices=('a', 'b'))


@dataclass(frozen=True)
class Outer(Config):
    """A configuration with a section."""

    inner: Inner = section(Inner)
    count: int = option(3, 'a count', low=1, high=9)
    low: int = option(1, 'at most count')

    def check(self) -> None:
        """Hold `low` under `count`."""
        if self.low > self.count:
            raise ConfigError(f'low: {self.low} is above count = {self.count}')


def test_nested_and_dotted_keys_meet() -> None:
    """Take both spellings, the later one winning."""
    config = from_mapping(Outer, {'inner': {'limit_m': 2}, 'inner.names': ['b'], 'count': 4})
    assert config.inner.limit_m == 2.0 and isinstance(config.inner.limit_m, float)
    assert config.inner.names == ('b',) and config.count == 4


@pytest.mark.parametrize(('values', 'said'), [
    ({'cuont': 3}, "unknown option 'cuont'"),
    ({'count': 10}, 'count: 10 is above 9'),
    ({'count': 2.5}, 'count: 2.5 is a float, not int'),
    ({'count': True}, 'count: True is a bool, not int'),
    ({'inner.limit_m': -1.0}, 'inner: limit_m: -1.0 is below 0'),
    ({'inner.limit_m': float('nan')}, 'inner: limit_m: nan is not a finite number'),
    ({'inner.limit_m': float('inf')}, 'inner: limit_m: inf is not a finite number'),
    ({'inner.names': 'a'}, "'a' is not a list"),
    ({'inner.names': ['c']}, "'c' is not one of ['a', 'b']"),
    ({'inner': 5}, 'inner: 5 is not a section'),
    ({'low': 5}, 'low: 5 is above count = 3'),
])
def test_a_bad_value_is_named(values: dict[str, object], said: str) -> None:
    """Say which option, which value and what would be right."""
    with pytest.raises(ConfigError) as caught:
        from_mapping(Outer, values, 'drive.yaml')
    assert str(caught.value).startswith('drive.yaml: ') and said in str(caught.value)


def test_options_have_dotted_names_and_defaults() -> None:
    """List what a node declares as parameters."""
    assert [(o.name, o.default) for o in options(Outer)] == [
        ('inner.limit_m', 1.0), ('inner.names', ('a',)), ('count', 3), ('low', 1)]


def test_a_file_round_trips(tmp_path: Path) -> None:
    """Read back the resolved configuration that is saved beside a result."""
    config = from_mapping(Outer, {'inner.limit_m': 7.5, 'count': 5})
    path = tmp_path / 'config.yaml'
    path.write_text(yaml.safe_dump(as_mapping(config)))
    assert load(Outer, path) == config
    assert load(Outer, path, {'inner.limit_m': 1.0}).inner.limit_m == 1.0


@pytest.mark.parametrize('text', ['- 1\n- 2\n', 'a: [', None])
def test_an_unusable_file_is_named(tmp_path: Path, text: str | None) -> None:
    """Name the file that is missing, no mapping or no YAML."""
    path = tmp_path / 'broken.yaml'
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match='broken.yaml'):
        load(Outer, path)
