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

"""Labels grow over what no beam reaches, and no farther."""

from dseg_ros.pseudo.growth import grow_upwards
from dseg_ros.types import UNLABELLED
import numpy as np

HOUSE, TREE, GROUND, SKY = 5, 6, 0, 9


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Draw a house and a tree under a sky; beams reach a third of their height."""
    rgb = np.full((90, 120, 3), 225, np.uint8)
    rgb[20:80, :50] = (150, 80, 60)
    rgb[30:80, 70:110] = (40, 110, 40)
    rgb[80:] = 90
    labels = np.full((90, 120), UNLABELLED, np.uint8)
    labels[60:80, :50], labels[60:80, 70:110] = HOUSE, TREE
    labels[80:] = GROUND
    labels[:10] = SKY
    return rgb, labels


def test_roof_and_crown_take_the_label_below_them() -> None:
    """Up to their edges; the sky between them is not taken by either."""
    rgb, labels = scene()
    grown = grow_upwards(labels, rgb, 1)
    assert (grown[24:80, 3:47] == HOUSE).all() and (grown[34:80, 73:107] == TREE).all()
    assert not np.isin(grown[12:60, 53:67], (HOUSE, TREE)).any()
    assert not np.isin(grown[10:17], (HOUSE, TREE)).any()


def test_ground_does_not_grow_and_labels_stay() -> None:
    """Above the road's end nothing is known; what was labelled is not changed."""
    rgb, labels = scene()
    grown = grow_upwards(labels, rgb, 1)
    assert (grown[:80] != GROUND).all()
    known = labels != UNLABELLED
    assert np.array_equal(grown[known], labels[known])
    assert (labels == UNLABELLED).any(), 'the input is left alone'


def test_without_labels_nothing_grows() -> None:
    """There is nothing to grow."""
    rgb, labels = scene()
    empty = np.full_like(labels, UNLABELLED)
    assert np.array_equal(grow_upwards(empty, rgb, 0), empty)


def test_a_trunk_does_not_grow_into_its_crown() -> None:
    """What is narrow stays as it is; the house beside it grows."""
    rgb, labels = scene()
    labels[labels == TREE] = UNLABELLED
    labels[60:80, 88] = TREE
    grown = grow_upwards(labels, rgb, 1)
    assert (grown[:60] != TREE).all() and (grown[24:80, 3:47] == HOUSE).all()
