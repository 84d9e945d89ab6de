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

"""A configuration as ROS parameters: one source of names, defaults, texts and limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dseg_ros.config.schema import Config, ConfigError, option, section
from dseg_ros.nodes.parameters import declare, guard, read
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

MakeNode = Callable[..., Node]


@dataclass(frozen=True)
class Inner(Config):
    """A nested configuration."""

    angle_deg: float = option(10.0, 'An angle [deg].', low=0.0, high=90.0)
    method: str = option('a', 'How.', choices=('a', 'b'))


@dataclass(frozen=True)
class Outer(Config):
    """A configuration."""

    count: int = option(3, 'How many.', low=1)
    names: tuple[str, ...] = option((), 'Names.')
    inner: Inner = section(Inner)


@pytest.fixture
def make_node(ros: None) -> Iterator[MakeNode]:
    """Make nodes with parameter overrides."""
    nodes = []

    def make(**overrides: Any) -> Node:
        given = [Parameter(k.replace('__', '.'), value=v) for k, v in overrides.items()]
        nodes.append(Node('tested', parameter_overrides=given))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()


def test_defaults_and_overrides(make_node: MakeNode) -> None:
    """What is not given keeps the default; a whole number may be given for a float."""
    config = declare(make_node(inner__angle_deg=5, names=['x', 'y']), Outer)
    assert config == Outer(names=('x', 'y'), inner=Inner(angle_deg=5.0))


def test_descriptors(make_node: MakeNode) -> None:
    """ROS tools see text, range and choices; use_sim_time is left to rclpy."""
    node = make_node()
    declare(node, Outer)
    angle = node.describe_parameter('inner.angle_deg')
    assert angle.description == 'An angle [deg].'
    assert (angle.floating_point_range[0].from_value,
            angle.floating_point_range[0].to_value) == (0.0, 90.0)
    assert node.describe_parameter('count').integer_range[0].from_value == 1
    assert 'a, b' in node.describe_parameter('inner.method').additional_constraints


@pytest.mark.parametrize(('override', 'value'), [
    ('inner__angle_deg', 91.0), ('inner__angle_deg', 91), ('inner__method', 'c'),
    ('count', 'three'), ('count', 0), ('names', [1, 2])])
def test_errors_name_the_parameter(make_node: MakeNode, override: str, value: Any) -> None:
    """A value that cannot be used is an error that names node, parameter and value."""
    with pytest.raises(ConfigError) as error:
        declare(make_node(**{override: value}), Outer)
    text = str(error.value)
    assert 'tested' in text and override.rpartition('__')[2] in text
    assert str(value).strip('[]').split(',')[0] in text


def test_later_changes(make_node: MakeNode) -> None:
    """Later changes are checked by the same rules, and refused where they have no effect."""
    node = make_node()
    declare(node, Outer)
    editable = True
    guard(node, Outer, lambda: editable)
    assert node.set_parameters([Parameter('count', value=7)])[0].successful
    refused = node.set_parameters([Parameter('inner.method', value='z')])[0]
    assert not refused.successful and 'method' in refused.reason
    editable = False
    assert not node.set_parameters([Parameter('count', value=8)])[0].successful
    assert read(node, Outer).count == 7
