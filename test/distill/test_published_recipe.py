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

"""The published recipe from a data set to a model, with everything made tiny."""

from pathlib import Path

from dseg_ros.cli.app import main
from dseg_ros.config.runtime import EngineConfig
from dseg_ros.config.segmenter import SegmenterConfig
from dseg_ros.models import checkpoint
from dseg_ros.models.segmenter import build
from dseg_ros.runtime.loading import load_engine
import pytest
from safetensors.torch import save_file
import timm
import torch

SIZES = {'steps': 2, 'batch': 2, 'crop_height': 64, 'crop_width': 64, 'network_pixels': 6144,
         'checkpoint_every': 1, 'threads': 1, 'window.side_px': 48, 'window.step_px': 32,
         'execution.workers': 0, 'model.segmenter.width': 24, 'model.segmenter.depth': 1,
         'model.segmenter.heads': 2, 'model.segmenter.image_px': 64}


@pytest.fixture(scope='module')
def place(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a data set and random weights of a describing and a learning ViT."""
    here = tmp_path_factory.mktemp('published')
    assert main(['harvest', str(sim_bag), '--out', str(here / 'data'), '--workers', '1', '--set',
                 'selection.every=5']) == 0
    torch.manual_seed(0)
    crops = timm.create_model('test_vit', num_classes=0)
    save_file(crops.state_dict(), here / 'crops.safetensors')
    network = build(3, SegmenterConfig(width=24, depth=1, heads=2, image_px=32), 5)
    save_file(network.encoder.state_dict(), here / 'vit.safetensors')
    return here


def command(place: Path, vit: str = 'vit.safetensors') -> list[str]:
    """
    Give the command line: the recipe by name, its sizes overridden.

    The student is of another kind than the teacher.
    """
    weights = 'model.segmenter.backbone.weights'
    values = {'cluster.objects': 3, 'cluster.inits': 1, 'cluster.images.crop_px': 32,
              'cluster.images.backbone.name': 'test_vit',
              'cluster.images.backbone.weights': place / 'crops.safetensors',
              'cluster.images.backbone.device': 'cpu', 'student.refine.superpixels': 0,
              f'teacher.{weights}': place / vit,
              'student.training.model.kind': 'tiny', 'student.training.model.width': 6,
              **{f'teacher.{k}': v for k, v in SIZES.items()},
              **{f'student.training.{k}': v for k, v in SIZES.items()}}
    return ['distill', 'drive-and-segment', '--recipe', 'ds_eccv22', '--data',
            str(place / 'data'), '--out', str(place / 'run'),
            *(word for k, v in values.items() for word in ('--set', f'{k}={v}'))]


def test_the_weights_file_is_asked_for_before_anything_is_trained(
        place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file and one of another network are named."""
    assert main(command(place, 'none.safetensors')) == 2
    assert 'none.safetensors: no such weights file' in capsys.readouterr().err
    assert main(command(place, 'crops.safetensors')) == 2
    error = capsys.readouterr().err
    assert 'crops.safetensors: not the weights of vit_small_patch16_224.dino' in error
    assert 'cls_token' in error and not (place / 'run/teacher/last.safetensors').exists()


def test_it_runs_from_a_data_set_to_a_model(place: Path) -> None:
    """Self-supervised start, partial labels, windows, a student; each remembers its kind."""
    assert main(command(place)) == 0
    assert main(command(place)) == 0, 'finished work is skipped'
    teacher, student = (checkpoint.load(place / 'run' / r / checkpoint.FINISHED)
                        for r in ('teacher', 'student'))
    assert teacher[1].recipe['model']['kind'] == 'segmenter'
    assert student[1].recipe['model']['kind'] == 'tiny'
    start = build(3, SegmenterConfig(width=24, depth=1, heads=2, image_px=32), 5).state_dict()
    moved = (teacher[0]['encoder.cls_token'] - start['encoder.cls_token']).abs().max()
    assert 0 < moved < 0.05, 'it has not started from the file'
    assert not (place / 'run/ema').exists()
    info = load_engine(place / 'run/model.onnx', EngineConfig()).info
    assert info.class_names == ('ground_0', 'object_0', 'object_1', 'object_2')
