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

"""
Batch normalisation over the crops of all processes.

torch's own SyncBatchNorm needs a GPU; this one gives the same on any device.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed, nn, Tensor


class _SumOverProcesses(torch.autograd.Function):
    """Add up over processes; so do gradients, since every process uses the sum."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        total = mine.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm2d with mean and variance of the crops of all processes."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, H, W); in evaluation as ever."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        wide, channels = x.float(), x.shape[1]
        pixels = wide.new_full((1,), wide.numel() / channels)
        sums = _everywhere(torch.cat([wide.sum((0, 2, 3)), pixels]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = wide - mean.view(1, -1, 1, 1)     # in two passes: squares of large sums cancel
        variance = _everywhere(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)


def _everywhere(mine: Tensor) -> Tensor:
    total: Tensor = _SumOverProcesses.apply(mine)  # type: ignore[no-untyped-call]
    return total


def synchronise(network: nn.Module) -> None:
    """Put a synchronised normalisation in every BatchNorm2d's place, with its weights."""
    for name, child in network.named_children():
        if type(child) is nn.BatchNorm2d:
            synced = SyncedBatchNorm2d(child.num_features, child.eps, child.momentum)
            synced.load_state_dict(child.state_dict())
            setattr(network, name, synced.to(child.weight.device))
        else:
            synchronise(child)
