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

"""Few labels: the split is written and nested, the head is new, classes are not matched."""

from __future__ import annotations

import json
from pathlib import Path

from dseg_ros.classes import CITYSCAPES_19
from dseg_ros.cli.app import main
from dseg_ros.config.distill import ModelConfig, TrainingConfig
from dseg_ros.config.runtime import EngineConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.distill.starting import head_names, under_new_head
from dseg_ros.evaluation.finetuning import choose, direct, SplitError
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import Provenance
from dseg_ros.models.networks import build
from dseg_ros.runtime.loading import load_engine
import numpy as np
import pytest
from tiny_benchmarks import write_benchmark
import torch

TRAINING = TrainingConfig(steps=3, batch=2, crop_height=32, crop_width=32, network_pixels=1024,
                          checkpoint_every=3, threads=1, model=ModelConfig(width=6))


@pytest.fixture(scope='module')
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pretend that five pseudo-classes were learned."""
    run = tmp_path_factory.mktemp('pretrained')
    made_of = Provenance(tuple(f'object_{i}' for i in range(5)), ((0, 0, 0),) * 5,
                         as_mapping(TRAINING), 'hash')
    checkpoint.save(run / checkpoint.FINISHED, build(TRAINING.model, 5, 7).state_dict(), made_of,
                    3)
    return run


@pytest.fixture(scope='module')
def kitti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a benchmark of nine images."""
    root = tmp_path_factory.mktemp('kitti')
    write_benchmark(root, 'kitti_semantics', 9)
    return root


def finetune(run: Path, kitti: Path, out: Path, *more: str) -> int:
    """Run the command."""
    return main(['finetune', str(run), '--benchmark', 'kitti_semantics', '--root', str(kitti),
                 '--out', str(out), *more])


def test_a_smaller_share_is_part_of_a_larger_one() -> None:
    """Equal seeds choose equally; the whole is everything."""
    few, many, all_of = (choose(range(40), share, 3) for share in (0.1, 0.5, 1.0))
    assert len(few) == 4 and set(few) < set(many) and all_of == list(range(40))
    assert few != choose(range(40), 0.1, 4) and few == sorted(few)


def test_an_empty_share_is_an_error() -> None:
    """It says of how many."""
    with pytest.raises(SplitError, match='share 0.01 of 40 images is not one image'):
        choose(range(40), 0.01, 1)


def test_the_head_alone_is_new(run: Path) -> None:
    """All other weights are the run's; also where the number of classes stays."""
    before = checkpoint.load(run / checkpoint.FINISHED)[0]
    for classes in (19, 5):
        tensors = under_new_head(run, TRAINING.model, classes, 1)
        new = {k for k in tensors if tensors[k].shape != before[k].shape
               or not torch.equal(tensors[k], before[k])}
        assert new == {'head.weight', 'head.bias'}
        assert len(tensors['head.bias']) == classes
    assert head_names(ModelConfig(kind='residual', width=8)) < set(
        build(ModelConfig(kind='residual', width=8), 2, 0).state_dict())


def test_one_share_makes_a_run_like_any_other(run: Path, kitti: Path, tmp_path: Path,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    """It can be exported; the split lies beside it; run again, it is there already."""
    assert finetune(run, kitti, tmp_path / 'run', '--share', '0.5') == 0
    assert '3 labelled images, mIoU' in capsys.readouterr().out
    split = (tmp_path / 'run' / 'split.txt').read_text().splitlines()
    assert len(split) == 3 and set(split) <= {f'00000{i}_10.png' for i in range(6)}
    found = json.loads((tmp_path / 'run' / 'score.json').read_text())
    assert '3 images' in found['protocol']['test'] and 'none' in found['protocol']['matching']
    recipe = checkpoint.load(tmp_path / 'run' / checkpoint.FINISHED)[1].recipe
    assert recipe['finetuned']['share'] == 0.5 and recipe['finetuned']['start']
    assert main(['export', str(tmp_path / 'run'), '--out', str(tmp_path / 'm.onnx')]) == 0
    info = load_engine(tmp_path / 'm.onnx', EngineConfig()).info
    assert info.class_names == tuple(c.name for c in CITYSCAPES_19)
    assert info.network_pixels == TRAINING.network_pixels
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / 'run').iterdir()}
    assert finetune(run, kitti, tmp_path / 'run', '--share', '0.5') == 0
    for other, named in ((('--share', '1'), 'its share is 0.5, wanted 1.0'),
                         (('--share', '0.5', '--from-scratch'), "its start is 'pretrained'"),
                         (('--share', '0.5', '--set', 'training.steps=4'), 'its steps is 3')):
        assert finetune(run, kitti, tmp_path / 'run', *other) == 2
        assert named in capsys.readouterr().err
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / 'run').iterdir()} == before


