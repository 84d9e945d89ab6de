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

"""The loss: weights count pixels, smoothing spreads evenly."""

from dseg_ros.distill.objective import Objective
from dseg_ros.types import UNLABELLED
import pytest
import torch


def test_smoothing_goes_to_all_classes_alike() -> None:
    """However much they weigh: a rare class is not made likelier where another is labelled."""
    logits = torch.zeros(1, 4, 1, 2, requires_grad=True)
    target = torch.tensor([[[0, UNLABELLED]]])
    loss = Objective(torch.tensor([0.5, 1.0, 8.0, 0.2]), 0.1)(logits, target)
    loss.backward()
    pushed = logits.grad[0, :, 0]
    assert torch.allclose(pushed[1:, 0], pushed[1, 0]) and pushed[1, 0] > 0
    assert (pushed[:, 1] == 0).all()


@pytest.mark.parametrize('label', range(3))
def test_a_pixel_counts_as_much_as_its_class_weighs(label: int) -> None:
    """The sum of weighted losses over what `amount` gives is their weighted mean."""
    weights = torch.tensor([0.5, 1.0, 4.0])
    objective = Objective(weights, 0.0)
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(label))
    target = torch.full((2, 4, 5), label)
    assert objective.amount(target) == 40 * weights[label]
    plain = -logits.log_softmax(1)[:, label].mean()
    assert torch.allclose(objective(logits, target) / objective.amount(target), plain)
