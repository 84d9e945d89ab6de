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

"""Masks made visible."""

from __future__ import annotations

from dseg_ros.painting import coloured, full_palette, overlay
from dseg_ros.types import UNLABELLED
import numpy as np
import pytest

PALETTE = full_palette(np.array([[200, 0, 0], [0, 100, 0]], np.uint8))


def test_colours() -> None:
    """Classes get their colour; what has none is black."""
    ids = np.array([[0, 1], [UNLABELLED, 1]], np.uint8)
    assert coloured(ids, PALETTE).tolist() == [[[200, 0, 0], [0, 100, 0]],
                                               [[0, 0, 0], [0, 100, 0]]]


@pytest.mark.parametrize(('opacity', 'expected'), [(0.0, 100), (0.5, 150), (1.0, 200)])
def test_overlay(opacity: float, expected: int) -> None:
    """The image shines through as much as asked for, wholly where nothing is labelled."""
    rgb = np.full((1, 2, 3), 100, np.uint8)
    ids = np.array([[0, UNLABELLED]], np.uint8)
    out = overlay(rgb, ids, PALETTE, opacity)
    assert out[0, 0, 0] == expected and out[0, 1].tolist() == [100, 100, 100]


def test_overlay_of_another_size() -> None:
    """A mask of another size is an error that names both."""
    with pytest.raises(ValueError, match=r'\(2, 2, 3\).*\(1, 2\)'):
        overlay(np.zeros((2, 2, 3), np.uint8), np.zeros((1, 2), np.uint8), PALETTE, 0.5)
