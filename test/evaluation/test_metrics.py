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

"""Matching and scores, against cases that can be counted by hand."""

from dseg_ros.evaluation.metrics import (
    confusion, evaluate, hungarian, majority, score, UNMATCHED)
from dseg_ros.types import UNLABELLED
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest


def test_confusion_counts_pixels_by_cluster_and_class() -> None:
    """Unlabelled truth is left out, unlabelled predictions have a row of their own."""
    truth = np.array([[0, 0, 1], [1, UNLABELLED, 1]], np.uint8)
    predicted = np.array([[2, 0, 1], [1, 1, UNLABELLED]], np.uint8)
    counts = confusion(predicted, truth, 3, 2)
    assert counts.tolist() == [[1, 0], [0, 2], [1, 0], [0, 1]]


def test_confusion_rejects_what_does_not_fit() -> None:
    """Other sizes and unknown classes are errors that name the value."""
    with pytest.raises(ValueError, match=r'\(2, 2\).*\(2, 3\)'):
        confusion(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 2, 2)
    with pytest.raises(ValueError, match='class 7'):
        confusion(np.zeros((1, 2), np.uint8), np.array([[0, 7]], np.uint8), 2, 2)


def test_perfect_prediction_under_other_names_scores_one() -> None:
    """A permutation of the class ids is found."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 5, (40, 50)).astype(np.uint8)
    renamed = np.array([3, 0, 4, 2, 1], np.uint8)[truth]
    scores = evaluate(confusion(renamed, truth, 5, 5))
    for one in (scores.strict, scores.dropped, scores.many_to_one):
        assert one.miou == 1.0 and one.accuracy == 1.0
    assert renamed[truth == 2][0] == np.flatnonzero(scores.strict.matching == 2)[0]


def test_the_three_ways_differ_on_a_split_class() -> None:
    """A class split over two clusters costs strictly, not when dropped or many-to-one."""
    counts = np.array([[60, 0], [40, 0], [0, 100], [0, 0]])
    scores = evaluate(counts)
    assert scores.strict.matching.tolist() == [0, UNMATCHED, 1]
    assert scores.strict.iou.tolist() == [0.6, 1.0]
    assert scores.strict.accuracy == pytest.approx(0.8)
    assert scores.dropped.iou.tolist() == [1.0, 1.0]
    assert scores.many_to_one.iou.tolist() == [1.0, 1.0]
    assert scores.many_to_one.accuracy == 1.0


def test_false_positives_lower_the_iou() -> None:
    """Count by hand: hit / (predicted + true - hit)."""
    counts = np.array([[8, 4], [2, 6], [0, 2]])
    one = score(counts, np.array([0, 1]))
    assert one.iou.tolist() == [8 / (12 + 10 - 8), 6 / (8 + 12 - 6)]
    assert one.accuracy == 14 / 22


def test_hungarian_prefers_overlap_over_size() -> None:
    """A greedy choice by pixels would take the large class for the wrong cluster."""
    counts = np.array([[1000, 900], [100, 0], [0, 0]])
    assert hungarian(counts).tolist() == [1, 0]
    assert majority(counts).tolist() == [0, 0]


def test_without_a_common_pixel_there_is_no_match() -> None:
    """More classes than clusters: the left-over cluster gets none of the absent ones."""
    counts = np.array([[75, 0, 0], [25, 0, 0], [0, 0, 0]])
    scores = evaluate(counts)
    assert scores.strict.matching.tolist() == [0, UNMATCHED]
    assert scores.strict.iou[0] == scores.strict.accuracy == 0.75
    assert scores.dropped.miou == 1.0


def test_absent_classes_do_not_count() -> None:
    """The mean is over classes that the ground truth holds; none at all gives NaN."""
    counts = np.array([[10, 0, 0], [0, 0, 0]])
    assert evaluate(counts).strict.miou == 1.0
    assert np.isnan(evaluate(np.zeros((2, 3), np.int64)).strict.miou)


def test_summary_is_plain_and_names_classes() -> None:
    """The summary can be written as JSON; classes without ground truth are not in it."""
    counts = np.array([[50, 0, 0], [0, 25, 0], [0, 25, 0], [0, 0, 0]])
    summary = evaluate(counts).summary(['road', 'car', 'sky'])
    assert summary['strict'] == {'miou': 75.0, 'pixel_accuracy': 75.0,
                                 'iou': {'road': 100.0, 'car': 50.0}}


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_orders_that_always_hold(clusters: int, classes: int, seed: int) -> None:
    """Dropping never lowers pixel accuracy; many-to-one is the best assignment of pixels."""
    counts = np.random.default_rng(seed).integers(0, 50, (clusters + 1, classes))
    counts[-1] = 0
    scores = evaluate(counts)
    if counts.sum():
        assert scores.many_to_one.accuracy >= scores.strict.accuracy - 1e-12
        assert 0 <= scores.strict.miou <= 1
