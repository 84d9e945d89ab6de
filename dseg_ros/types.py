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

"""The values that stages exchange: frozen, array-backed, knowing neither ROS nor torch."""

# flake8: noqa: A005  (inside the package this name shadows nothing)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNLABELLED = 255
"""Pixel or point value that carries no label, in masks and in partial labels."""

DISTORTION_MODELS = {'plumb_bob': (0, 4, 5), 'rational_polynomial': (8, 12, 14),
                     'equidistant': (0, 4)}
"""Camera models with the numbers of distortion coefficients that each one takes."""


@dataclass(frozen=True, eq=False)
class Camera:
    """
    A calibrated camera, as in sensor_msgs/CameraInfo, for the image as recorded.

    :param frame: optical frame (x right, y down, z forward; REP-103).
    :param width: image width [px].
    :param height: image height [px].
    :param intrinsics: (3, 3) float64, K [px].
    :param distortion: (D,) float64, D as in DISTORTION_MODELS.
    :param model: a key of DISTORTION_MODELS.
    :raises ValueError: for a size, shape or model that cannot be.
    """

    frame: str
    width: int
    height: int
    intrinsics: NDArray[np.float64]
    distortion: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    model: str = 'plumb_bob'

    def __post_init__(self) -> None:
        """Reject a camera that cannot be."""
        if self.width <= 0 or self.height <= 0:
            raise ValueError(f'camera {self.frame!r}: image size {self.width}x{self.height} px')
        if self.intrinsics.shape != (3, 3):
            raise ValueError(
                f'camera {self.frame!r}: intrinsics are {self.intrinsics.shape}, not (3, 3)')
        for name in ('intrinsics', 'distortion'):
            if not np.isfinite(values := getattr(self, name)).all():
                raise ValueError(f'camera {self.frame!r}: {name} {values.tolist()} are not finite')
        if self.intrinsics[2].tolist() != [0, 0, 1]:
            raise ValueError(f'camera {self.frame!r}: the last row of the intrinsics is '
                             f'{self.intrinsics[2].tolist()}, not [0, 0, 1]')
        if not (self.intrinsics[0, 0] > 0 and self.intrinsics[1, 1] > 0):
            raise ValueError(
                f'camera {self.frame!r}: focal lengths {self.intrinsics[0, 0]}, '
                f'{self.intrinsics[1, 1]} px; is it calibrated?')
        if self.model not in DISTORTION_MODELS:
            raise ValueError(f'camera {self.frame!r}: unknown distortion model {self.model!r}, '
                             f'known are {sorted(DISTORTION_MODELS)}')
        if len(self.distortion) not in DISTORTION_MODELS[self.model]:
            raise ValueError(
                f'camera {self.frame!r}: {len(self.distortion)} distortion coefficients, '
                f'{self.model} takes one of {DISTORTION_MODELS[self.model]}')


@dataclass(frozen=True, eq=False)
class Image:
    """
    A decoded camera image.

    :param rgb: (H, W, 3) uint8.
    :param stamp_ns: time of exposure [ns].
    :param frame: optical frame of its camera.
    """

    rgb: NDArray[np.uint8]
    stamp_ns: int
    frame: str

    def __post_init__(self) -> None:
        """Reject an image that is not (H, W, 3) uint8 with at least one pixel."""
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8:
            raise ValueError(f'image {self.frame!r}: {self.rgb.shape} {self.rgb.dtype}, '
                             'not (H, W, 3) uint8')
        if self.rgb.size == 0:
            raise ValueError(f'image {self.frame!r}: size {self.rgb.shape[1]}x'
                             f'{self.rgb.shape[0]} px')


