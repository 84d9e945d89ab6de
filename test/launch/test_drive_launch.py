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

"""drive.launch.py with real processes: what it does, how it ends, what it says when it cannot."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import re
import signal

from dseg_ros.config.nodes import InputsConfig
from dseg_ros.dataset.store import Dataset, verify
from dseg_ros.demo.summary import stamps_of
from dseg_ros.nodes.launch_arguments import ARGUMENTS, given_or_default, LaunchError
from dseg_ros.nodes.launch_checks import check_bag, misspelt
from dseg_ros.nodes.launch_parameters import resolve
from dseg_ros.nodes.launching import bring_up
from dseg_ros.nodes.monitor import answers, Watch
from launch import LaunchContext
import pytest

SIM = InputsConfig(points='/lidar/points', image='/camera/{camera}/image_raw/compressed',
                   camera_info='/camera/{camera}/camera_info')
CONFIG = Path(__file__).resolve().parents[2] / 'config'


def test_a_recording_is_answered(launch: Callable[..., object], sim_bag: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Every cloud gets objects, every image a mask; the launch ends with the recording.

    And nothing is compiled, or fetched from where compiled code is kept, once the nodes are
    active: the first frames of a vehicle's first drive would be late by seconds.
    """
    monkeypatch.setenv('NUMBA_DEBUG_CACHE', '1')
    monkeypatch.setenv('PYTHONUNBUFFERED', '1')
    with Watch(SIM) as watched:
        drive = launch(bag=sim_bag, params_file=CONFIG / 'sim.yaml',
                       bag_lock_step_results=answers(SIM))
        assert drive.end() == 0, drive.output
    sent = stamps_of(sim_bag, SIM)
    assert watched.objects_answered_ns.keys() == sent['']
    assert {stamp for _, stamp in watched.masks_answered_ns} == sent['front']
    assert {stamp for _, stamp in watched.overlays} == sent['front']
    assert len(watched.class_names) > 1
    assert max(map(len, watched.boxes.values())) > 3
    ids = {int(i) for mask in watched.masks.values() for i in mask.ravel()[::97]}
    assert max(ids) < len(watched.class_names)
    assert watched.clusters.keys() == sent['']
    assert watched.received['markers'] >= len(sent[''])
    assert watched.received['points_semantic'] >= len(sent['']) - 3
    assert 'died' not in drive.output
    before, _, driving = drive.output.rpartition(': active')
    assert '[cache] data' in before and before.count(': active') == 1
    assert '[cache] data' not in driving


def test_separate_processes_that_record(launch: Callable[..., object], sim_bag: Path,
                                        tmp_path: Path) -> None:
    """Without composition, under a namespace; what is seen becomes a whole data set."""
    drive = launch(bag=sim_bag, params_file=CONFIG / 'sim.yaml', use_composition='false',
                   namespace='car', record=tmp_path / 'set', bag_rate=0.5)
    assert drive.end() == 0, drive.output
    for node in ('proposals_node', 'segmentation_node', 'recorder_node'):
        assert f'[{node}-' in drive.output
    assert 'without an answer: none' in drive.output
    assert verify(tmp_path / 'set') == []
    data = Dataset(tmp_path / 'set')
    assert len(data) >= 8
    sample = next(iter(data))
    assert [v.name for v in sample.views] == ['front'] and len(sample.proposals) > 3


def test_a_dead_node_ends_the_launch(launch: Callable[..., object]) -> None:
    """When a node dies the launch says which, and ends with an error."""
    drive = launch(params_file=CONFIG / 'sim.yaml')
    drive.wait_for('active', count=2)
    os.kill(drive.pid_of('drive'), signal.SIGKILL)
    assert drive.end() != 0
    assert 'drive died' in drive.output


