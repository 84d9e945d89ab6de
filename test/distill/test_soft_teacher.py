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

"""The moving average: it follows slowly, its targets pull, a run with it resumes exactly."""

from collections.abc import Sequence
from pathlib import Path

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.config.student import EmaConfig
from dseg_ros.distill.augment import Batch, Crops, Draw, draw_batch, TrainingImage
from dseg_ros.distill.loop import train
from dseg_ros.distill.soft_teacher import SoftTeacher
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import Provenance
from dseg_ros.models.tiny import build
import numpy as np
import pytest
import torch

Drives = list[list[TrainingImage]]


def test_it_follows_by_its_momentum() -> None:
    """One step at 0.9 takes a tenth of the way; counters are copied."""
    teacher = SoftTeacher(build(3, 6, 0), EmaConfig(momentum=0.9))
    start = {k: t.clone() for k, t in teacher.network.state_dict().items()}
    other = build(3, 6, 1)
    teacher.follow(other)
    for name, tensor in teacher.network.state_dict().items():
        target = other.state_dict()[name]
        if tensor.is_floating_point():
            target = 0.9 * start[name] + 0.1 * target
        assert torch.allclose(tensor, target, atol=1e-6), name


def test_agreement_costs_nothing_and_disagreement_pulls_the_student() -> None:
    """Zero for the teacher's own logits; otherwise the gradient goes to the student alone."""
    teacher = SoftTeacher(build(3, 6, 0), EmaConfig(temperature=2.0, soft_weight=0.5))
    pixels = torch.randn(1, 3, 32, 32)
    own = teacher.network(pixels)
    assert float(teacher.loss(pixels, own)) == pytest.approx(0, abs=1e-5)
    logits = (own + torch.randn_like(own)).requires_grad_()
    loss = teacher.loss(pixels, logits)
    loss.backward()
    assert loss.item() > 0.01 and logits.grad is not None and logits.grad.abs().sum() > 0
    assert all(p.grad is None for p in teacher.network.parameters())


def test_the_loss_is_the_divergence_of_the_student_from_the_teacher() -> None:
    """Lambda T^2 sum s (log s - log t), worked out by hand."""
    teacher = SoftTeacher(build(2, 6, 0), EmaConfig(temperature=2.0, soft_weight=3.0))
    pixels = torch.randn(1, 3, 16, 16)
    logits = torch.zeros(1, 2, 4, 4)
    t = (teacher.network(pixels) / 2).softmax(1)
    expected = 3.0 * 4.0 * (0.5 * (0.5 / t).log()).sum(1).mean()
    assert float(teacher.loss(pixels, logits)) == pytest.approx(float(expected), rel=1e-4)


def run(draw: Draw, config: TrainingConfig, out: Path) -> Path:
    """Train with an average from a network that knows nothing."""
    made_of = Provenance(('a', 'b', 'c'), ((0, 0, 0),) * 3, as_mapping(config), 'd')
    return train(draw, np.ones(3, np.float32), config, made_of, out, lambda done, total: None,
                 build(3, 6, 7).state_dict(), EmaConfig(momentum=0.5))


def test_an_interrupted_run_ends_as_if_nothing_had_happened(
        images: Drives, tiny: TrainingConfig, tmp_path: Path) -> None:
    """Network and average are resumed exactly; what is finished is the average."""
    def stopping(step: int, numbers: Sequence[int]) -> Batch:
        if step == 6:
            raise KeyboardInterrupt
        return draw_batch(images, step, tiny, numbers)
    whole = run(Crops(images, tiny), tiny, tmp_path / 'whole')
    with pytest.raises(KeyboardInterrupt):
        run(stopping, tiny, tmp_path / 'parts')
    parts = run(Crops(images, tiny), tiny, tmp_path / 'parts')
    final, resumed, last = (checkpoint.load(p)[0] for p in (
        whole, parts, whole.with_name(checkpoint.LAST)))
    assert all(torch.equal(t, resumed[k]) for k, t in final.items())
    assert all(torch.equal(t, last[f'ema/{k}']) for k, t in final.items())
    assert not torch.equal(final['head.weight'], last['head.weight'])
