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

"""Options of a training that say where and how it runs, not what it learns."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, option


@dataclass(frozen=True)
class ExecutionConfig(Config):
    """
    Where a training runs; a run may go on with other ones.

    Processes and machines are torchrun's: every process that it starts takes one device.
    """

    accelerator: str = option('auto', 'What computes; auto: the GPU if there is one.',
                              choices=('auto', 'cpu', 'cuda'))
    workers: int = option(0, 'Processes that draw crops ahead; 0: a thread of the training does.',
                          low=0, high=256)
    prefetch: int = option(2, 'Batches that the thread, or each process, draws ahead.', low=1,
                           high=64)


@dataclass(frozen=True)
class CollapseConfig(Config):
    """When a training is said to lose classes."""

    intervals: int = option(6, 'Log rows in a row (see checkpoint_every) that tell of it.', low=1,
                            high=1000)
    dominant_share: float = option(
        0.9, 'One class is predicted for more than this share of the pixels, and labelled for '
        'less.', low=0, high=1)


@dataclass(frozen=True)
class WindowConfig(Config):
    """How a trained network looks at whole images, when they are labelled by it."""

    side_px: int = option(0, 'Side of a sliding window, multiple of 16 [px at inference scale]; '
                          '0: the whole image at once.', low=0, high=4096)
    step_px: int = option(128, 'From one window to the next [px]; logits are averaged.', low=1,
                          high=4096)
