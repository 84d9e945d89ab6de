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

"""What a vehicle's parameter file says counts for recordings of it, too."""

from __future__ import annotations

from pathlib import Path

from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.schema import ConfigError, from_mapping
from dseg_ros.config.vehicle import harvest_options
import pytest

SHIPPED = sorted((Path(__file__).resolve().parents[2] / 'config').glob('*.yaml'))

FILE = """
/**:
  ros__parameters:
    inputs: {points: top, image: "/{camera}/image/compressed", camera_info: "{camera}/info",
             cameras: [left, right]}
    sync: {tolerance_ms: [20.0, 30.0]}
    motion: {deskew: false}
    engine: {model: x.onnx}
/recorder:
  ros__parameters:
    motion: {sweep_ms: 50.0}
    selection: {every: 5}
/segmentation:
  ros__parameters:
    overlay: {opacity: 0.1}
"""


def read(path: Path, text: str) -> HarvestConfig:
    """Read a parameter file of some text."""
    path.write_text(text)
    return from_mapping(HarvestConfig, harvest_options(path))


def test_topics_timing_and_motion_are_taken(tmp_path: Path) -> None:
    """Sections of all nodes and of the recorder count, those of others do not."""
    config = read(tmp_path / 'car.yaml', FILE)
    assert config.topics.points == '/top' and config.topics.cameras == ('left', 'right')
    assert config.topics.images == ('/left/image/compressed', '/right/image/compressed')
    assert config.topics.camera_infos == ('/left/info', '/right/info')
    assert config.sync.tolerance_ms == (20.0, 30.0) and config.selection.every == 5
    assert (config.motion.deskew, config.motion.sweep_ms) == (False, 50.0)
    assert config.motion.fixed == 'odom' and config.proposals == HarvestConfig().proposals


def test_without_inputs_topics_are_found_by_type(tmp_path: Path) -> None:
    """Nothing that the file does not say is made up."""
    config = read(tmp_path / 'car.yaml', '/**: {ros__parameters: {motion: {deskew: false}}}')
    assert config.topics == HarvestConfig().topics and not config.motion.deskew


@pytest.mark.parametrize(('text', 'named'), [
    ('motion: {deskew: false}', 'no ROS parameter file'),
    ('/**: {ros__parameters: {motion: {deskw: false}}}', "unknown option 'deskw'"),
    ('/**: {ros__parameters: {sync: {wait_ms: -1.0}}}', 'wait_ms: -1.0 is below'),
    ('{', 'car.yaml'),
])
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    """As in any configuration."""
    with pytest.raises(ConfigError, match=named):
        read(tmp_path / 'car.yaml', text)


@pytest.mark.parametrize('path', SHIPPED, ids=lambda p: p.stem)
def test_every_shipped_vehicle_can_be_harvested(path: Path) -> None:
    """The files in config/ are valid for harvests."""
    assert from_mapping(HarvestConfig, harvest_options(path)).topics.points.startswith('/')
