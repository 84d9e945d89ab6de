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

"""Devices that are not there, more processes than crops."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.execution import ExecutionConfig
from dseg_ros.config.schema import as_mapping, ConfigError
from dseg_ros.distill import devices, loop
from dseg_ros.distill.augment import Crops, TrainingImage
from dseg_ros.distill.devices import device, DeviceError, launch
from dseg_ros.models.checkpoint import Provenance
import numpy as np
import pytest
import torch


def test_a_gpu_that_is_not_there_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by name it has to exist; auto takes what there is."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(DeviceError, match='accelerator: cuda, but torch finds no GPU'):
        launch(ExecutionConfig(accelerator='cuda'))
    assert device('auto').type == launch(ExecutionConfig()).device.type == 'cpu'


def test_every_process_needs_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three processes cannot share two."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setattr(devices, 'processes', lambda: (3, 3))
    with pytest.raises(DeviceError, match='3 processes on this machine for 2 GPUs'):
        launch(ExecutionConfig())


def test_a_batch_has_a_crop_for_every_process_and_part(
        images: list[list[TrainingImage]], tiny: TrainingConfig, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has all three numbers."""
    with pytest.raises(ConfigError, match='accumulate: 5 parts of a batch of 4'):
        replace(tiny, accumulate=5)
    config = replace(tiny, accumulate=2)
    monkeypatch.setattr(loop, 'launch', lambda *_: SimpleNamespace(world_size=3))
    with pytest.raises(loop.TrainingError, match='batch: 4 crops for 3 processes, .* 2 parts'):
        loop.train(Crops(images, config), np.ones(3, np.float32), config,
                   Provenance(('a',) * 3, ((0, 0, 0),) * 3, as_mapping(config), 'd'), tmp_path,
                   lambda done, total: None)
