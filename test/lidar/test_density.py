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

"""Clusters by density."""

from dseg_ros.config.lidar import ClusteringConfig
from dseg_ros.lidar.density import density_clusters, draw_near, voxel_of_points
from hypothesis import given, settings, strategies as st
import numpy as np


@given(st.integers(0, 2**32 - 1), st.integers(1, 80))
@settings(max_examples=50, deadline=None)
def test_points_share_a_voxel_iff_they_share_a_cell(seed, n):
    """Against cells compared one by one."""
    xyz = np.random.default_rng(seed).uniform(-2, 2, (n, 3)).astype(np.float32)
    first, voxel = voxel_of_points(xyz, 0.8)
    cell = np.floor((xyz - xyz.min(axis=0)) / np.float32(0.8)).astype(int)
    same_cell = (cell[:, None] == cell[None]).all(axis=2)
    np.testing.assert_array_equal(voxel[:, None] == voxel[None], same_cell)
    np.testing.assert_array_equal(voxel[first], np.arange(len(first)))


def test_blobs_are_told_apart_and_strays_left_out():
    """Two blobs a metre apart, one point alone."""
    rng = np.random.default_rng(0)
    blobs = np.concatenate([rng.uniform(0, 1, (300, 3)), rng.uniform(0, 1, (300, 3)) + [2, 0, 0],
                            [[9, 9, 9]]])
    label = density_clusters(blobs.astype(np.float32), ClusteringConfig())
    assert len(set(label[:300])) == len(set(label[300:600])) == 1
    assert label[0] != label[300] and label[600] == -1


def test_far_points_are_drawn_near_in_their_direction():
    """Nothing changes within the dense range."""
    xyz = np.array([[10, 0, 1], [0, 60, 3]], np.float32)
    near = draw_near(xyz, 15.0)
    np.testing.assert_array_equal(near[0], xyz[0])
    np.testing.assert_allclose(near[1], xyz[1] * 4 ** -0.2, rtol=1e-6)


def test_nothing_has_no_clusters():
    """An empty cloud."""
    assert len(density_clusters(np.zeros((0, 3), np.float32), ClusteringConfig())) == 0
