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

"""
What kind of LiDAR made a cloud: beams, rows and columns of its range image, from the data.

A sweep becomes an image when it has a spinning scan pattern: fixed beam elevations, turned about
one axis. The rows then are, in this order of trust, the rings that the driver numbered, the scans
that the points are stored in (KITTI stores beam after beam), or the beams seen in the histogram of
elevations. Merged or solid-state LiDARs have no such pattern: `derive_sensor` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dseg_ros.config.lidar import RangeImageConfig
from dseg_ros.lidar.beams import beam_contrast, beams_from_elevations
from dseg_ros.types import Cloud
import numpy as np
from numpy.typing import NDArray

MAX_RINGS = 512
"""More beams than any LiDAR on a vehicle has; a larger ring number is a broken field."""

SCAN_JUMP = 0.05
"""A step back of more turns than this begins the next scan."""

FAR_M = 10.0
"""Distance from which elevations are those of the beams."""

MIN_POINTS = 2000
"""Fewer points do not show a scan pattern."""

PRESETS_DEG: dict[str, NDArray[np.float64]] = {
    'vlp16': np.linspace(15.0, -15.0, 16),
    'hdl32': np.linspace(10.0, -30.0, 32),
    'hdl64': np.concatenate([np.linspace(2.0, -8.5, 32), np.linspace(-8.87, -24.87, 32)]),
}
"""Beam elevations from top to bottom [deg] (the public defaults of depth clustering)."""


@dataclass(frozen=True, eq=False)
class Sensor:
    """
    How the points of one spinning LiDAR fall into rows and columns.

    :param rows_from: 'ring', 'scan' (order of storage) or 'elevation'.
    :param elevation_rad: (R,) float64 per row, from top to bottom.
    :param row_of_beam: (B,) int16, row of each ring or scan; empty for 'elevation'.
    :param columns: of the range image, in one turn.
    :param scan_start: azimuth at which a scan begins [turns]; of 'scan' alone.
    :param clockwise: if scans are stored clockwise; of 'scan' alone.
    """

    rows_from: str
    elevation_rad: NDArray[np.float64]
    row_of_beam: NDArray[np.int16]
    columns: int
    scan_start: float = 0.0
    clockwise: bool = False

    @property
    def rows(self) -> int:
        """Count the rows."""
        return len(self.elevation_rad)

    def __str__(self) -> str:
        """Describe the sensor for a log."""
        high, low = np.degrees(self.elevation_rad[[0, -1]])
        return (f'{self.rows} rows by {self.rows_from} ({high:.1f}..{low:.1f} deg), '
                f'{self.columns} columns')


def check_rings(ring: NDArray[np.uint16]) -> None:
    """
    Reject ring numbers that no sensor has.

    :raises ValueError: naming the number.
    """
    worst = max(int(ring.max()), -int(ring.min()), key=abs) if len(ring) else 0
    if not 0 <= worst < MAX_RINGS:
        raise ValueError(f'ring {worst} is outside 0..{MAX_RINGS - 1}')


def derive_sensor(cloud: Cloud, turn: NDArray[np.float32], rho_m: NDArray[np.float32],
                  config: RangeImageConfig) -> Sensor | None:
    """
    Find out what made this cloud.

    :param turn: (N,) azimuth [turns].
    :param rho_m: (N,) distance from the z axis [m].
    :returns: the sensor, or None without a spinning scan pattern (or with too few points to
        tell): adjacent azimuths then do not repeat elevations, see `beams.beam_contrast`.
    """
    elevation = np.arctan2(cloud.z, rho_m).astype(np.float64)
    if config.sensor != 'auto':
        beams = np.radians(PRESETS_DEG[config.sensor])
        rows = np.abs(elevation[:, None] - beams).argmin(axis=1).astype(np.int16)
        return Sensor('elevation', beams, np.zeros(0, np.int16),
                      config.columns or native_columns(rows, turn))
    if len(cloud) < MIN_POINTS:
        return None
    if cloud.ring is not None:
        found = _from_numbered('ring', cloud.ring, elevation, rho_m, turn, config)
        if found is not None:
            return found
    if beam_contrast(elevation, turn) < config.beam_contrast:
        return None
    found = _from_scans(elevation, rho_m, turn, config)
    if found is not None:
        return found
    beams = beams_from_elevations(elevation, turn)
    edges = (beams[1:] + beams[:-1]) / 2
    rows = np.searchsorted(-edges, -elevation).astype(np.int16)
    return Sensor('elevation', beams, np.zeros(0, np.int16),
                  config.columns or native_columns(rows, turn))


def scan_numbers(turn: NDArray[np.float32], start: float, clockwise: bool) -> NDArray[np.int32]:
    """
    Give numbers to the scans of a cloud that is stored beam after beam.

    :param turn: (N,) azimuth [turns], N > 0.
    :returns: (N,) int32 from 0.
    """
    along = (turn - np.float32(start)) % 1
    steps = np.diff(-along if clockwise else along)
    return np.concatenate([[0], np.cumsum(steps < -SCAN_JUMP)]).astype(np.int32)


def _from_scans(elevation: NDArray[np.float64], rho_m: NDArray[np.float32],
                turn: NDArray[np.float32], config: RangeImageConfig) -> Sensor | None:
    """Take the storage order for beams, cut where elevations stay closest within one."""
    best, least = None, np.inf
    for start, clockwise in ((0.0, False), (0.5, False), (0.0, True), (0.5, True)):
        scans = scan_numbers(turn, start, clockwise)
        if not 8 <= scans[-1] + 1 <= MAX_RINGS:
            continue
        spread = float(np.mean([np.std(elevation[scans == s]) for s in range(scans[-1] + 1)]))
        found = _from_numbered('scan', scans, elevation, rho_m, turn, config)
        if found is not None and spread < least:
            best, least = replace(found, scan_start=start, clockwise=clockwise), spread
    return best


def _from_numbered(rows_from: str, number: NDArray[Any], elevation: NDArray[np.float64],
                   rho_m: NDArray[np.float32], turn: NDArray[np.float32],
                   config: RangeImageConfig) -> Sensor | None:
    """
    Sort numbered beams by elevation; None where elevations jump from point to point of a number.

    Far points tell the elevation: near ones show that the lasers of a sensor do not start in one
    point.
    """
    count = int(number.max()) + 1
    far = rho_m > FAR_M
    tell = far | (np.bincount(number[far], minlength=count) < 10)[number]
    median = np.array([np.median(elevation[tell & (number == k)])
                       if (number == k).any() else np.nan for k in range(count)])
    seen = np.flatnonzero(np.isfinite(median))
    by_azimuth = np.lexsort((turn, number))
    jumps = np.abs(np.diff(elevation[by_azimuth])[np.diff(number[by_azimuth]) == 0])
    if len(seen) < 4 or np.median(jumps) > 0.25 * np.ptp(median[seen]) / len(seen):
        return None
    median = np.interp(np.arange(count), seen, median[seen])
    top_down = np.argsort(-median, kind='stable')
    row_of_beam = np.empty(count, np.int16)
    row_of_beam[top_down] = np.arange(count)
    rows = row_of_beam[number]
    return Sensor(rows_from, median[top_down], row_of_beam,
                  config.columns or native_columns(rows, turn))


def native_columns(rows: NDArray[np.int16], turn: NDArray[np.float32]) -> int:
    """
    Count columns a tenth wider than the native azimuth step, so that none stays empty by chance.

    :param rows: (N,) row per point.
    :param turn: (N,) azimuth [turns].
    """
    order = np.lexsort((turn, rows))
    steps = np.diff(turn[order])[np.diff(rows[order]) == 0]
    steps = steps[steps > 1e-4]
    if not len(steps):
        return 870
    return int(np.clip(0.9 / np.median(steps), 90, 8192))
