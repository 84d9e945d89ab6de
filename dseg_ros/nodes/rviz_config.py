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

"""The shipped RViz configuration, fitted to the cameras and the namespace of a launch."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
import tempfile
from typing import Any

from dseg_ros.config.nodes import InputsConfig
import yaml

NODES = ('/proposals/', '/segmentation/')
PER_CAMERA = {'/proposals/mask', '/segmentation/overlay', '/segmentation/mask_color'}

Display = dict[str, Any]


def write_rviz(template: Path, inputs: InputsConfig, namespace: str) -> Path:
    """
    Write the configuration for a launch.

    :param template: made for one camera and no namespace.
    :param inputs: says which cameras there are.
    :param namespace: of the nodes, '' or '/name'.
    :returns: a temporary file, the caller's to delete.
    """
    content = yaml.safe_load(template.read_text())
    manager = content['Visualization Manager']
    manager['Displays'] = [_within(namespace, shown) for display in manager['Displays']
                           for shown in _per_camera(display, inputs)]
    with tempfile.NamedTemporaryFile('w', prefix='dseg_', suffix='.rviz', delete=False) as file:
        yaml.safe_dump(content, file, sort_keys=False)
    return Path(file.name)


def _per_camera(display: Display, inputs: InputsConfig) -> Iterator[Display]:
    topic = display.get('Topic', {}).get('Value', '')
    if topic not in PER_CAMERA or len(inputs.cameras) == 1:
        yield display
        return
    node, _, name = topic.rpartition('/')
    for camera in inputs.cameras:
        shown = deepcopy(display)
        shown['Name'] = f'{display["Name"]} {camera}'
        shown['Topic']['Value'] = inputs.outputs(camera).replace('~', node) + name
        yield shown


def _within(namespace: str, display: Display) -> Display:
    topic = display.get('Topic')
    if topic and topic['Value'].startswith(NODES):
        topic['Value'] = namespace + topic['Value']
    return display
