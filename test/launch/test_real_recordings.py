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

"""The real recordings through the launch file with the shipped configurations: nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dseg_ros.config.nodes import SegmentationNodeConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.demo.summary import stamps_of
from dseg_ros.nodes.launch_arguments import given_or_default
from dseg_ros.nodes.launch_parameters import resolve
from dseg_ros.nodes.monitor import answers, Watch
import pytest

CONFIG = Path(__file__).resolve().parents[2] / 'config'


@pytest.mark.parametrize(('bag', 'config', 'pairs'), [
    ('kitti_drive', 'kitti', 27), ('pandaset_drive', 'pandaset', 32), ('rings_drive', 'rings', 1),
    ('ddad_1_drive', 'ddad', 1), ('ddad_2_drive/ddad_2_drive.bag', 'ddad_six', 1)])
def test_every_message_is_answered(launch: Callable[..., object], shared_data: Path, bag: str,
                                   config: str, pairs: int) -> None:
    """Every cloud yields objects, every image of every camera a mask."""
    path, params = shared_data / bag, CONFIG / f'{config}.yaml'
    given = given_or_default({'params_file': str(params)})
    inputs = from_mapping(SegmentationNodeConfig,
                          resolve(given, ['segmentation'])['segmentation']).inputs
    with Watch(inputs) as watched:
        drive = launch(bag=path, params_file=params, bag_rate=0.0,
                       bag_lock_step_results=answers(inputs))
        assert drive.end(120.0) == 0, drive.output
    sent = stamps_of(path, inputs)
    assert watched.objects_answered_ns.keys() == sent.pop('')
    assert set(watched.masks) == {(name, s) for name, stamps in sent.items() for s in stamps}
    assert min(map(len, watched.boxes.values())) > 3
    assert watched.received['points_semantic'] >= pairs
