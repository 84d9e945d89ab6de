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

"""A finished run looks at images: as a whole or through windows; other weights are refused."""

from dataclasses import replace
from pathlib import Path

from dseg_ros.config.distill import ModelConfig, TrainingConfig
from dseg_ros.config.execution import WindowConfig
from dseg_ros.config.schema import as_mapping, ConfigError
from dseg_ros.config.segmenter import SegmenterConfig
from dseg_ros.distill.prediction import Predictor
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import CheckpointError, Provenance
from dseg_ros.models.networks import build
import numpy as np
import pytest

SMALL = ModelConfig('segmenter', 6, SegmenterConfig(width=24, depth=1, heads=2, image_px=64))


def finished(run: Path, config: TrainingConfig, said: TrainingConfig | None = None) -> Path:
    """Write a run with random weights that says it was trained by a recipe."""
    run.mkdir()
    checkpoint.save(run / checkpoint.FINISHED, build(config.model, 3, 1).state_dict(), Provenance(
        ('a', 'b', 'c'), ((0, 0, 0),) * 3, as_mapping(said or config), 'd'), 1)
    return run


@pytest.mark.parametrize('model', [ModelConfig(width=6), SMALL], ids=lambda m: m.kind)
def test_a_window_as_large_as_the_image_sees_what_the_whole_sees(
        tiny: TrainingConfig, tmp_path: Path, model: ModelConfig) -> None:
    """Smaller ones see parts, and give probabilities for every pixel all the same."""
    rgb = np.random.default_rng(0).integers(0, 256, (128, 192, 3), np.uint8)
    config = replace(tiny, model=model)
    whole = Predictor(finished(tmp_path / 'whole', config))(rgb, flip=True)
    large, small = (Predictor(finished(tmp_path / f'{side}', replace(
        config, window=WindowConfig(side, 16))))(rgb, flip=True) for side in (96, 32))
    for seen in (whole, large, small):
        assert seen.shape == (128, 192, 3) and np.allclose(seen.sum(2), 1, atol=1e-4)
    # the network's own logits are enlarged before the softmax, those of the whole after it
    assert np.abs(large - whole).max() < 0.1
    assert np.abs(small - whole).max() > np.abs(large - whole).max()


def test_weights_of_another_network_are_refused(tiny: TrainingConfig, tmp_path: Path) -> None:
    """A checkpoint says of which kind it is; the first tensor that does not fit is named."""
    with pytest.raises(CheckpointError, match='weights of a segmenter network.*cls_token'):
        Predictor(finished(tmp_path / 'run', tiny, replace(tiny, model=SMALL)))


def test_windows_fit_the_network() -> None:
    """Sides are multiples of 16, steps leave no gap."""
    with pytest.raises(ConfigError, match='side_px: 100 is no multiple of 16'):
        TrainingConfig(window=WindowConfig(100))
    with pytest.raises(ConfigError, match='step_px: 128 is more than side_px 64'):
        TrainingConfig(window=WindowConfig(64))
