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

"""A vehicle's parameter file, which the nodes read through ROS, read without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.nodes import InputsConfig, RecorderNodeConfig
from dseg_ros.config.schema import as_mapping, ConfigError, dotted, from_mapping
import yaml

SECTIONS = ('/**', '/recorder')
PARAMETERS = 'ros__parameters'


def harvest_options(path: Path) -> dict[str, Any]:
    """
    Read what recorder_node would do with a vehicle, as options of a harvest.

    :param path: a ROS 2 parameter file, as given to drive.launch.py.
    :returns: options of HarvestConfig by dotted name; those of other nodes are left out.
    :raises ConfigError: for an unreadable file or a value that cannot be used.
    """
    given: dict[str, Any] = {}
    for name in SECTIONS:
        _merge(given, _parameters(path).get(name, {}).get(PARAMETERS) or {})
    known = {f.name for f in fields(RecorderNodeConfig)}
    config = from_mapping(RecorderNodeConfig, {k: v for k, v in given.items()
                                               if k.partition('.')[0] in known}, str(path))
    shared = {f.name for f in fields(HarvestConfig)} & given.keys()
    options = dotted({name: value for name, value in as_mapping(config).items()
                      if name in shared})
    return {**options, **(_topics(config.inputs) if 'inputs' in given else {})}


def _parameters(path: Path) -> Mapping[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f'{path}: {error}') from error
    if not isinstance(values, Mapping) or not any(
            isinstance(v, Mapping) and PARAMETERS in v for v in values.values()):
        raise ConfigError(f'{path}: is no ROS parameter file, it has no {PARAMETERS}')
    return values


def _topics(inputs: InputsConfig) -> dict[str, Any]:
    """Translate the nodes' inputs; topics of a bag have full names."""
    images, infos = (['/' + name(camera).lstrip('/') for camera in inputs.cameras]
                     for name in (inputs.image_topic, inputs.camera_info_topic))
    return {'topics.points': '/' + inputs.points.lstrip('/'), 'topics.images': images,
            'topics.camera_infos': infos, 'topics.cameras': list(inputs.cameras)}


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value
