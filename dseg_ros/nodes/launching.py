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

"""What drive.launch.py starts; kept here so that it is typed, linted and tested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
import shutil

from dseg_ros.bags.memory import malloc_environment
from dseg_ros.nodes.launch_arguments import ARGUMENTS, Arguments, given_or_default
from dseg_ros.nodes.launch_checks import check_bag, check_files, check_model, misspelt
from dseg_ros.nodes.launch_parameters import inputs_of, PLAYER, resolve, write
from dseg_ros.nodes.resources import PACKAGE
from dseg_ros.nodes.rviz_config import write_rviz
from launch import Action, LaunchContext
from launch.actions import (LogInfo, OpaqueFunction, RegisterEventHandler, SetEnvironmentVariable,
                            Shutdown, TimerAction)
from launch.event_handlers import OnShutdown
from launch.events.process import ProcessExited
from launch_ros.actions import Node

SETTLE_S = 1.0
"""Between the end of a bag and that of the launch, for what is still under way."""

SHARED_MEMORY = Path('/dev/shm')
PARTICIPANT_MB = 68

END_S = '20'
"""How long a process may take to end in order; the recorder writes what it has queued."""

OnExit = Callable[[ProcessExited, LaunchContext], 'list[Action] | None']


def bring_up(context: LaunchContext) -> list[Action]:
    """
    Start what the arguments ask for.

    :raises LaunchError: for arguments that cannot be used; nothing was started then.
    """
    given = given_or_default({a.name: context.launch_configurations[a.name].strip()
                              for a in ARGUMENTS})
    nodes = ['proposals', 'segmentation', *(['recorder'] if given['record'] else [])]
    check_files(given)
    parameters = resolve(given, [*nodes, *([PLAYER] if given['bag'] else [])])
    check_model(parameters['segmentation'].get('engine.model', ''))
    warnings = misspelt(context.launch_configurations)
    if given['bag']:
        warnings += check_bag(given, parameters)
    sim_time = bool(given['bag']) or given.true('use_sim_time')
    file = write(parameters, given.namespace, sim_time)
    actions: list[Action] = [*(LogInfo(msg=warning) for warning in warnings),
                             *environment(given), *deleted_at_the_end(file)]
    if given.true('use_composition'):
        actions.append(process(given, file, 'drive', on_death('drive'), nodes))
    else:
        actions += [process(given, file, f'{n}_node', on_death(f'{n}_node')) for n in nodes]
    if given['bag']:
        actions.append(process(given, file, f'{PLAYER}_node', on_played))
    if given.true('rviz'):
        shown = write_rviz(given.file('rviz_config'), inputs_of(parameters['segmentation']),
                           given.namespace)
        actions += [*deleted_at_the_end(shown), rviz(given, shown, sim_time)]
    return actions


def deleted_at_the_end(file: Path) -> list[Action]:
    """Delete a temporary file when the launch ends."""
    return [RegisterEventHandler(OnShutdown(on_shutdown=[
        OpaqueFunction(function=lambda _: file.unlink(missing_ok=True))]))]


def environment(given: Arguments) -> list[Action]:
    """Prepare the middleware for large messages."""
    variables = malloc_environment()
    if given['dds_profile']:
        variables['FASTRTPS_DEFAULT_PROFILES_FILE'] = str(given.file('dds_profile'))
    actions: list[Action] = [SetEnvironmentVariable(*item) for item in variables.items()]
    free_mb = shutil.disk_usage(SHARED_MEMORY).free / 1e6 if SHARED_MEMORY.is_dir() else 0.0
    if free_mb < PARTICIPANT_MB * 4:
        actions.append(LogInfo(msg=(
            f'warning: {SHARED_MEMORY} has {free_mb:.0f} MB free and each participant takes '
            f'{PARTICIPANT_MB}: large messages will be lost (in a container: --shm-size=1g; left '
            f'over by killed processes: rm {SHARED_MEMORY}/fastrtps_* while no ROS runs)')))
    return actions


def process(given: Arguments, parameters: Path, executable: str, on_exit: OnExit,
            arguments: Sequence[str] = ()) -> Action:
    """Describe a process of ours; no name is given, since it would rename all its nodes."""
    return Node(package=PACKAGE, executable=executable, namespace=given['namespace'],
                parameters=[str(parameters)], arguments=list(arguments), output='screen',
                ros_arguments=['--log-level', given['log_level']], on_exit=on_exit,
                sigterm_timeout=END_S)


def rviz(given: Arguments, config: Path, sim_time: bool) -> Action:
    """Describe RViz; closing its window ends the launch."""
    return Node(package='rviz2', executable='rviz2', namespace=given['namespace'],
                output='screen',
                arguments=['-d', str(config), '-f', given['rviz_fixed_frame']],
                parameters=[{'use_sim_time': sim_time}],
                on_exit=lambda event, context: None if context.is_shutdown else [
                    Shutdown(reason='RViz was closed')])


def on_death(name: str) -> OnExit:
    """End the launch with an error when a process ends that should not."""
    def died(event: ProcessExited, context: LaunchContext) -> list[Action] | None:
        if context.is_shutdown:
            return None
        return [OpaqueFunction(function=fail, args=[
            f'{name} died (exit status {event.returncode}); ending the launch'])]

    return died


def on_played(event: ProcessExited, context: LaunchContext) -> list[Action] | None:
    """End the launch when the recording ends."""
    if context.is_shutdown:
        return None
    if event.returncode != 0:
        return on_death(f'{PLAYER}_node')(event, context)
    return [LogInfo(msg='the recording has ended'), TimerAction(period=SETTLE_S, actions=[
        Shutdown(reason='the recording has ended')])]


def fail(context: LaunchContext, message: str) -> None:
    """Raise: the only thing that gives a launch an exit status other than 0."""
    raise RuntimeError(message)
