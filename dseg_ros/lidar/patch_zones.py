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

"""The patches of the concentric zone model (Lim et al., Patchwork, RA-L 2021)."""

from __future__ import annotations

from dataclasses import dataclass
import math

from dseg_ros.config.lidar import GroundConfig
from numba import njit
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_SECTORS = (16, 32, 54, 32)
_RINGS = (2, 4, 4, 4)
_CELL_M = np.float32(0.02)
"""Step of the table from distance to ring [m]."""

_PER_CELL = np.float32(1 / _CELL_M)


@dataclass(frozen=True, eq=False)
class Zones:
    """
    The patches: patch = first[ring] + floor(turn * sectors[ring]).

    :param ring_at: (D,) int32 by distance in steps of _CELL_M, the last entry for all beyond:
        first patch of the ring * 256 + its sectors.
    :param first: (R,) int32, first patch of each ring; rings from the inside out.
    :param sectors: (R,) int32.
    :param middle_m: (R,) float64, middle of each ring [m].
    """

    ring_at: Ints
    first: Ints
    sectors: Ints
    middle_m: NDArray[np.float64]

    @property
    def patches(self) -> int:
        """Count the patches."""
        return int(self.first[-1] + self.sectors[-1])


def make_zones(config: GroundConfig) -> Zones:
    """Lay out the four zones of Patchwork++ between the configured distances."""
    low, high = config.min_range_m, config.max_range_m
    starts = [low, (7 * low + high) / 8, (3 * low + high) / 4, (low + high) / 2, high]
    edges = np.concatenate([np.linspace(a, b, n, endpoint=False)
                            for a, b, n in zip(starts, starts[1:], _RINGS)])
    sectors = np.repeat(_SECTORS, _RINGS).astype(np.int32)
    distance = (np.arange(math.ceil(high / _CELL_M) + 1) + 0.5) * _CELL_M
    ring_at = np.clip(np.searchsorted(edges, distance) - 1, 0, len(sectors) - 1)
    first = np.concatenate([[0], np.cumsum(sectors)[:-1]])
    packed = first[ring_at] * 256 + sectors[ring_at]
    middle = (edges + np.append(edges[1:], high)) / 2
    return Zones(packed.astype(np.int32), first.astype(np.int32), sectors, middle)


@njit(nogil=True, cache=True, error_model='numpy')
def assign_patches(turn: Floats, rho_m: Floats, ring_at: Ints, patch: Ints,
                   count: Ints) -> None:
    """
    Give every point its patch and count the points of each.

    :param ring_at: of the zones.
    :param patch: (N,) out.
    :param count: (P,) out.
    """
    count[:] = 0
    last = np.int32(len(ring_at) - 1)
    for i in range(len(turn)):
        cell = np.int32(rho_m[i] * _PER_CELL)
        ring = ring_at[cell if cell < last else last]
        sectors = np.float32(ring & np.int32(255))
        patch[i] = (ring >> np.int32(8)) + np.int32(turn[i] * sectors)
    # neighbours mostly share a patch: two tallies need not wait for each other
    other = np.zeros_like(count)
    even = len(turn) // 2 * 2
    for i in range(0, even, 2):
        count[patch[i]] += 1
        other[patch[i + 1]] += 1
    if even < len(turn):
        count[patch[even]] += 1
    for p in range(len(count)):
        count[p] += other[p]


@njit(nogil=True, cache=True, error_model='numpy')
def sort_by_patch(x: Floats, y: Floats, z: Floats, patch: Ints, count: Ints, start: Ints,
                  points: Floats) -> None:
    """
    Gather the points of each patch: a counting sort.

    :param start: (P + 1,) out: patch p holds rows start[p]..start[p + 1] of the sorted arrays.
    :param points: (3, N) out: sorted x, y, z.
    """
    start[0] = 0
    for p in range(len(count)):
        start[p + 1] = start[p] + count[p]
    for i in range(len(x)):
        p = patch[i]
        k = start[p]
        start[p] = k + 1
        points[0, k] = x[i]
        points[1, k] = y[i]
        points[2, k] = z[i]
    for p in range(len(count), 0, -1):
        start[p] = start[p - 1]
    start[0] = 0
