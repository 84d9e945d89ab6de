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

"""Partial labels: points first, then the sky, then growth; each can be left out."""

from dseg_ros.config.pseudo import SkyConfig
from dseg_ros.pseudo import partial_labels
from dseg_ros.pseudo.partial_labels import carry, complete, image_of
from dseg_ros.types import Cloud, Proposals, UNLABELLED, View
import numpy as np
import pytest

Street = tuple[Cloud, Proposals, View, np.ndarray]
SKY = 9


@pytest.fixture(autouse=True)
def sky_in_the_upper_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """How the sky is told is tested elsewhere: here it is the upper third."""
    def mask(cloud: Cloud, view: View, rule: SkyConfig) -> np.ndarray:
        found = np.zeros((90, 160), np.bool_)
        found[:30] = True
        return found

    monkeypatch.setattr(partial_labels, 'sky_mask', mask)


def labels_of(street: Street) -> np.ndarray:
    """Carry what each thing is into the image."""
    cloud, proposals, view, kind = street
    return carry(kind.astype(np.uint8), cloud, proposals, view)


def test_the_sky_takes_what_no_point_does(street: Street) -> None:
    """Labels of points stay; without a class for the sky nothing changes."""
    cloud, _, view, _ = street
    mask = labels_of(street)
    whole = complete(mask, cloud, view, SKY, SkyConfig(), None)
    known = mask != UNLABELLED
    assert np.array_equal(whole[known], mask[known])
    assert (whole[:118][~known[:118]] == SKY).all() and not (whole[124:] == SKY).any()
    assert np.array_equal(complete(mask, cloud, view, None, SkyConfig(), 1), mask)


def test_things_grow_only_where_the_sky_is_known(street: Street,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """Growth adds to the labels, never ground, and needs the sky."""
    cloud, _, view, _ = street
    mask = labels_of(street)
    mask[120:150, 250:400] = 2                      # a wall that ends below the sky's edge
    mask[150:170, 250:400] = UNLABELLED
    still, grown = (complete(mask, cloud, view, SKY, SkyConfig(), first) for first in (None, 1))
    changed = still != grown
    assert (still[changed] == UNLABELLED).all() and (grown[changed] > 0).all()
    monkeypatch.setattr(partial_labels, 'sky_mask', lambda *_: np.zeros((90, 160), np.bool_))
    assert np.array_equal(complete(mask, cloud, view, SKY, SkyConfig(), 1), mask)


def test_sizes_follow_the_scale(street: Street) -> None:
    """Labels and image are of one size."""
    cloud, proposals, view, kind = street
    mask = carry(kind.astype(np.uint8), cloud, proposals, view, 0.5)
    assert mask.shape == image_of(view, 0.5).shape[:2] == (180, 320)
    assert complete(mask, cloud, view, SKY, SkyConfig(), 1).shape == (180, 320)
