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

"""Masks lifted from images to points."""

from __future__ import annotations

from dseg_ros.geometry import CalibrationError, label_points, see, Seen
from dseg_ros.types import Camera, Cloud, LabelMap, UNLABELLED
import numpy as np
import pytest


def test_points_take_the_label_of_their_pixel() -> None:
    """A point ahead is labelled, one behind the camera and one that is hidden are not."""
    camera = Camera('camera', 100, 80, np.array([[50.0, 0, 50], [0, 50, 40], [0, 0, 1]]))
    cloud = Cloud(0, 'camera', *np.array([
        [1, -0.04, 0, 0, 0.04], [0, -0.04, 0, 0, -0.04], [5, 2, -5, 20, 2]], np.float32))
    ids = np.zeros((80, 100), np.uint8)
    ids[40, 60] = 1
    labels = LabelMap(ids, np.full((80, 100), 77, np.uint8))
    found, confidence = label_points(5, [see(cloud, camera, np.eye(4), labels)])
    assert found.tolist() == [1, 0, UNLABELLED, UNLABELLED, 0]
    assert confidence.tolist() == [77, 77, 0, 0, 77]


def test_a_calibration_of_another_size_is_refused() -> None:
    """A camera that is calibrated for another image labels nothing."""
    camera = Camera('camera', 100, 80, np.diag([50.0, 50.0, 1.0]))
    labels = LabelMap(np.zeros((40, 50), np.uint8), np.zeros((40, 50), np.uint8))
    with pytest.raises(CalibrationError, match='50x40.*100x80'):
        see(Cloud(0, 'x', *np.ones((3, 1), np.float32)), camera, np.eye(4), labels)


def test_the_surest_camera_is_believed() -> None:
    """Where two cameras see a point the one with more confidence decides."""
    def seen(label: int, confidence: int) -> Seen:
        mask = LabelMap(np.full((1, 1), label, np.uint8), np.full((1, 1), confidence, np.uint8))
        return Seen(mask, np.zeros(1, np.int32), np.zeros(1, np.float32), np.zeros(1, np.float32))

    for order in ((seen(3, 90), seen(4, 200)), (seen(4, 200), seen(3, 90))):
        ids, confidence = label_points(1, order)
        assert (ids[0], confidence[0]) == (4, 200)
