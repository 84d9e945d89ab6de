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

"""Where a training runs: one device, or one per process that torchrun started."""

from __future__ import annotations

from datetime import timedelta
import logging
import os

from dseg_ros.config.execution import ExecutionConfig
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
import torch
from torch import distributed

_PATIENCE = timedelta(days=7)
"""The first process labels a whole data set while the others wait."""

_PRECISIONS = {'fp32': '32-true', 'bf16': 'bf16-mixed'}


class DeviceError(RuntimeError):
    """A device that is not there."""


def launch(config: ExecutionConfig, precision: str = 'fp32') -> Fabric:
    """
    Take this process's device and, under torchrun, meet the other processes.

    Several launches in one process are one meeting; all name the same accelerator.

    :param config: which kind of device.
    :param precision: fp32 or bf16.
    :raises DeviceError: if there is no such device, or not one for every process.
    """
    logging.getLogger('lightning_fabric').setLevel(logging.WARNING)     # else it announces itself
    here, everywhere = processes()
    kind = device(config.accelerator).type
    if kind == 'cuda' and here > torch.cuda.device_count():
        raise DeviceError(f'{here} processes on this machine for {torch.cuda.device_count()} '
                          'GPUs; start as many, or set execution.accelerator to cpu')
    strategy = 'auto' if everywhere == 1 else DDPStrategy(
        timeout=_PATIENCE, forward_sync_buffers=False)   # synced normalisation keeps them equal
    fabric = Fabric(accelerator=kind, devices=here, num_nodes=everywhere // here,
                    strategy=strategy, precision=_PRECISIONS[precision])  # type: ignore[arg-type]
    fabric.launch()
    return fabric


def device(accelerator: str) -> torch.device:
    """
    Choose a device.

    :param accelerator: auto, cpu or cuda.
    :raises DeviceError: for cuda without a GPU.
    """
    cuda = torch.cuda.is_available()
    if accelerator == 'cuda' and not cuda:
        raise DeviceError('execution.accelerator: cuda, but torch finds no GPU')
    local = int(os.environ['LOCAL_RANK']) if distributed.is_torchelastic_launched() else 0
    return torch.device('cuda', local) if cuda and accelerator != 'cpu' else torch.device('cpu')


def processes() -> tuple[int, int]:
    """Count the processes that torchrun started, on this machine and on all; 1 without it."""
    if not distributed.is_torchelastic_launched():
        return 1, 1
    return int(os.environ['LOCAL_WORLD_SIZE']), int(os.environ['WORLD_SIZE'])
