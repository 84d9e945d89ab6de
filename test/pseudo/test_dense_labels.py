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

"""Dense labels: image edges, LiDAR and proposals correct a teacher; doubt stays unlabelled."""

from dataclasses import replace

from dseg_ros.config.student import RefineConfig
from dseg_ros.pseudo.dense_labels import dense_labels, segment_means
from dseg_ros.types import UNLABELLED
import numpy as np

PLAIN = RefineConfig(superpixels=0, lidar_share=0.0, proposals=False, threshold=0.0)
"""The teacher alone."""

H, W = 40, 60
RGB = np.zeros((H, W, 3), np.uint8)
RGB[:, W // 2:] = (200, 40, 40)
NO_LABEL = np.full((H, W), UNLABELLED, np.uint8)
NO_SEGMENT = np.full((H, W), -1, np.int32)


def teacher() -> np.ndarray:
    """Give class 1 left of the red half, 2 in it, the border guessed 6 px too far right."""
    p = np.full((H, W, 4), 0.1, np.float32)
    p[:, :W // 2 + 6, 1] = 0.7
    p[:, W // 2 + 6:, 2] = 0.7
    return p


def label(config: RefineConfig, p: np.ndarray | None = None, partial: np.ndarray = NO_LABEL,
          segments: np.ndarray = NO_SEGMENT) -> np.ndarray:
    """Refine with one class of ground."""
    return dense_labels(RGB, teacher() if p is None else p, partial, segments, 1, config)


def test_without_any_help_it_is_the_teacher() -> None:
    """Argmax, nothing else."""
    assert np.array_equal(label(PLAIN), teacher().argmax(2))


def test_superpixels_move_the_border_to_the_edge_of_the_image() -> None:
    """Six columns that the teacher got wrong follow the red."""
    labels = label(replace(PLAIN, superpixels=6, superpixel_share=1.0))
    assert (labels[:, :W // 2] == 1).all() and (labels[:, W // 2:] == 2).all()


def test_the_lidar_counts_against_the_teacher() -> None:
    """At 0.4 it wins where the teacher is unsure, not where the teacher is sure."""
    p = np.full((H, W, 4), 0.0, np.float32)
    p[..., 1], p[..., 2] = 0.55, 0.45
    p[:10, :, 1], p[:10, :, 2] = 0.95, 0.05
    partial = np.full((H, W), 2, np.uint8)
    labels = label(replace(PLAIN, lidar_share=0.4), p, partial)
    assert (labels[:10] == 1).all() and (labels[10:] == 2).all()


def test_a_proposal_takes_one_class() -> None:
    """Across the teacher's border, by the mean."""
    segments = NO_SEGMENT.copy()
    segments[10:20, 20:40] = 1                      # 16 columns of class 1, 4 of class 2
    labels = label(replace(PLAIN, proposals=True), segments=segments)
    assert (labels[10:20, 20:40] == 1).all() and (labels[30, 36:] == 2).all()


def test_ground_takes_classes_of_ground_alone() -> None:
    """Whatever the teacher says there."""
    segments = NO_SEGMENT.copy()
    segments[30:] = 0
    labels = label(replace(PLAIN, proposals=True), segments=segments)
    assert (labels[30:] == 0).all() and (labels[:30] != 0).all()


def test_doubt_stays_unlabelled() -> None:
    """Pixels below half of what their class reaches say nothing; other classes are not judged."""
    p = teacher() * 0.3                             # at most 0.21 for either class
    p[:20, :10, 1] = 0.9
    labels = label(replace(PLAIN, threshold=0.5, reach_percentile=100.0), p)
    assert (labels[:20, :10] == 1).all() and (labels[20:, :30] == UNLABELLED).all()
    assert (labels[:, 40:] == 2).all()


def test_inputs_are_left_alone() -> None:
    """The teacher's probabilities may be used again."""
    p = teacher()
    label(RefineConfig(superpixels=6), p, np.full((H, W), 2, np.uint8),
          np.ones((H, W), np.int32))
    assert np.array_equal(p, teacher())


def test_segment_means() -> None:
    """Each row becomes the mean of its segment; gaps in the numbering are fine."""
    values = np.array([[1, 0], [3, 0], [5, 7]], np.float32)
    assert segment_means(values, np.array([4, 4, 0])).tolist() == [[2, 0], [2, 0], [5, 7]]
    assert segment_means(values[:0], np.zeros(0, int)).shape == (0, 2)
