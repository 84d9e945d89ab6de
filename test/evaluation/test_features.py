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

"""Features of networks, and their principal components as colours."""

from pathlib import Path

import cv2
from dseg_ros.cli import main
from dseg_ros.config.segmenter import SegmenterConfig
from dseg_ros.evaluation.features import FeatureError, features, RunDescriber
from dseg_ros.evaluation.pca import fit_colours
from dseg_ros.models.checkpoint import CheckpointError
from dseg_ros.models.segmenter import build as build_segmenter
from dseg_ros.models.tiny import build
import numpy as np
import pytest
from tiny_runs import write_run
import torch
from torch import nn


def noise(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    """Give a noisy image."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)


def test_tiny_features_are_what_the_head_decides_by() -> None:
    """At stride 4, and the head of them is the forward pass."""
    network, pixels = build(5, 6, 1).eval(), torch.randn(2, 3, 32, 48)
    with torch.inference_mode():
        found = features(network, pixels)
        assert found.shape == (2, 10, 8, 12)
        assert torch.equal(network.head(found), network(pixels))


def test_segmenter_features_are_its_patch_tokens() -> None:
    """In their place: row by row, without the prefix."""
    config = SegmenterConfig(image_px=32, width=12, depth=1, heads=2)
    network, pixels = build_segmenter(4, config, 1).eval(), torch.randn(1, 3, 32, 48)
    with torch.inference_mode():
        found = features(network, pixels)
        tokens = network.encoder.forward_features(pixels)[:, network.encoder.num_prefix_tokens:]
    assert found.shape == (1, 12, 2, 3)
    assert torch.equal(found[0, :, 1, 2], tokens[0, 5])


def test_a_network_without_features_is_named() -> None:
    """Not every module tells what it sees."""
    with pytest.raises(FeatureError, match='Identity: tells no features'):
        features(nn.Identity(), torch.zeros(1, 3, 16, 16))


def test_a_run_describes_what_inference_sees(tmp_path: Path) -> None:
    """Features, prediction and what it is; random weights are others, and the same each time."""
    run = write_run(tmp_path / 'run')
    trained = RunDescriber(run)
    found, probability = trained.both(noise())
    assert found.shape == (12, 16, 10) and probability.shape == (48, 64, 5)
    assert np.array_equal(found, trained(noise()))
    assert 'TinySegmenter, 5 pseudo-classes' in trained.facts()['network']
    random = RunDescriber(run, untrained=True)
    assert not np.allclose(random(noise()), found)
    assert np.array_equal(random(noise()), RunDescriber(run, untrained=True)(noise()))
    assert 'random weights' in random.facts()['network']
    assert 'not trained' in random.facts()['network']
    with pytest.raises(CheckpointError, match='nowhere'):
        RunDescriber(tmp_path / 'nowhere')


def factors(seed: int, channels: int = 7) -> np.ndarray:
    """Mix three independent factors of falling strength into channels: (20, 30, D)."""
    rng = np.random.default_rng(seed)
    mix = np.linalg.qr(np.random.default_rng(9).normal(size=(channels, 3)))[0]
    return ((rng.normal(size=(20, 30, 3)) * (9, 3, 1)) @ mix.T + 5).astype(np.float32)


def test_colours_are_the_strongest_factors() -> None:
    """Ordered by strength, the same sign whatever the order and sign that a solver finds."""
    images = [factors(1), factors(2)]
    colours = fit_colours(images)
    mix = np.linalg.qr(np.random.default_rng(9).normal(size=(7, 3)))[0]
    assert np.abs(np.diag(colours.axes @ mix)).min() > 0.98
    assert (colours.axes[range(3), np.abs(colours.axes).argmax(1)] > 0).all()
    assert colours.explained == pytest.approx([81 / 91, 9 / 91, 1 / 91], rel=0.2)
    first = colours.picture(images[0])
    assert first.shape == (20, 30, 3) and first.dtype == np.uint8
    assert first.min() == 0 and first.max() == 255
    again = fit_colours([images[0].copy(), images[1].copy()])
    assert np.array_equal(again.picture(images[0]), first)
    assert np.array_equal(fit_colours(images[::-1]).axes.round(6), colours.axes.round(6))


@pytest.mark.parametrize(('images', 'message'), [
    ([], 'no images'),
    ([np.zeros((4, 4, 2), np.float32)], '16 cells of 2 channels'),
    ([np.zeros((1, 2, 8), np.float32)], '2 cells of 8 channels'),
])
def test_what_has_no_three_components_is_named(images: list[np.ndarray], message: str) -> None:
    """Nothing to find, or too little."""
    with pytest.raises(FeatureError, match=message):
        fit_colours(images)


def test_the_command_draws_a_row_per_image(tmp_path: Path,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    """Image, prediction, features; a missing run or image is one line."""
    run = write_run(tmp_path / 'run')
    files = [tmp_path / f'{i}.png' for i in range(2)]
    for i, file in enumerate(files):
        cv2.imwrite(str(file), noise(seed=i))
    command = ['pca', str(run), '--images', *map(str, files), '--out']
    assert main([*command, str(tmp_path / 'out/pca.png')]) == 0
    drawn = cv2.imread(str(tmp_path / 'out/pca.png'))
    assert drawn.shape == (2 * (360 + 6), 3 * (480 + 6), 3)
    assert main([*command, str(tmp_path / 'pca.nothing')]) == 2
    assert 'pca.nothing: cannot be written' in capsys.readouterr().err
    assert main(['pca', str(tmp_path), '--images', str(files[0]), '--out', 'x.png']) == 2
    assert 'no such checkpoint' in capsys.readouterr().err