def test_scratch_and_pretrained_are_compared(run: Path, kitti: Path, tmp_path: Path) -> None:
    """On the same images; with the gain."""
    assert finetune(run, kitti, tmp_path, '--shares', '0.5', '1', '--starts', 'pretrained',
                    'scratch') == 0
    result = json.loads((tmp_path / 'finetuning.json').read_text())
    assert [row['row'] for row in result['table']] == ['pretrained', 'scratch',
                                                       'pretrained: gain']
    assert list(result['table'][0]['columns']) == ['50 %', '100 %']
    assert json.loads(result['protocol']['images']) == {'50 %': 3, '100 %': 6}
    splits = [(tmp_path / f'{start}_0.5_seed1' / 'split.txt').read_text()
              for start in ('pretrained', 'scratch')]
    assert splits[0] == splits[1]
    starts = [checkpoint.load(tmp_path / f'{start}_1_seed1' / checkpoint.FINISHED)[1].recipe[
        'finetuned']['start'] for start in ('pretrained', 'scratch')]
    assert starts[0] and not starts[1]
    assert '| pretrained: gain |' in (tmp_path / 'finetuning.md').read_text()


def test_simulated_drives_teach_and_test(run: Path, sim_bag: Path, tmp_path: Path) -> None:
    """A drive for training, another one (here the same) for the test."""
    assert main(['finetune', str(run), '--bag', str(sim_bag), '--every', '5', '--test-bag',
                 str(sim_bag), '--share', '1', '--from-scratch', '--out', str(tmp_path)]) == 0
    found = json.loads((tmp_path / 'score.json').read_text())
    assert found['images'] == 2 and found['start'] == 'scratch'
    assert '10 images' in found['protocol']['test']
    assert 'sky' in found['iou'] and 'train' not in found['iou']


@pytest.mark.parametrize(('more', 'message'), [
    (('--share', '0.01'), 'share 0.01 of 6 images is not one image'),
    (('--hold-out', '0'), 'hold_out 0 of 9 images is not one image to test with'),
    (('--shares', '0.5', '0.5'), 'shares: [0.5, 0.5]'),
    (('--share', '2'), 'shares: 2.0 is above 1'),
])
def test_what_cannot_be_done_is_said_in_one_line(
        run: Path, kitti: Path, tmp_path: Path, more: tuple[str, ...], message: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is trained."""
    assert finetune(run, kitti, tmp_path / 'x', *more) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('dseg: error: ') and message in error
    assert not (tmp_path / 'x').exists()


def test_a_run_that_is_not_finished_is_named(kitti: Path, tmp_path: Path,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    """Its file is."""
    assert finetune(tmp_path / 'none', kitti, tmp_path / 'x') == 2
    assert 'none/model.safetensors: no such checkpoint' in capsys.readouterr().err


def test_classes_count_as_they_are() -> None:
    """Swapped classes are wrong, which a matching would have forgiven."""
    counts = np.array([[0, 10, 0], [10, 0, 0], [0, 0, 5], [0, 0, 5]])
    found = direct(counts, CITYSCAPES_19[:3])
    assert found['iou'] == {'road': 0.0, 'sidewalk': 0.0, 'building': 50.0}
    assert found['miou'] == pytest.approx(16.67) and found['pixel_accuracy'] == pytest.approx(
        100 * 5 / 30, abs=0.01)
