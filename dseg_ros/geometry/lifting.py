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

"""Masks lifted from images to the points that the images show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dseg_ros.geometry.camera_model import check_size, project_xyz
from dseg_ros.geometry.raster import hidden
from dseg_ros.types import Camera, Cloud, LabelMap, UNLABELLED
from numba import njit
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Seen:
    """
    What one camera says about the points of a cloud.

    :param labels: its mask.
    :param rows: (M,) int32, the points that it sees.
    :param u_px: (M,) float32, where it sees them.
    :param v_px: (M,) float32, where it sees them.
    """

    labels: LabelMap
    rows: NDArray[np.int32]
    u_px: NDArray[np.float32]
    v_px: NDArray[np.float32]


def see(cloud: Cloud, camera: Camera, camera_T_lidar: NDArray[np.float64],
        labels: LabelMap) -> Seen:
    """
    Find the pixels of a cloud's points in a mask, of those that the camera can see.

    :param cloud: N points.
    :param camera: the camera of the mask.
    :param camera_T_lidar: (4, 4), as in types.View.
    :param labels: the mask, of the camera's size.
    :raises CalibrationError: if the camera is calibrated for another size.
    """
    height, width = labels.ids.shape
    check_size(camera, width, height, camera.frame)
    where = project_xyz(cloud.x, cloud.y, cloud.z, camera, camera_T_lidar)
    keep = ~hidden(where, camera)
    return Seen(labels, where.rows[keep], where.u_px[keep], where.v_px[keep])


def label_points(count: int, views: Sequence[Seen]
                 ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """
    Carry masks to points; where several cameras see a point the surest one is believed.

    :param count: N, number of points.
    :param views: one per camera.
    :returns: class ids (N,) uint8, UNLABELLED where no camera sees the point, and confidence
        (N,) uint8.
    """
    ids = np.full(count, UNLABELLED, np.uint8)
    confidence = np.zeros(count, np.uint8)
    for view in views:
        _carry(view.rows, view.u_px, view.v_px, view.labels.ids, view.labels.confidence, ids,
               confidence)
    return ids, confidence


@njit(nogil=True, cache=True)
def _carry(rows, u_px, v_px, mask, sure, ids, confidence):  # type: ignore[no-untyped-def]
    for k in range(len(rows)):
        i = rows[k]
        row, column = int(v_px[k] + 0.5), int(u_px[k] + 0.5)
        if ids[i] == UNLABELLED or sure[row, column] > confidence[i]:
            ids[i], confidence[i] = mask[row, column], sure[row, column]