@dataclass(frozen=True, eq=False)
class Cloud:
    """
    One LiDAR sweep; finite points only; row i of every array belongs to point i.

    :param stamp_ns: header stamp [ns].
    :param frame: LiDAR frame.
    :param x: (N,) float32 [m].
    :param y: (N,) float32 [m].
    :param z: (N,) float32 [m].
    :param intensity: (N,) float32 in the sensor's own units, or None.
    :param ring: (N,) uint16 beam index, or None.
    :param time_s: (N,) float32, time of the point relative to stamp_ns [s], or None.
    :param label: (N,) uint8 ground-truth class (simulated drives only), or None.
    :raises ValueError: if the arrays differ in length.
    """

    stamp_ns: int
    frame: str
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    z: NDArray[np.float32]
    intensity: NDArray[np.float32] | None = None
    ring: NDArray[np.uint16] | None = None
    time_s: NDArray[np.float32] | None = None
    label: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        """Reject arrays that are not aligned."""
        for name, array in self.arrays().items():
            if array.shape != (len(self.x),):
                raise ValueError(f'cloud {self.frame!r}: {name} is {array.shape}, '
                                 f'not ({len(self.x)},)')

    def __len__(self) -> int:
        """Count the points."""
        return len(self.x)

    @property
    def xyz(self) -> NDArray[np.float32]:
        """Points as one (N, 3) float32 copy [m]."""
        return np.stack([self.x, self.y, self.z], axis=1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Per-point arrays by name, those that are present."""
        return {f.name: getattr(self, f.name) for f in fields(self)
                if f.name not in ('stamp_ns', 'frame') and getattr(self, f.name) is not None}

    def select(self, rows: NDArray[Any]) -> Cloud:
        """
        Take some of the points.

        :param rows: (M,) indices or (N,) bool.
        :returns: the cloud of these points, every array still aligned.
        """
        return replace(self, **{name: a[rows] for name, a in self.arrays().items()})


@dataclass(frozen=True, eq=False)
class View:
    """
    One camera's part of a frame.

    :param name: the camera's name in the configuration ('front').
    :param image: what it saw.
    :param camera: its calibration.
    :param camera_T_lidar: (4, 4) float64, LiDAR frame at the cloud's stamp to the camera frame
        at the image's stamp: extrinsics and ego motion together.
    :param ego_motion_known: False if camera_T_lidar holds the static extrinsics alone.
    """

    name: str
    image: Image
    camera: Camera
    camera_T_lidar: NDArray[np.float64]
    ego_motion_known: bool = True


@dataclass(frozen=True, eq=False)
class Frame:
    """A cloud with the images that belong to it."""

    cloud: Cloud
    views: tuple[View, ...]


@dataclass(frozen=True, eq=False)
class Proposals:
    """
    The 3D object proposals of one cloud (Drive&Segment, section 3.1).

    :param stamp_ns: stamp of the cloud [ns].
    :param frame: frame of the cloud.
    :param point_ids: (N,) int32 per point: NOISE (-1), GROUND (0) or a proposal 1..M.
    :param count: (M,) int32 points per proposal.
    :param centroid_m: (M, 3) float32, mean of the points.
    :param box_centre_m: (M, 3) float32.
    :param box_size_m: (M, 3) float32, length, width, height; length >= width.
    :param box_yaw_rad: (M,) float32 about +z, in (-pi/2, pi/2].
    :param range_m: (M,) float32, mean range of the points.
    :param method: how they were found ('depth_clustering', 'dbscan').
    """

    NOISE = -1
    GROUND = 0

    stamp_ns: int
    frame: str
    point_ids: NDArray[np.int32]
    count: NDArray[np.int32]
    centroid_m: NDArray[np.float32]
    box_centre_m: NDArray[np.float32]
    box_size_m: NDArray[np.float32]
    box_yaw_rad: NDArray[np.float32]
    range_m: NDArray[np.float32]
    method: str

    def __len__(self) -> int:
        """Count the proposals (ground is none)."""
        return len(self.count)


@dataclass(frozen=True, eq=False)
class LabelMap:
    """
    A semantic mask.

    :param ids: (H, W) uint8 class ids, UNLABELLED where unknown.
    :param confidence: (H, W) uint8, 0..255 for probability 0..1.
    """

    ids: NDArray[np.uint8]
    confidence: NDArray[np.uint8]


@dataclass(frozen=True)
class Dropped:
    """What was left out, counted by reason; nothing is dropped without one."""

    counts: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Dropped) -> Dropped:
        """Sum by reason."""
        reasons = {**self.counts, **other.counts}
        return Dropped({r: self.counts.get(r, 0) + other.counts.get(r, 0) for r in reasons})

    @property
    def total(self) -> int:
        """Everything that was dropped, for whatever reason."""
        return sum(self.counts.values())
