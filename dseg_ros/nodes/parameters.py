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
Declare a typed configuration as ROS parameters: name, default, text and limits come from it alone.

`use_sim_time` belongs to rclpy and is never declared here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import sys
from typing import Any, TypeVar

from dseg_ros.config.schema import Config, ConfigError, from_mapping, Option, options
from rcl_interfaces.msg import (FloatingPointRange, IntegerRange, ParameterDescriptor,
                                SetParametersResult)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

C = TypeVar('C', bound=Config)

FLOAT_LIMIT = sys.float_info.max
INT_LIMIT = 2 ** 63 - 1


def declare(node: Node, kind: type[C]) -> C:
    """
    Declare every option of a configuration on a node and read what it was given.

    :param node: the node; its overrides (params file, command line) win over the defaults.
    :param kind: the configuration's class.
    :returns: the configuration as given.
    :raises ConfigError: for a wrong type or a value out of range; it names node and parameter.
    """
    for option in options(kind):
        try:
            node.declare_parameter(option.name, _plain(option.default), describe(option))
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise ConfigError(f'{node.get_name()}: parameter {option.name}: {error}') from None
    return read(node, kind)


def read(node: Node, kind: type[C]) -> C:
    """
    Read the declared parameters as a configuration.

    :raises ConfigError: for values that cannot be used; it names node and parameter.
    """
    values = {o.name: _plain(node.get_parameter(o.name).value) for o in options(kind)}
    return from_mapping(kind, values, f'{node.get_name()}: parameter')


def guard(node: Node, kind: type[Config], editable: Callable[[], bool]) -> None:
    """
    Reject a later change that cannot be used, or that would not take effect.

    :param node: a node on which `kind` was declared.
    :param kind: the configuration's class.
    :param editable: whether a change can take effect now (the node is unconfigured).
    """
    names = {o.name for o in options(kind)}

    def check(parameters: list[Parameter]) -> SetParametersResult:
        ours = {p.name: _plain(p.value) for p in parameters if p.name in names}
        if ours and not editable():
            return SetParametersResult(successful=False, reason=(
                f'{", ".join(sorted(ours))}: takes effect on configure; clean the node up first'))
        now = {name: _plain(node.get_parameter(name).value) for name in names}
        try:
            from_mapping(kind, {**now, **ours})
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)


def describe(option: Option) -> ParameterDescriptor:
    """
    Describe an option to ROS tools.

    Typing is dynamic, so that a whole number may be given for a float; the configuration checks
    the type with the same rule for files, parameters and the command line.
    """
    about = ParameterDescriptor(description=option.text, dynamic_typing=True)
    if option.choices is not None:
        about.additional_constraints = 'one of ' + ', '.join(map(str, option.choices))
    limits = option.low, option.high
    if limits == (None, None):
        return about
    if option.kind is int:
        about.integer_range = [IntegerRange(from_value=int(_or(option.low, -INT_LIMIT)),
                                            to_value=int(_or(option.high, INT_LIMIT)))]
    elif option.kind is float:
        about.floating_point_range = [
            FloatingPointRange(from_value=float(_or(option.low, -FLOAT_LIMIT)),
                               to_value=float(_or(option.high, FLOAT_LIMIT)))]
    return about


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
