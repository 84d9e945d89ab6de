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

"""The launch arguments of drive.launch.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dseg_ros.nodes.resources import share
from launch.actions import DeclareLaunchArgument


@dataclass(frozen=True)
class Argument:
    """One launch argument."""

    name: str
    default: str
    text: str
    choices: tuple[str, ...] | None = None


BOOL = ('true', 'false', 'True', 'False')
ARGUMENTS = (
    Argument('params_file', 'config/generic.yaml',
             'Parameters of all nodes; a relative path is also looked for in the package.'),
    Argument('namespace', '', 'Namespace of all nodes.'),
    Argument('use_sim_time', 'false', 'Take the time from /clock; implied by bag.', BOOL),
    Argument('autostart', 'true', 'Configure and activate the nodes at once.', BOOL),
    Argument('use_composition', 'true',
             'All nodes in one process: a message is received and decoded once.', BOOL),
    Argument('log_level', 'info', 'Log level of the nodes.',
             ('debug', 'info', 'warn', 'error', 'fatal')),
    Argument('rviz', 'false', 'Start RViz.', BOOL),
    Argument('rviz_config', 'config/drive.rviz',
             'What RViz shows; fitted to the cameras and the namespace.'),
    Argument('rviz_fixed_frame', 'base_link', 'Frame that RViz draws in.'),
    Argument('model', '', 'Model file; empty = params_file, or else the one in the package.'),
    Argument('points', '', 'Topic of the LiDAR; empty = params_file.'),
    Argument('image', '', 'Topic of the camera, {camera} standing for its name; empty = '
             'params_file.'),
    Argument('camera_info', '', 'Topic of its calibration, likewise.'),
    Argument('cameras', '', 'Names of the cameras, by commas; empty = params_file.'),
    Argument('record', '', 'Data set to write what is seen to; empty = record nothing.'),
    Argument('bag', '', 'Recording to play (ROS 1 or 2); the launch ends with it.'),
    Argument('bag_rate', '1.0', 'Speed relative to the recording; 0 = as fast as bag_lock_step '
             'allows.'),
    Argument('bag_loop', 'false', 'Play it again and again.', BOOL),
    Argument('bag_lock_step', 'true',
             'Wait for the answers to each message, so that none is lost.', BOOL),
    Argument('bag_lock_step_results', '',
             "More answers that bag_lock_step waits for, by commas: 'input_topic -> topic', the "
             'answer being a message with the same header stamp.'),
    Argument('dds_profile', 'config/dds_profile.xml',
             'Fast DDS profile for large messages; empty = leave the environment as it is.'),
)


def declared() -> list[DeclareLaunchArgument]:
    """Declare all launch arguments with their descriptions."""
    return [DeclareLaunchArgument(a.name, default_value=a.default, description=a.text,
                                  choices=a.choices) for a in ARGUMENTS]


class LaunchError(ValueError):
    """An argument that cannot be used; the message names it."""


@dataclass(frozen=True)
class Arguments:
    """The launch arguments as given."""

    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """Return an argument."""
        return self.values[name]

    @property
    def namespace(self) -> str:
        """Return the namespace as '' or '/name'."""
        name = self.values['namespace'].strip('/')
        return f'/{name}' if name else ''

    def topic(self, name: str) -> str:
        """Return the full name of a topic as the nodes resolve it; private ones have none here."""
        return name if name.startswith('/') else f'{self.namespace}/{name}'

    def true(self, name: str) -> bool:
        """Return a boolean argument."""
        return self.values[name].lower() == 'true'

    def file(self, name: str) -> Path:
        """
        Find the file that an argument names: as given, else in the installed package.

        :raises LaunchError: if it is in neither place.
        """
        given = Path(self.values[name]).expanduser()
        for path in (given, share() / given):
            if path.is_file():
                return path.resolve()
        raise LaunchError(f'{name}:={self.values[name]}: no such file, here or in {share()}')


def given_or_default(values: Mapping[str, str]) -> Arguments:
    """
    Complete launch arguments.

    :param values: those that are given.
    :raises LaunchError: for one that does not exist.
    """
    if unknown := set(values) - {a.name for a in ARGUMENTS}:
        raise LaunchError(f'no launch arguments {sorted(unknown)}, there are '
                          f'{[a.name for a in ARGUMENTS]}')
    return Arguments({**{a.name: a.default for a in ARGUMENTS}, **values})
