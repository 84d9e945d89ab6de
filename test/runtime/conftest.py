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

"""A small untrained model, exported once."""

from pathlib import Path

from dseg_ros.classes import distinct_palette
from dseg_ros.models.tiny import build
from dseg_ros.runtime.engine import ModelInfo
from dseg_ros.runtime.export import write_model
import pytest
import torch

CLASSES = 5


def small_network() -> torch.nn.Module:
    """Build the network of the model below, in evaluation mode."""
    network = build(CLASSES, 6, seed=3)
    network.head.weight.data *= 20  # so that labels and confidences differ from place to place
    return network.eval()


def small_info(network_pixels: int = 64 * 96) -> ModelInfo:
    """Describe the model below."""
    return ModelInfo(tuple(f'class {i}' for i in range(CLASSES)), distinct_palette(CLASSES),
                     network_pixels=network_pixels, version='test 1', data_sha256='abc',
                     recipe='{"steps": 0}')


@pytest.fixture(scope='session')
def network() -> torch.nn.Module:
    """Give the network of small_model."""
    return small_network()


@pytest.fixture(scope='session')
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an exported model."""
    return write_model(small_network(), small_info(), 1,
                       tmp_path_factory.mktemp('model') / 'small.onnx')
