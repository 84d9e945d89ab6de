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

"""Merging: what is alike becomes one, kinds stay apart, nothing is lost."""

from dseg_ros.pseudo.merging import merge, merged_names
from dseg_ros.pseudo.pseudo_classes import ClusterError, Clusters, PseudoClasses
import numpy as np
import pytest


def clusters(*places: float) -> Clusters:
    """Make clusters at places on a line."""
    one = np.ones(1, np.float32)
    return Clusters(np.array(places, np.float32)[:, None], one, one, one)


CLASSES = PseudoClasses(clusters(0, 9), clusters(0, 0.1, 5, 9), sky=True)
CLEAR = np.eye(7) * 100


def confused(*pairs: tuple[int, int]) -> np.ndarray:
    """Let a teacher take one class for the other in a third of all pixels."""
    out = CLEAR.copy()
    for i, j in pairs:
        out[i, j] = out[j, i] = 50
    return out


def test_near_centroids_merge_when_nothing_is_confused() -> None:
    """Objects 0 and 1 lie together."""
    assert merge(CLASSES, CLEAR, 6, 0.5).tolist() == [0, 1, 2, 2, 3, 4, 5]


def test_confused_classes_merge_however_far_apart() -> None:
    """With all weight on confusion, objects 0 and 3 are one, then grounds, too."""
    both = confused((2, 5), (0, 1))
    both[0, 1] = both[1, 0] = 30
    assert merge(CLASSES, both, 6, 1.0).tolist() == [0, 1, 2, 3, 4, 2, 5]
    assert merge(CLASSES, both, 5, 1.0).tolist() == [0, 0, 1, 2, 3, 1, 4]


def test_ground_objects_and_sky_stay_apart() -> None:
    """However confused: at the least three classes are left, one of each kind."""
    mixed = confused((0, 2), (5, 6))
    assert merge(CLASSES, mixed, 3, 1.0).tolist() == [0, 0, 1, 1, 1, 1, 2]


def test_off_merges_nothing() -> None:
    """Zero classes wanted means all."""
    assert merge(CLASSES, confused((2, 3)), 0, 1.0).tolist() == list(range(7))


@pytest.mark.parametrize('wanted', [2, 8])
def test_impossible_numbers_are_refused(wanted: int) -> None:
    """The message says what is possible."""
    with pytest.raises(ClusterError, match=f'merge.classes: {wanted}; 7 classes .* 3 to 7'):
        merge(CLASSES, CLEAR, wanted, 0.5)


def test_names_say_what_became_one() -> None:
    """A merged class is called after all its members."""
    new_ids = merge(CLASSES, CLEAR, 6, 0.5)
    assert merged_names(CLASSES.names, new_ids)[2] == 'object_0+object_1'


def test_a_class_without_pixels_is_survived() -> None:
    """No pixel, no confusion: its centroid decides."""
    empty = CLEAR.copy()
    empty[3] = 0
    assert merge(CLASSES, empty, 6, 0.5).tolist() == [0, 1, 2, 2, 3, 4, 5]
