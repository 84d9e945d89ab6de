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

"""Purity and coverage of masks, counted by hand; on a drive: test_label_quality.py."""

from dataclasses import replace

from dseg_ros.classes import TRAIN_ID
from dseg_ros.config.masks import MaskConfig
from dseg_ros.evaluation.mask_quality import (
    CLASSES, proposal_tally, Row, Shot, table, Tally, Variant, variants)
from dseg_ros.types import Camera, Cloud, Image, Proposals, UNLABELLED, View
import numpy as np
import pytest

ROAD, CAR, SKY, POLE = (TRAIN_ID[n] for n in ('road', 'car', 'sky', 'pole'))


def test_proposals_are_counted_by_what_most_of_them_show() -> None:
    """Two of three pixels of one, all of another, three of four of the ground; sky is no loss."""
    mask = np.array([[1, 1, 1, 2, 2], [0, 0, 0, 0, -1], [-1, -1, 5, -1, -1]], np.int32)
    truth = np.array([[CAR, CAR, POLE, POLE, POLE], [ROAD, ROAD, CAR, ROAD, CAR],
                      [SKY, SKY, UNLABELLED, SKY, CAR]], np.uint8)
    tally = proposal_tally(mask, truth)
    assert (tally.right, tally.labelled, tally.wanted) == (2 + 2 + 3, 9, 11)
    assert tally.purity == 7 / 9 and tally.coverage == 9 / 11
    assert np.isnan(proposal_tally(np.full((1, 1), -1, np.int32), truth[:1, :1]).purity)


def test_labels_are_counted_by_class() -> None:
    """Purity by what is labelled, recall of small things by what there is, misses in the mIoU."""
    counts = np.zeros((CLASSES + 1, CLASSES), np.int64)
    counts[ROAD, ROAD], counts[POLE, POLE], counts[POLE, ROAD] = 60, 10, 10
    counts[CLASSES, POLE], counts[CLASSES, ROAD] = 10, 10
    row = Row(Variant('x', MaskConfig()), Tally(1, 2, 4), counts)
    assert row.labels.purity == 70 / 80 and row.labels.coverage == 0.8
    assert row.small.purity == 0.5 and row.small.recall == 0.5
    assert row.miou == pytest.approx((60 / 80 + 10 / 30) / 2)
    assert next(table([row])) == {
        'variant': 'x', 'proposals purity': 50.0, 'proposals coverage': 50.0,
        'labels purity': 87.5, 'labels coverage': 80.0, 'small purity': 50.0,
        'small recall': 50.0, 'labels mIoU': 54.17}


def test_variants_change_one_thing_and_stay_valid() -> None:
    """Whatever the radii are, the least stays below the most; names differ."""
    for masks in (MaskConfig(), MaskConfig(least_deg=1.0, most_deg=1.0), MaskConfig(hull=False)):
        found = variants(masks)
        assert len({v.name for v in found}) == len(found) and found[0].masks == masks
        assert all(v.masks != masks or not v.grow or v is found[0] for v in found)
    assert variants(MaskConfig(hull=False))[1].name == 'hull on'


def test_parts_that_do_not_belong_together_are_refused() -> None:
    """A truth of another size, a cloud without truth: the values are named."""
    one = np.zeros(1, np.float32)
    none, none3 = np.zeros(0, np.float32), np.zeros((0, 3), np.float32)
    cloud = Cloud(7, 'lidar', one, one, one, label=np.zeros(1, np.uint8))
    proposals = Proposals(7, 'lidar', np.zeros(1, np.int32), np.zeros(0, np.int32), none3, none3,
                          none3, none, none, '')
    camera = Camera('eye', 6, 4, np.array([[5.0, 0, 3], [0, 5, 2], [0, 0, 1]]))
    view = View('front', Image(np.zeros((4, 6, 3), np.uint8), 7, 'eye'), camera, np.eye(4))
    Shot(cloud, proposals, view, np.zeros((4, 6), np.uint8))
    with pytest.raises(ValueError, match=r'truth of \(6, 4\) pixels for an image of \(4, 6\)'):
        Shot(cloud, proposals, view, np.zeros((6, 4), np.uint8))
    with pytest.raises(ValueError, match="'lidar' at 7 ns: its points carry no true classes"):
        Shot(replace(cloud, label=None), proposals, view, np.zeros((4, 6), np.uint8))
