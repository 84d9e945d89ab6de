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

"""Every kind of network keeps what it promises of itself."""

from __future__ import annotations

from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.segmenter import SegmenterConfig
from dseg_ros.models.networks import build, normalise, traits
import pytest
import torch

SMALL = SegmenterConfig(width=24, depth=1, heads=2, image_px=64)
KINDS = [ModelConfig('tiny', 6), ModelConfig('residual', 6), ModelConfig('segmenter', 6, SMALL)]


@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_logits_come_at_the_output_stride(config: ModelConfig) -> None:
    """The size of the logits is the one that the traits tell without building a network."""
    network, told = build(config, 5, seed=1).eval(), traits(config)
    height, width = 3 * told.stride, 4 * told.stride
    raw = torch.randint(0, 256, (2, 3, height, width)).float()
    logits = network(normalise(network, raw))
    assert logits.shape == (2, 5, height // told.output_stride, width // told.output_stride)


@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_weights_depend_on_the_seed_alone(config: ModelConfig) -> None:
    """The same seed gives the same network, another seed another one."""
    torch.manual_seed(7)
    first = build(config, 5, seed=1).state_dict()
    torch.manual_seed(8)
    second, other = build(config, 5, seed=1).state_dict(), build(config, 5, seed=2).state_dict()
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)
