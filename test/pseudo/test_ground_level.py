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

"""The level of the ground, on hills and beside kerbs."""

from dseg_ros.pseudo.ground_level import height_above_ground, step_up
import numpy as np
import pytest


def test_height_follows_a_hill() -> None:
    """Heights are over the ground nearby, not over the sensor."""
    x, y = np.meshgrid(np.arange(0, 60, 0.5), np.arange(-10, 10, 0.5))
    ground = np.stack([x.ravel(), y.ravel(), 0.1 * x.ravel()], axis=1)
    points = np.array([[10.0, 0, 2.0], [50.0, 0, 6.5]])
    assert height_above_ground(points, ground, 2.0) == pytest.approx([1.0, 1.5], abs=0.15)


def test_without_ground_the_lowest_point_stands_for_it() -> None:
    """No ground is no reason to fail."""
    points = np.array([[0.0, 0, 1.0], [0, 0, 3.0]])
    assert height_above_ground(points, np.zeros((0, 3)), 2.0).tolist() == [0.0, 2.0]


def test_a_pavement_is_a_step_up() -> None:
    """Cells beside a kerb of 12 cm lie 12 cm up, the road's none; a slope matters little."""
    x, y = np.meshgrid(np.arange(0, 30, 0.7), np.arange(-7, 7, 0.7))
    centre = np.stack([x.ravel(), y.ravel()], axis=1)
    pavement = np.abs(centre[:, 1]) > 4
    step = step_up(centre, 0.12 * pavement + 0.01 * centre[:, 0], 5.0)
    assert step[pavement].mean() == pytest.approx(0.16, abs=0.05)
    assert step[~pavement].mean() < 0.06