def test_ctrl_c_is_a_clean_end(launch: Callable[..., object]) -> None:
    """Ctrl-C ends all nodes in order and is no error."""
    drive = launch(params_file=CONFIG / 'sim.yaml')
    drive.wait_for('active', count=2)
    drive.interrupt()
    assert drive.end(30.0) == 0, drive.output
    assert 'Traceback' not in drive.output and 'has died' not in drive.output
    assert 'finished cleanly' in drive.output


@pytest.mark.parametrize(('arguments', 'named'), [
    ({'bag': '/nowhere/drive'}, '/nowhere/drive'),
    ({'params_file': 'nowhere.yaml'}, 'nowhere.yaml'),
    ({'model': '/nowhere/model.onnx'}, '/nowhere/model.onnx'),
    ({'dds_profile': '/nowhere/profile.xml'}, '/nowhere/profile.xml'),
    ({'log_level': 'loud'}, 'loud')])
def test_wrong_arguments_start_nothing(launch: Callable[..., object], arguments: dict[str, str],
                                       named: str) -> None:
    """What cannot work is said before anything starts, with the value."""
    drive = launch(**arguments)
    assert drive.end(30.0) != 0
    assert named in drive.output
    assert 'started with pid' not in drive.output


@pytest.mark.parametrize(('arguments', 'named'), [
    ({'points': '/nothing'}, 'has no topic /nothing'),
    ({'points': '/camera/front/camera_info'}, 'is sensor_msgs/msg/CameraInfo, the nodes read it '
     'as sensor_msgs/msg/PointCloud2'),
    ({'image': '/lidar/points'}, 'is sensor_msgs/msg/PointCloud2, the nodes read it as '
     'sensor_msgs/msg/Image'),
    ({'camera_info': '/nothing', 'record': 'set'}, 'has no topic /nothing')])
def test_a_bag_that_does_not_fit_starts_nothing(sim_bag: Path, arguments: dict[str, str],
                                                named: str) -> None:
    """Topics that the recording lacks or has as another type are named, with what it has."""
    context = LaunchContext()
    context.launch_configurations.update({a.name: a.default for a in ARGUMENTS} | {
        'bag': str(sim_bag), 'params_file': str(CONFIG / 'sim.yaml')} | arguments)
    with pytest.raises(LaunchError, match=re.escape(named)):
        bring_up(context)


def test_a_bag_without_calibration_is_played(sim_bag: Path) -> None:
    """Masks and objects need none; what does is told."""
    given = given_or_default({'camera_info': '/nothing', 'params_file': str(CONFIG / 'sim.yaml')})
    given = given_or_default({**given.values, 'bag': str(sim_bag)})
    warning, = check_bag(given, resolve(given, ['proposals', 'segmentation']))
    assert 'no topic /nothing' in warning and 'no labelled clouds' in warning


def test_relative_topics_are_found_in_a_bag(sim_bag: Path) -> None:
    """A bag has full names, while a vehicle's configuration may leave the namespace open."""
    for points, namespace in (('lidar/points', ''), ('points', 'lidar')):
        given = given_or_default({'bag': str(sim_bag), 'params_file': str(CONFIG / 'sim.yaml'),
                                  'points': points, 'namespace': namespace})
        assert check_bag(given, resolve(given, ['proposals'])) == []


def test_misspelt_arguments_are_told() -> None:
    """A drive that was to be recorded must not be lost to a letter; other files' names may be."""
    assert misspelt({'record': 'a', 'color': 'red', 'ros_version': '2'}) == []
    warning, = misspelt({'recrod': '/data/set', 'bag': 'b'})
    assert 'recrod:=/data/set' in warning and 'record is one' in warning


def test_a_wrong_model_is_named(launch: Callable[..., object], tmp_path: Path) -> None:
    """A file that is no model ends the launch, and the log says which file and why."""
    (tmp_path / 'model.onnx').write_bytes(b'no model')
    drive = launch(params_file=CONFIG / 'sim.yaml', model=tmp_path / 'model.onnx')
    assert drive.end(30.0) != 0
    assert str(tmp_path / 'model.onnx') in drive.output and 'drive died' in drive.output
