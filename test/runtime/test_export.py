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

"""The exported graph does what torch does, pixel for pixel."""

import json
from pathlib import Path

import cv2
from dseg_ros.config.runtime import EngineConfig, ExportConfig
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import CheckpointError, Provenance
from dseg_ros.models.normalisation import per_image
from dseg_ros.models.tiny import build
from dseg_ros.runtime.export import export
from dseg_ros.runtime.loading import load_engine
import numpy as np
import pytest
import torch


def smooth_picture(height: int, width: int) -> np.ndarray:
    """Draw blobs: what resizing does to them depends little on its details."""
    noise = np.random.default_rng(4).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), height / 16), None, 0, 255,
                         cv2.NORM_MINMAX)


def by_torch(network: torch.nn.Module, rgb: np.ndarray,
             size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Compute labels and confidence the long way round, at the network's size."""
    small = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_LINEAR)
    with torch.no_grad():
        logits = network(per_image(torch.from_numpy(small).permute(2, 0, 1)[None].float()))
        fine = torch.nn.functional.interpolate(logits, size=size, mode='bilinear',
                                               align_corners=False)
        probability, ids = fine.softmax(1).max(1)
    return ids[0].numpy(), probability[0].numpy() * 255


def test_parity_with_torch(small_model: Path, network: torch.nn.Module) -> None:
    """Resize, normalisation, network, decision and enlargement agree with torch and OpenCV."""
    image = smooth_picture(128, 192)     # twice the network's 64 x 96
    result = load_engine(small_model, EngineConfig()).infer(image)
    ids, confidence = by_torch(network, image, (64, 96))
    assert len(np.unique(ids)) > 1, 'the picture is too plain to prove anything'
    assert (result.ids == ids.repeat(2, 0).repeat(2, 1)).mean() > 0.995
    difference = result.confidence - confidence.repeat(2, 0).repeat(2, 1)
    assert np.abs(difference).mean() < 2


def test_odd_sizes_do_not_shift_the_mask(small_model: Path, network: torch.nn.Module) -> None:
    """Aspect ratios that do not divide are resampled about the pixel centres."""
    image = smooth_picture(131, 187)
    result = load_engine(small_model, EngineConfig()).infer(image)
    ids, _ = by_torch(network, image, (64, 96))
    expected = cv2.resize(ids.astype(np.uint8), (187, 131), interpolation=cv2.INTER_NEAREST_EXACT)
    assert (result.ids == expected).mean() > 0.98


def test_a_run_is_exported_with_its_history(tmp_path: Path) -> None:
    """Names, colours, recipe and hash of a checkpoint are in the model."""
    made_of = Provenance(('ground_0', 'sky'), ((9, 8, 7), (1, 2, 3)),
                         {'model': {'width': 6}, 'steps': 2}, 'c0ffee')
    checkpoint.save(tmp_path / checkpoint.FINISHED, build(2, 6, seed=0).state_dict(), made_of, 2)
    path = export(tmp_path, tmp_path / 'deep' / 'm.onnx', ExportConfig(network_pixels=1024),
                  'dseg_ros 9')
    info = load_engine(path, EngineConfig()).info
    assert info.class_names == ('ground_0', 'sky')
    assert info.palette.tolist() == [[9, 8, 7], [1, 2, 3]]
    assert json.loads(info.recipe) == made_of.recipe
    assert (info.version, info.data_sha256) == ('dseg_ros 9', 'c0ffee')
    assert [p.name for p in path.parent.iterdir()] == ['m.onnx']


def test_a_run_without_checkpoint_is_named(tmp_path: Path) -> None:
    """There is nothing to export yet."""
    with pytest.raises(CheckpointError, match='last.safetensors: no such checkpoint'):
        export(tmp_path, tmp_path / 'm.onnx', ExportConfig(), '')
