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

"""Scores of partial labels: with what is unlabelled as an error, and without it."""

from dseg_ros.evaluation.metrics import evaluate
from dseg_ros.evaluation.pseudo_labels import coverage, labelled_only
import numpy as np
import pytest


def test_unlabelled_pixels_are_errors_or_left_out() -> None:
    """Two clusters that are right wherever they say something, on half of the pixels."""
    counts = np.array([[30, 0, 0], [0, 20, 0], [30, 20, 0]])
    assert coverage(counts) == pytest.approx(0.5)
    assert evaluate(counts).strict.miou == pytest.approx(0.5)
    assert labelled_only(counts).strict.miou == labelled_only(counts).strict.accuracy == 1
    assert counts[-1].sum() == 50, 'the counts were changed'


def test_without_truth_nothing_is_covered() -> None:
    """No number is invented."""
    assert np.isnan(coverage(np.zeros((3, 2), np.int64)))
