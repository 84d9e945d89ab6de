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

"""The tiny network: size, shapes, what its weights depend on."""

from dseg_ros.models.normalisation import per_image
from dseg_ros.models.pyramid import OUTPUT_STRIDE, parameter_count, STRIDE
from dseg_ros.models.tiny import build
import pytest
import torch


def test_it_is_tiny() -> None:
    """It has the 0.2 M parameters that its description promises."""
    assert 180_000 < parameter_count(build(14, 24, seed=0)) < 220_000


@pytest.mark.parametrize('size', [(16, 16), (48, 80)])
def test_logits_have_the_promised_stride(size: tuple[int, int]) -> None:
    """Any multiple of the stride goes in."""
    assert size[0] % STRIDE == 0
    with torch.no_grad():
        logits = build(5, 12, seed=0).eval()(torch.zeros(2, 3, *size))
    assert logits.shape == (2, 5, size[0] // OUTPUT_STRIDE, size[1] // OUTPUT_STRIDE)


def test_weights_depend_on_the_seed_alone() -> None:
    """The global random state is neither used nor moved."""
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    a, b, c = build(3, 6, seed=1), build(3, 6, seed=1), build(3, 6, seed=2)
    assert torch.equal(torch.rand(1), before)
    assert torch.equal(a.head.weight, b.head.weight)
    assert not torch.equal(a.head.weight, c.head.weight)


def test_normalisation_takes_out_exposure() -> None:
    """A brighter, flatter picture of the same thing looks the same to the network."""
    raw = torch.rand(1, 3, 32, 32) * 200
    assert torch.allclose(per_image(raw), per_image(raw * 0.5 + 40), atol=0.05)
    flat = per_image(torch.full((1, 3, 8, 8), 17.0))
    assert torch.isfinite(flat).all() and flat.abs().max() == 0
