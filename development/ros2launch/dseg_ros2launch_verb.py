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

"""The verb `ros2 launch`: a thin front of launch.LaunchService, as on a vehicle."""

import argparse
from pathlib import Path
import sys

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
from ros2cli.command import CommandExtension


def find_launch_file(target: str, name: str | None) -> Path:
    """Locate a launch file by its path, or by package and file name."""
    if name is None:
        return Path(target)
    found = sorted(Path(get_package_share_directory(target)).rglob(name))
    if len(found) != 1:
        raise RuntimeError(f'{len(found)} files named {name!r} in the share of {target!r}')
    return found[0]


def show_arguments(path: Path, source: AnyLaunchDescriptionSource) -> None:
    """Print what the launch file takes, as `ros2 launch -s` does."""
    service = LaunchService(argv=[])
    description = source.get_launch_description(service.context)
    print(f"Arguments (pass arguments as '<name>:=<value>') of {path.name}:")
    for argument in description.get_launch_arguments():
        default = ''.join(s.text if hasattr(s, 'text') else str(s)
                          for s in argument.default_value or ())
        print(f"\n    '{argument.name}':\n        {argument.description}\n"
              f"        (default: '{default}')")


class LaunchCommand(CommandExtension):
    """Run a launch file."""

    def add_arguments(self, parser: argparse.ArgumentParser, cli_name: str) -> None:
        """Take what the real verb takes, as far as this package uses it."""
        parser.add_argument('-s', '--show-args', action='store_true',
                            help='show the arguments of the launch file')
        parser.add_argument('-d', '--debug', action='store_true', help='more of launch itself')
        parser.add_argument('package_or_path', help='package name, or path of a launch file')
        parser.add_argument('rest', nargs=argparse.REMAINDER,
                            help='[launch file name] [name:=value ...]')

    def main(self, *, parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
        """Run it until it ends; the launch's own status is ours."""
        rest = list(args.rest)
        name = rest.pop(0) if rest and ':=' not in rest[0] else None
        path = find_launch_file(args.package_or_path, name)
        if not path.is_file():
            raise RuntimeError(f'no launch file at {path}')
        source = AnyLaunchDescriptionSource(str(path))
        if args.show_args or '-s' in rest or '--show-args' in rest:
            show_arguments(path, source)
            return 0
        pairs = []
        for argument in rest:
            key, assigned, value = argument.partition(':=')
            if not assigned:
                raise RuntimeError(f'{argument!r} is not name:=value')
            pairs.append((key, value))
        service = LaunchService(argv=rest, debug=args.debug,
                                noninteractive=not sys.stdin.isatty())
        service.include_launch_description(LaunchDescription([
            IncludeLaunchDescription(source, launch_arguments=pairs)]))
        return service.run()
