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

"""Checkpoints: what goes in comes out, damage is named."""

from pathlib import Path

from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import CheckpointError, Provenance
import pytest
import torch

MADE_OF = Provenance(('a', 'b'), ((1, 2, 3), (4, 5, 6)), {'steps': 3, 'model': {'width': 6}},
                     'beef')


def test_round_trip(tmp_path: Path) -> None:
    """Tensors, provenance and step come back."""
    path = tmp_path / 'x.safetensors'
    checkpoint.save(path, {'w': torch.arange(6.0).reshape(2, 3).T}, MADE_OF, 7)
    tensors, made_of, step = checkpoint.load(path)
    assert tensors['w'].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert made_of == MADE_OF and step == 7
    assert [p.name for p in tmp_path.iterdir()] == ['x.safetensors']


@pytest.mark.parametrize('content', [b'', b'nonsense', None])
def test_damage_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or foreign file is an error with its name."""
    path = tmp_path / 'y.safetensors'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match='y.safetensors'):
        checkpoint.load(path)


def test_optimiser_goes_on_as_if_nothing_happened() -> None:
    """An optimiser restored from tensors takes the same next step."""
    def one(restore: bool) -> torch.Tensor:
        w = torch.nn.Parameter(torch.ones(3))
        optimiser = torch.optim.AdamW([w], lr=0.1)
        for i in range(4):
            if restore and i == 2:
                flat = checkpoint.optimiser_tensors(optimiser)
                optimiser = torch.optim.AdamW([w], lr=0.1)
                checkpoint.restore_optimiser(optimiser, {**flat, 'head.weight': torch.ones(1)})
            w.grad = torch.tensor([1.0, -0.5, 0.1 * i])
            optimiser.step()
        return w.detach()
    assert torch.equal(one(False), one(True))
