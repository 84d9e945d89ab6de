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

"""Recipes: every shipped one loads and says what it is known for; files extend and are refused."""

from pathlib import Path

from dseg_ros.cli.distill import recipes
from dseg_ros.config.drive_and_segment import DriveAndSegmentConfig
from dseg_ros.config.recipes import read_recipe
from dseg_ros.config.schema import ConfigError, from_mapping
from dseg_ros.distill.optimisers import learning_rate
from dseg_ros.models.networks import traits
import pytest

SHIPPED = Path(__file__).resolve().parents[2] / 'config' / 'recipes'


def load(name: str, folder: Path = SHIPPED) -> DriveAndSegmentConfig:
    """Read a recipe and check all of its values."""
    return from_mapping(DriveAndSegmentConfig, read_recipe(name, folder), name)


def test_all_that_is_shipped_is_installed() -> None:
    """By name, wherever one stands."""
    names = {p.name for p in SHIPPED.glob('*.yaml')}
    assert names == {'ds_eccv22.yaml', 'ds_ijcv25.yaml', 'residual.yaml', 'shipped.yaml',
                     'tiny_cpu.yaml'}
    assert {p.name for p in recipes().glob('*.yaml')} == names


@pytest.mark.parametrize('name', sorted(p.stem for p in SHIPPED.glob('*.yaml')))
def test_every_shipped_recipe_loads(name: str) -> None:
    """Every option is known and in range, and crops fit the networks."""
    config = load(name)
    for training in (config.teacher, config.student.training):
        assert not training.crop_height % traits(training.model).stride


def test_what_was_published_is_in_the_recipe() -> None:
    """ViT-S/16 from DINO, 30 classes and ground, crops and windows of 512, poly from 0.01."""
    config = load('ds_eccv22')
    assert config.cluster.objects == 30 and config.cluster.grounds == 1
    assert config.cluster.feature_modes == ('cls_crop',) and not config.ema_rounds
    for training in (config.teacher, config.student.training):
        vit = training.model.segmenter
        assert training.model.kind == 'segmenter' and vit.pretrained
        assert (vit.width, vit.depth, vit.heads, vit.decoder_layers) == (384, 12, 6, 1)
        assert training.crop_height == training.crop_width == training.window.side_px == 512
        assert training.window.step_px == 128
        assert learning_rate(0, training) == 0.01 and training.momentum == 0.9
        assert traits(training.model).normalisation == 'imagenet'
    later = load('ds_ijcv25')
    assert later.teacher == config.teacher and later.ema_rounds and later.ema.momentum == 0.999


def test_a_recipe_says_only_what_differs(tmp_path: Path) -> None:
    """A file extends a shipped one or its neighbour; its own values win, section by section."""
    (tmp_path / 'mine.yaml').write_text('extends: tiny_cpu\nteacher: {steps: 5, augment: '
                                        '{flip: 0.0}}\n')
    (tmp_path / 'more.yaml').write_text('extends: mine\nema.rounds: 4\n')
    base, config = load('tiny_cpu'), load(str(tmp_path / 'more.yaml'))
    assert (config.teacher.steps, config.teacher.augment.flip, config.ema.rounds) == (5, 0.0, 4)
    assert config.teacher.batch == base.teacher.batch and config.student == base.student


@pytest.mark.parametrize(('text', 'message'), [
    ('extends: other', "recipe 'other': there is none of this name in .*tiny_cpu"),
    ('extends: mine', 'mine.yaml: extends itself'),
    ('[1, 2]', 'mine.yaml: holds a list, not options'),
    ('a: [', 'mine.yaml: '),
    ('teacher: {stepps: 3}', 'stepps'),
    ('teacher: 3', "'?teacher'?: 3 is not a section"),
])
def test_a_recipe_that_cannot_be_used_is_named(tmp_path: Path, text: str, message: str) -> None:
    """Unknown names, circles, files that are no recipe, unknown options."""
    (tmp_path / 'mine.yaml').write_text(text)
    with pytest.raises(ConfigError, match=message):
        load(str(tmp_path / 'mine.yaml'))
    with pytest.raises(ConfigError, match='none.yaml: no such recipe file'):
        load(str(tmp_path / 'none.yaml'))
