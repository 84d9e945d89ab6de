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

"""Ego motion within a sweep: which moment a cloud stands for, and de-skewing."""

from __future__ import annotations

from dataclasses import replace

from dseg_ros.geometry.rigid import invert, poses_at
from dseg_ros.types import Cloud
from numba import njit
import numpy as np
from numpy.typing import NDArray

SWEEP_SHIFT = {'start': 0.5, 'middle': 0.0, 'end': -0.5}
"""Convention of the header stamp -> shift to the middle of the sweep, in sweeps."""

STEPS = 32  # poses per sweep between which points are interpolated linearly


def sweep_middle_ns(cloud: Cloud, convention: str, sweep_ms: float) -> int:
    """
    Find the middle of a sweep, which is what images are paired with.

    :param cloud: its per-point times decide where it has them.
    :param convention: what the header stamp marks: a key of SWEEP_SHIFT.
    :param sweep_ms: duration of a sweep [ms].
    :returns: stamp [ns].
    :raises ValueError: for an unknown convention.
    """
    if convention not in SWEEP_SHIFT:
        raise ValueError(f'LiDAR stamp {convention!r} is not one of {sorted(SWEEP_SHIFT)}')
    if cloud.time_s is not None and len(cloud):
        return cloud.stamp_ns + int(
            (float(cloud.time_s.min()) + float(cloud.time_s.max())) * 0.5e9)
    return cloud.stamp_ns + int(SWEEP_SHIFT[convention] * sweep_ms * 1e6)


@njit(nogil=True, cache=True, inline='always')
def _row(pose, row, x, y, z):  # type: ignore[no-untyped-def]
    return pose[row, 0] * x + pose[row, 1] * y + pose[row, 2] * z + pose[row, 3]


@njit(nogil=True, cache=True)
def _move(x, y, z, position, poses, out):  # type: ignore[no-untyped-def]
    """Apply to each point the pose at its position, blended from the two around it."""
    last = poses.shape[0] - 1
    for i in range(x.shape[0]):
        step = min(max(position[i], 0.0), float(last))
        a = min(int(step), last - 1)
        w = step - a
        for row in range(3):
            out[row, i] = ((1 - w) * _row(poses[a], row, x[i], y[i], z[i])
                           + w * _row(poses[a + 1], row, x[i], y[i], z[i]))


def deskew(cloud: Cloud, stamps_ns: NDArray[np.int64], fixed_T_lidar: NDArray[np.float64],
           target_ns: int | None = None) -> Cloud:
    """
    Move every point to where it is at one moment, by its own time and the ego motion.

    :param cloud: with per-point times.
    :param stamps_ns: (K,) rising, K >= 2; points outside take the nearest pose.
    :param fixed_T_lidar: (K, 4, 4), poses of the LiDAR at these stamps.
    :param target_ns: the moment; the cloud's header stamp if not given.
    :returns: the cloud in the LiDAR frame at target_ns, stamped so, without per-point times.
    :raises ValueError: for a cloud without times, or poses that do not rise in time.
    """
    if cloud.time_s is None:
        raise ValueError(f'cloud {cloud.frame!r} has no per-point time to de-skew it by')
    if len(stamps_ns) < 2 or np.any(np.diff(stamps_ns) <= 0):
        raise ValueError(f'pose stamps {list(stamps_ns)} are not rising')
    target = cloud.stamp_ns if target_ns is None else target_ns
    grid_ns = np.linspace(stamps_ns[0], stamps_ns[-1], STEPS + 1).astype(np.int64)
    fixed_T_then = poses_at(stamps_ns, fixed_T_lidar, np.append(grid_ns, target))
    poses = invert(fixed_T_then[-1]) @ fixed_T_then[:-1]
    # In seconds from the header stamp, where float32 keeps nanoseconds apart well enough.
    start_s = (int(stamps_ns[0]) - cloud.stamp_ns) * 1e-9
    step_s = (int(stamps_ns[-1]) - int(stamps_ns[0])) * 1e-9 / STEPS
    out = np.empty((3, len(cloud)), np.float32)
    _move(cloud.x, cloud.y, cloud.z, (cloud.time_s.astype(np.float64) - start_s) / step_s, poses,
          out)
    return replace(cloud, stamp_ns=target, x=out[0], y=out[1], z=out[2], time_s=None)
