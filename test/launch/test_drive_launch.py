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
import signal

from dseg_ros.config.nodes import InputsConfig
from dseg_ros.dataset.store import Dataset, verify
from dseg_ros.demo.summary import stamps_of
from dseg_ros.nodes.monitor import Watch
import pytest

SIM = InputsConfig(points='/lidar/points', image='/camera/{camera}/image_raw/compressed',
                   camera_info='/camera/{camera}/camera_info')
CONFIG = Path(__file__).resolve().parents[2] / 'config'


def test_a_recording_is_answered(launch: Callable[..., object], sim_bag: Path) -> None:
    """Every cloud gets objects, every image a mask; the launch ends with the recording."""
    with Watch(SIM) as watched:
        drive = launch(bag=sim_bag, params_file=CONFIG / 'sim.yaml')
        assert drive.end() == 0, drive.output
    sent = stamps_of(sim_bag, SIM)
    assert watched.objects_answered_ns.keys() == sent['']
    assert {stamp for _, stamp in watched.masks_answered_ns} == sent['front']
    assert {stamp for _, stamp in watched.overlays} == sent['front']
    assert len(watched.class_names) > 1
    assert max(map(len, watched.boxes.values())) > 3
    ids = {int(i) for mask in watched.masks.values() for i in mask.ravel()[::97]}
    assert max(ids) < len(watched.class_names)
    assert watched.received['points_clusters'] == watched.received['markers'] == len(sent[''])
    assert watched.received['points_semantic'] >= len(sent['']) - 1
    assert 'died' not in drive.output


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


def test_a_wrong_model_is_named(launch: Callable[..., object], tmp_path: Path) -> None:
    """A file that is no model ends the launch, and the log says which file and why."""
    (tmp_path / 'model.onnx').write_bytes(b'no model')
    drive = launch(params_file=CONFIG / 'sim.yaml', model=tmp_path / 'model.onnx')
    assert drive.end(30.0) != 0
    assert str(tmp_path / 'model.onnx') in drive.output and 'drive died' in drive.output
