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

"""Clusters by the angle criterion against breadth-first search, and numbers against counting."""

import math

from dseg_ros.lidar.clustering import label_points, number_clusters, unite_pixels
from hypothesis import given, settings, strategies as st
import numpy as np

SEEDS = st.integers(0, 2**32 - 1)
SLOW = settings(max_examples=150, deadline=None)
TAN = math.tan(math.radians(10))


def beta_deg(range1_m, range2_m, angle_rad):
    """Compute the angle between the line through two returns and the farther beam [deg]."""
    far, near = max(range1_m, range2_m), min(range1_m, range2_m)
    return math.degrees(math.atan2(near * math.sin(angle_rad), far - near * math.cos(angle_rad)))


def neighbours(image, row_angle, column_angle, gap):
    """Yield all pairs of pixels that the criterion is asked about, with their angle."""
    rows, columns = image.shape
    for r in range(rows):
        for c in range(columns):
            if image[r, c] <= 0:
                continue
            if r > 0 and image[r - 1, c] > 0:
                yield (r, c), (r - 1, c), row_angle[r]
            for k in range(1, min(gap + 1, columns - 1) + 1):
                left = (c - k) % columns
                if image[r, left] > 0:
                    yield (r, c), (r, left), column_angle[r] * k
                if image[r, left] != 0:
                    break


def searched(image, row_angle, column_angle, gap):
    """Label connected pixels breadth first; also tell how close any decision was [deg]."""
    joined, closest = {}, 90.0
    for p, q, angle in neighbours(image, row_angle, column_angle, gap):
        beta = beta_deg(image[p], image[q], angle)
        closest = min(closest, abs(beta - 10))
        if beta > 10:
            joined.setdefault(p, []).append(q)
            joined.setdefault(q, []).append(p)
    label, count = np.zeros(image.shape, int), 0
    for pixel in zip(*np.nonzero(image > 0)):
        if label[pixel]:
            continue
        count += 1
        queue = [pixel]
        label[pixel] = count
        while queue:
            for other in joined.get(queue.pop(0), []):
                if not label[other]:
                    label[other] = count
                    queue.append(other)
    return label, closest


@given(SEEDS, st.integers(2, 6), st.integers(4, 12), st.integers(0, 2))
@SLOW
def test_union_find_agrees_with_breadth_first_search(seed, rows, columns, gap):
    """The same partition of any image, around the wrap, over empty but not over ground pixels."""
    rng = np.random.default_rng(seed)
    image = rng.choice(np.array([5, 5.3, 6, 9], np.float32), (rows, columns))
    image += rng.normal(0, 0.02, image.shape).astype(np.float32)
    image[rng.random(image.shape) < 0.2] = 0
    image[rng.random(image.shape) < 0.1] = -1
    row_angle = rng.uniform(0.005, 0.02, rows).astype(np.float32)
    column_angle = np.full(rows, 0.01, np.float32)
    parent = np.zeros(image.size, np.int32)
    unite_pixels(image, row_angle, column_angle, gap, TAN, parent)
    label, closest = searched(image, row_angle, column_angle, gap)
    if closest < 1e-3:
        return
    valid = image.reshape(-1) > 0
    pairs = set(zip(parent[valid].tolist(), label.reshape(-1)[valid].tolist()))
    assert len(pairs) == len({p for p, _ in pairs}) == len({q for _, q in pairs})
    roots = parent[valid]
    assert (parent[roots] == roots).all()


def test_points_behind_a_pixel_join_a_neighbour():
    """Two points share a pixel; the farther one belongs to the wall beside it."""
    image = np.array([[10.0, 5.0, 10.0, 10.0]], np.float32)
    parent = np.array([0, 1, 2, 2], np.int32)
    pixel = np.array([0, 1, 1, 1, 3, -1], np.int32)
    range_m = np.array([10, 5, 10.01, 7, 10, 10], np.float32)
    ground = np.array([False, False, False, False, True, False])
    root, size = np.zeros(6, np.int32), np.zeros(4, np.int32)
    row = np.zeros(6, np.int16)
    label_points(image, pixel, row, range_m, ground, np.array([0.01], np.float32), TAN, parent,
                 root, size)
    assert root.tolist() == [0, 1, 0, -1, -1, -1]
    assert size.tolist() == [2, 1, 0, 0]


@given(SEEDS, st.integers(0, 60), st.integers(1, 4), st.integers(4, 9))
@SLOW
def test_numbers_go_to_clusters_of_a_right_size(seed, n, least, most):
    """From 1, in the order of the points; 0 is ground, -1 is everything else."""
    rng = np.random.default_rng(seed)
    root = rng.integers(-1, 9, n).astype(np.int32)
    ground = (root < 0) & (rng.random(n) < 0.5)
    size = np.bincount(root[root >= 0], minlength=9).astype(np.int32)
    kept = [k for k in dict.fromkeys(root.tolist()) if k >= 0 and least <= size[k] <= most]
    expected = [kept.index(k) + 1 if k in kept else (0 if g else -1)
                for k, g in zip(root.tolist(), ground.tolist())]
    ids = np.zeros(n, np.int32)
    count = number_clusters(root, ground, size, least, most, -1, ids)
    assert count == len(kept) and ids.tolist() == expected
