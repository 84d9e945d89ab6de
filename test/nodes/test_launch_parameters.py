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

"""The parameters of a launch: resolved, checked before anything starts, keyed by full names."""

from __future__ import annotations

from pathlib import Path

from dseg_ros.config.nodes import InputsConfig
from dseg_ros.config.player import PlayerConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.nodes.launch_arguments import Arguments, given_or_default, LaunchError
from dseg_ros.nodes.launch_parameters import CONFIGS, read_sections, resolve, write
from dseg_ros.nodes.rviz_config import write_rviz
import pytest
import yaml

CONFIG = Path(__file__).resolve().parents[2] / 'config'
SHIPPED = sorted(CONFIG.glob('*.yaml'))


def arguments(path: Path, **values: str) -> Arguments:
    """Give launch arguments with a parameter file."""
    return given_or_default({'params_file': str(path), **values})


@pytest.mark.parametrize('path', SHIPPED, ids=lambda p: p.stem)
def test_shipped_configurations(path: Path) -> None:
    """Every shipped configuration is one that all nodes take."""
    resolved = resolve(arguments(path), CONFIGS)
    assert all(resolved[node]['inputs.points'] for node in CONFIGS if node != 'bag_player')
    PlayerConfig(**resolved['bag_player'])


def test_the_more_special_wins(tmp_path: Path) -> None:
    """Arguments win over a node's section, that over the section of all, that over defaults."""
    file = tmp_path / 'car.yaml'
    file.write_text('/**: {ros__parameters: {inputs: {points: /all, image: /all}}}\n'
                    '/proposals: {ros__parameters: {inputs.points: /mine}}\n')
    resolved = resolve(arguments(file, image='/given'), ['proposals', 'segmentation'])
    assert resolved['proposals']['inputs.points'] == '/mine'
    assert resolved['segmentation']['inputs.points'] == '/all'
    assert resolved['proposals']['inputs.image'] == '/given'
    assert 'engine.model' not in resolved['proposals']


@pytest.mark.parametrize(('text', 'named'), [
    ('/**: {ros__parameters: {inputs: {pionts: /x}}}', 'inputs.pionts'),
    ('/segmentaton: {ros__parameters: {}}', '/segmentaton'),
    ('/proposals: {ros__parameters: {engine: {threads: 2}}}', 'engine.threads'),
    ('/segmentation: {ros__parameters: {engine: {threads: 0}}}', 'threads'),
    ('/segmentation: {ros__parameters: {engine: {threads: two}}}', "'two'"),
    ('/segmentation: {parameters: {}}', 'ros__parameters'),
    ('{', 'car.yaml'), ('- 1', 'car.yaml')])
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, named: str) -> None:
    """A misspelt option, node or value ends in an error that names it and the file."""
    (tmp_path / 'car.yaml').write_text(text)
    with pytest.raises(LaunchError) as error:
        resolve(arguments(tmp_path / 'car.yaml'), ['proposals', 'segmentation'])
    assert named in str(error.value) and 'car.yaml' in str(error.value)


def test_unknown_arguments_are_refused() -> None:
    """A launch argument that does not exist is named."""
    with pytest.raises(LaunchError, match='bagg'):
        given_or_default({'bagg': 'x'})


def test_lock_step_knows_who_answers_whom(tmp_path: Path) -> None:
    """Each input waits for its own result, several cameras and a namespace included."""
    given = arguments(CONFIG / 'pandaset.yaml', namespace='car', bag='/bag')
    player = resolve(given, ['proposals', 'segmentation', 'bag_player'])['bag_player']
    assert from_mapping(PlayerConfig, player).results() == {
        '/lidar/points': ('/car/proposals/objects',),
        **{f'/camera/{c}/image/compressed': (f'/car/segmentation/{c}/mask',)
           for c in ('front', 'front_left', 'front_right')}}


def test_the_written_file_is_keyed_by_full_names() -> None:
    """The player makes the time, so all others use it and it does not."""
    file = write({'proposals': {'a': [1], 'b': [1]}, 'bag_player': {'bag': 'x'}}, '/car', True)
    try:
        content = yaml.safe_load(file.read_text())
        assert content['/car/proposals']['ros__parameters'] == {
            'a': [1], 'b': [1], 'use_sim_time': True}
        assert content['/car/bag_player']['ros__parameters'] == {'bag': 'x'}
        assert '&' not in file.read_text()
    finally:
        file.unlink()


def test_sections_lose_their_namespace(tmp_path: Path) -> None:
    """A section of /car/proposals is one of the proposals node."""
    (tmp_path / 'car.yaml').write_text('/car/proposals: {ros__parameters: {inputs: {points: x}}}')
    assert read_sections(tmp_path / 'car.yaml') == {'proposals': {'inputs.points': 'x'}}


@pytest.mark.parametrize('cameras', [('front',), ('left', 'right')])
def test_rviz_shows_every_camera(cameras: tuple[str, ...]) -> None:
    """The shipped RViz configuration is fitted to cameras and namespace."""
    inputs = InputsConfig(image='{camera}', camera_info='{camera}', cameras=cameras)
    file = write_rviz(CONFIG / 'drive.rviz', inputs, '/car')
    try:
        manager = yaml.safe_load(file.read_text())['Visualization Manager']
        topics = [d['Topic']['Value'] for d in manager['Displays'] if 'Topic' in d]
        kinds = {d['Class'].split('/')[1] for d in manager['Displays']}
    finally:
        file.unlink()
    assert all(topic.startswith('/car/') for topic in topics) and len(set(topics)) == len(topics)
    wanted = {'/car/segmentation/overlay'} if len(cameras) == 1 else {
        f'/car/segmentation/{c}/overlay' for c in cameras}
    assert wanted | {'/car/proposals/markers', '/car/proposals/points_clusters',
                     '/car/segmentation/points_semantic'} <= set(topics)
    assert {'TF', 'Image', 'MarkerArray', 'PointCloud2'} <= kinds
