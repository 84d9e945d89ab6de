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

"""The metric of proposals, on cases that can be counted by hand."""

from dseg_ros.evaluation.proposal_quality import ground_iou, object_coverage
import numpy as np
import pytest


def test_ground_iou_counts_points():
    """Two of three found, one of two wrong classes."""
    found = np.array([0, 0, 0, 1, -1, 0], np.int32)
    label = np.array([0, 1, 13, 13, 9, 2], np.uint8)
    assert ground_iou(found, label) == pytest.approx(2 / 5)
    assert np.isnan(ground_iou(np.array([1], np.int32), np.array([13], np.uint8)))


def test_every_object_takes_its_best_proposal():
    """Split, whole, merged, missed and too small."""
    split = [(1, 6, 60), (1, 7, 40)]
    whole = [(2, 8, 90), (2, -1, 10)]
    merged = [(3, 9, 50), (4, 9, 150)]
    missed = [(5, 0, 80)]
    small = [(6, 10, 49)]
    rows = split + whole + merged + missed + small + [(0, 0, 500), (0, 8, 20)]
    instance = np.concatenate([np.full(n, i) for i, _, n in rows]).astype(np.uint16)
    found = np.concatenate([np.full(n, p) for _, p, n in rows]).astype(np.int32)
    coverage = object_coverage(found, instance, 50)
    assert coverage.instance.tolist() == [1, 2, 3, 4, 5]
    assert coverage.points.tolist() == [100, 100, 50, 150, 80]
    np.testing.assert_allclose(coverage.iou, [0.6, 90 / 120, 0.25, 0.75, 0])
    assert coverage.share() == 0.6
    assert coverage.share(0.7) == pytest.approx(0.4)


def test_nothing_to_find_is_no_share():
    """Ground alone."""
    coverage = object_coverage(np.zeros(9, np.int32), np.zeros(9, np.uint16))
    assert len(coverage.iou) == 0 and np.isnan(coverage.share())


def test_arrays_of_different_lengths_are_refused():
    """Both lengths are named."""
    with pytest.raises(ValueError, match='3.*4'):
        object_coverage(np.zeros(3, np.int32), np.zeros(4, np.uint16))
    with pytest.raises(ValueError, match='3.*4'):
        ground_iou(np.zeros(3, np.int32), np.zeros(4, np.uint8))
