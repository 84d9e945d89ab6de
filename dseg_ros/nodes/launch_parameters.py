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
The parameters of all nodes of a launch, resolved into one file.

rclpy knows no wildcard but /** and lets an unknown option pass in silence; so the file that we
write is keyed by full names, and every value is checked before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
import tempfile
from typing import Any

from dseg_ros.config.nodes import (InputsConfig, ProposalsNodeConfig, RecorderNodeConfig,
                                   SegmentationNodeConfig)
from dseg_ros.config.player import ARROW, PlayerConfig
from dseg_ros.config.schema import Config, ConfigError, from_mapping, options
from dseg_ros.nodes.launch_arguments import Arguments, LaunchError
import yaml

PLAYER = 'bag_player'
CONFIGS: dict[str, type[Config]] = {
    'proposals': ProposalsNodeConfig, 'segmentation': SegmentationNodeConfig,
    'recorder': RecorderNodeConfig, PLAYER: PlayerConfig}
EVERYONE = '/**'

Values = dict[str, Any]


class _Plain(yaml.SafeDumper):
    """Writes equal values out again, since rcl reads no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Never refer back."""
        return True


def resolve(given: Arguments, nodes: Iterable[str]) -> dict[str, Values]:
    """
    Work out the parameters of nodes: defaults of the file for all, for each, then arguments.

    :param given: the launch arguments.
    :param nodes: names of the nodes, keys of CONFIGS.
    :returns: dotted parameters by node.
    :raises LaunchError: for a file or value that cannot be used, naming it.
    """
    path = given.file('params_file')
    sections = read_sections(path)
    known = {o.name for kind in CONFIGS.values() for o in options(kind)}
    for name, values in sections.items():
        for option in values:
            if option not in known | {'use_sim_time'}:
                raise LaunchError(f'{path}: {name}: no node has an option {option!r}')
    resolved: dict[str, Values] = {}
    for node in nodes:
        mine = {o.name for o in options(CONFIGS[node])}
        own = sections.get(node, {})
        if wrong := set(own) - mine - {'use_sim_time'}:
            raise LaunchError(f'{path}: {node}: unknown options {sorted(wrong)}')
        overrides = (_of_player(given, resolved) if node == PLAYER else _of_node(given))
        values = {k: v for k, v in {**sections.get(EVERYONE, {}), **own, **overrides}.items()
                  if k in mine}
        try:
            from_mapping(CONFIGS[node], values)
        except ConfigError as error:
            raise LaunchError(f'{path}: {node}: {error}') from None
        resolved[node] = values
    return resolved


def write(parameters: Mapping[str, Values], namespace: str, use_sim_time: bool) -> Path:
    """
    Write a parameter file.

    :param parameters: by node, without its namespace.
    :param namespace: of all nodes, '' or '/name'.
    :param use_sim_time: of all nodes but the player, who makes the time.
    :returns: a temporary file, the caller's to delete.
    """
    content = {f'{namespace}/{node}': {'ros__parameters': {
        **values, **({} if node == PLAYER else {'use_sim_time': use_sim_time})}}
        for node, values in parameters.items()}
    with tempfile.NamedTemporaryFile('w', prefix='dseg_', suffix='.yaml', delete=False) as file:
        yaml.dump(content, file, Dumper=_Plain)
    return Path(file.name)


def read_sections(path: Path) -> dict[str, Values]:
    """Read a ROS parameter file: dotted options by node name (without namespace) or /**."""
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise LaunchError(f'params_file {path}: {error}') from error
    sections: dict[str, Values] = {}
    for key, section in content.items() if isinstance(content, Mapping) else [('', None)]:
        if not isinstance(section, Mapping) or set(section) != {'ros__parameters'}:
            raise LaunchError(f'params_file {path}: {key!r} does not hold ros__parameters alone')
        name = EVERYONE if key == EVERYONE else str(key).rpartition('/')[2]
        if name != EVERYONE and name not in CONFIGS:
            raise LaunchError(f'params_file {path}: {key!r} is no node; there are '
                              f'{sorted(CONFIGS)}')
        sections.setdefault(name, {}).update(_dotted(section['ros__parameters'] or {}))
    return sections


def _dotted(values: Mapping[str, Any], prefix: str = '') -> Values:
    flat: Values = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_dotted(value, f'{prefix}{key}.'))
        else:
            flat[prefix + key] = value
    return flat


def inputs_of(values: Values) -> InputsConfig:
    """Return the inputs of a node from its resolved parameters."""
    prefix = 'inputs.'
    return from_mapping(InputsConfig, {k[len(prefix):]: v for k, v in values.items()
                                       if k.startswith(prefix)})


def _of_player(given: Arguments, resolved: Mapping[str, Values]) -> Values:
    """Play what the arguments say; each input waits for its result where that is asked for."""
    namespace = given.namespace
    answers = []
    if 'proposals' in resolved:
        inputs = inputs_of(resolved['proposals'])
        answers.append(f'{given.topic(inputs.points)} {ARROW} {namespace}/proposals/objects')
    if 'segmentation' in resolved:
        inputs = inputs_of(resolved['segmentation'])
        for camera in inputs.cameras:
            mask = inputs.outputs(camera).replace('~', f'{namespace}/segmentation') + 'mask'
            answers.append(f'{given.topic(inputs.image_topic(camera))} {ARROW} {mask}')
    for line in filter(str.strip, given['bag_lock_step_results'].split(',')):
        source, arrow, result = (part.strip() for part in line.partition(ARROW))
        if not (source and arrow and result):
            raise LaunchError(f'bag_lock_step_results: {line!r} is not input_topic {ARROW} topic')
        answers.append(f'{given.topic(source)} {ARROW} {given.topic(result)}')
    try:
        rate = float(given['bag_rate'])
    except ValueError:
        raise LaunchError(f'bag_rate:={given["bag_rate"]} is no number') from None
    return {'bag': given['bag'], 'rate': rate, 'loop': given.true('bag_loop'),
            'lock_step': given.true('bag_lock_step'), 'lock_step_results': answers,
            'subscribers': 1 if given.true('use_composition') or not given['record'] else 2}


def _of_node(given: Arguments) -> Values:
    """Translate the launch arguments that are not empty to the options of nodes."""
    values: Values = {f'inputs.{name}': given[name]
                      for name in ('points', 'image', 'camera_info') if given[name]}
    if given['cameras']:
        values['inputs.cameras'] = [c.strip() for c in given['cameras'].split(',')]
    if given['model']:
        values['engine.model'] = given['model']
    if given['record']:
        values['dataset'] = given['record']
    values['autostart'] = given.true('autostart')
    return values
