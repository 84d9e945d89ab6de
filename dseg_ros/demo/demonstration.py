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
The main job, end to end: a drive, the launch file over real DDS, and a witness.

The witness only hears what is published; ground truth and calibration come from the recording.
"""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
from typing import Any

from dseg_ros.config.demo import DemoConfig
from dseg_ros.config.nodes import SegmentationNodeConfig
from dseg_ros.config.schema import as_mapping, from_mapping
from dseg_ros.demo.pictures import draw_frames
from dseg_ros.demo.summary import summarise
from dseg_ros.nodes.launch_arguments import given_or_default
from dseg_ros.nodes.launch_parameters import resolve
from dseg_ros.nodes.monitor import answers, Watch
from dseg_ros.sim.bag import simulate

Progress = Callable[[int, int], None]
SUMMARY = 'summary.json'
LOG = 'launch.log'


class DemoError(RuntimeError):
    """A demonstration that did not show what it should; the message says what is missing."""


def run(config: DemoConfig, progress: Progress | None = None,
        say: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """
    Make a drive, run the launch file on it, write summary and pictures.

    :param config: what, where to, how fast.
    :param progress: of the simulation, called with frames done and in all.
    :param say: told what begins.
    :returns: the summary, which is also in <out>/summary.json.
    :raises DemoError: if the launch failed or not everything was answered; the summary is
        written all the same.
    """
    if shutil.which('ros2') is None:
        raise DemoError('ros2 is not on PATH: use `./run demo`, or source a ROS 2 workspace '
                        'with this package')
    out = Path(config.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    bag = (Path(config.bag).expanduser().resolve() if config.bag
           else make_drive(config, out, progress))
    arguments = {'bag': str(bag), 'params_file': config.params_file,
                 'bag_rate': str(config.rate)}
    given = given_or_default(arguments)
    nodes = from_mapping(SegmentationNodeConfig, resolve(given, ['segmentation'])['segmentation'])
    arguments['bag_lock_step_results'] = answers(nodes.inputs)
    prepare_environment(str(given.file('dds_profile')))
    say(f'driving through {bag} (log: {out / LOG})')
    with Watch(nodes.inputs) as watched:
        status = play(arguments, out / LOG, config.timeout_s)
    summary = summarise(watched, bag, nodes.inputs)
    summary['launch_status'] = status
    summary['pictures'] = [str(p) for p in draw_frames(watched, bag, nodes, out, config.pictures)]
    (out / SUMMARY).write_text(json.dumps(summary, indent=2) + '\n')
    check(summary, out)
    return summary


def make_drive(config: DemoConfig, out: Path, progress: Progress | None) -> Path:
    """Simulate the drive, unless it is there already."""
    drive, recipe = out / 'drive', out / 'drive.json'
    wanted = json.dumps(as_mapping(config.sim), indent=2)
    if drive.exists():
        if recipe.exists() and recipe.read_text() == wanted:
            return drive
        shutil.rmtree(drive)
    simulate(config.sim, drive, progress)
    recipe.write_text(wanted)
    return drive


def prepare_environment(dds_profile: str) -> None:
    """Keep apart from other ROS systems on this machine; take large messages."""
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ['FASTRTPS_DEFAULT_PROFILES_FILE'] = dds_profile


def play(arguments: dict[str, str], log: Path, timeout_s: float) -> int:
    """Run the launch file to its end; returns its exit status."""
    command = ['ros2', 'launch', 'dseg_ros', 'drive.launch.py',
               *(f'{name}:={value}' for name, value in arguments.items())]
    with log.open('w') as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file,
                                   stderr=subprocess.STDOUT)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait(30.0)
            raise DemoError(f'{" ".join(command)}: not finished after {timeout_s:g} s; '
                            f'see {log}') from None
        except KeyboardInterrupt:
            process.wait(30.0)  # it got the same Ctrl-C
            raise


def check(summary: dict[str, Any], out: Path) -> None:
    """Raise DemoError unless everything was really published."""
    faults = []
    if summary['launch_status'] != 0:
        faults.append(f'the launch ended with status {summary["launch_status"]}: '
                      f'{last_error(out / LOG)} (all of it: {out / LOG})')
    if not 0 < summary['frames'] == summary['frames_with_objects']:
        faults.append(f'{summary["frames_with_objects"]} of {summary["frames"]} clouds were '
                      'answered with objects')
    if not 0 < summary['images'] == summary['masks']:
        faults.append(f'{summary["masks"]} of {summary["images"]} images were answered with masks')
    if faults:
        raise DemoError('; '.join(faults))


def last_error(log: Path) -> str:
    """Return the last error that a launch logged."""
    lines = log.read_text().splitlines() if log.exists() else []
    return next((line for line in reversed(lines) if '[ERROR]' in line), 'no error was logged')
