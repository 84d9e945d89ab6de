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

"""Sliding windows: every pixel is seen, overlaps are averaged, borders are met."""

from dseg_ros.models.sliding_window import slide, starts
import pytest
import torch
from torch import Tensor


@pytest.mark.parametrize(('length', 'window', 'step', 'expected'), [
    (1024, 512, 128, [0, 128, 256, 384, 512]),
    (600, 512, 128, [0, 88]),
    (512, 512, 128, [0]),
    (700, 512, 128, [0, 128, 188]),
])
def test_the_last_window_ends_at_the_border(length: int, window: int, step: int,
                                            expected: list[int]) -> None:
    """Windows of the published size over usual images."""
    assert starts(length, window, step) == expected


@pytest.mark.parametrize('size', [(64, 64), (70, 133), (32, 100), (17, 45)])
def test_a_network_that_looks_at_pixels_alone_is_unchanged(size: tuple[int, int]) -> None:
    """Whatever the windows, a pixel-wise network gives what it gives in one pass."""
    pixels = torch.rand(1, 3, *size)
    seen = []

    def network(cut: Tensor) -> Tensor:
        seen.append(cut.shape)
        return cut[:, :2] * 3

    out = slide(network, pixels, window_px=32, step_px=16, batch=3)
    assert torch.allclose(out, pixels[:, :2] * 3, atol=1e-6)
    assert all(s[0] <= 3 and s[2] % 16 == 0 and s[3] % 16 == 0 for s in seen)


def test_overlaps_are_averaged() -> None:
    """Where two windows overlap, the logits are their mean."""
    calls = iter((0.0, 1.0))
    out = slide(lambda cut: torch.full((1, 1, *cut.shape[2:]), next(calls)),
                torch.zeros(1, 3, 32, 48), window_px=32, step_px=16, batch=1)
    assert out[0, 0, 0].tolist() == [0.0] * 16 + [0.5] * 16 + [1.0] * 16


@pytest.mark.parametrize(('window', 'step', 'images', 'message'), [
    (30, 16, 1, 'window of 30 px'), (32, 0, 1, 'step of 0 px'), (32, 33, 1, 'step of 33 px'),
    (32, 16, 2, '2 images')])
def test_impossible_windows_are_named(window: int, step: int, images: int,
                                      message: str) -> None:
    """Each error names its value."""
    with pytest.raises(ValueError, match=message):
        slide(lambda x: x, torch.zeros(images, 3, 32, 32), window, step)
