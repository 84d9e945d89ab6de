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

"""What is checked before a launch starts anything, so that it fails at once and by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from dseg_ros.bags.reader import open_bag
from dseg_ros.config.nodes import InputsConfig
from dseg_ros.nodes.inputs import CAMERA, image_kind, Kind, POINTS
from dseg_ros.nodes.launch_arguments import ARGUMENTS, Arguments, LaunchError
from dseg_ros.nodes.launch_parameters import inputs_of, PLAYER, Values
from dseg_ros.nodes.resources import model_path


def misspelt(given: Mapping[str, str]) -> list[str]:
    """
    Find arguments that look like one of ours; `ros2 launch` takes any name in silence.

    :param given: all launch configurations; those of a launch file that includes ours, too.
    :returns: a warning each.
    """
    names = [a.name for a in ARGUMENTS]
    close = {name: get_close_matches(name, names, 1, 0.8) for name in given if name not in names}
    return [f'warning: {name}:={given[name]}: there is no such argument; {match[0]} is one'
            for name, match in close.items() if match]


def check_files(given: Arguments) -> None:
    """Raise LaunchError for files that are not there."""
    if given['dds_profile']:
        given.file('dds_profile')
    if given.true('rviz'):
        try:
            get_package_prefix('rviz2')
        except PackageNotFoundError:
            raise LaunchError('rviz:=true, but rviz2 is not installed here; install it '
                              '(apt-get install ros-jazzy-rviz2), or start RViz on another '
                              'machine with the shipped config/drive.rviz') from None
        given.file('rviz_config')


def check_bag(given: Arguments, parameters: Mapping[str, Values]) -> list[str]:
    """
    Compare what a recording has with what the nodes read.

    :param given: the launch arguments.
    :param parameters: by node.
    :returns: warnings.
    :raises LaunchError: if it is not there, or lacks what the nodes need.
    """
    path = Path(given['bag']).expanduser()
    try:
        with open_bag(path) as bag:
            types, listing = {n: t.type for n, t in bag.topics.items()}, bag.listing()
    except (OSError, ValueError) as error:
        raise LaunchError(f'bag:={path}: {error}') from error
    read = {(given.topic(name), kind) for node, values in parameters.items() if node != PLAYER
            for name, kind in topics(inputs_of(values))}
    warnings = []
    for topic, kind in sorted(read, key=lambda pair: pair[0]):
        wanted = f'sensor_msgs/msg/{kind.message.__name__}'
        lacking = (f'bag:={path} has no topic {topic}, which the nodes are to read (params_file '
                   f'or arguments); it has {listing}')
        if topic not in types and kind is CAMERA and 'recorder' not in parameters:
            warnings.append(f'warning: {lacking}; without a calibration there are masks, but no '
                            'labelled clouds')
        elif topic not in types:
            raise LaunchError(lacking)
        elif types[topic] != wanted:
            raise LaunchError(f'bag:={path}: {topic} is {types[topic]}, the nodes read it as '
                              f'{wanted} (params_file or arguments); the bag has {listing}')
    return warnings


def topics(inputs: InputsConfig) -> Iterator[tuple[str, Kind[Any]]]:
    """List what a node may read, with the types."""
    yield inputs.points, POINTS
    for camera in inputs.cameras:
        image = inputs.image_topic(camera)
        yield image, image_kind(image)
        yield inputs.camera_info_topic(camera), CAMERA


def check_model(model: str) -> None:
    """Raise LaunchError for a model that is not there."""
    try:
        model_path(model)
    except FileNotFoundError as error:
        raise LaunchError(str(error)) from error
