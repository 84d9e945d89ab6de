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

"""Beams in the elevations of a cloud: whether there are any, and where they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Angles = NDArray[np.float64]

_BIN_DEG = 0.05
_BAND_BINS = 40
"""Bands of 2 degrees."""

_LIMIT_DEG = 60.0
"""No beam of a vehicle's LiDAR is steeper."""


def _elevation_bins(elevation: Angles, bin_deg: float) -> NDArray[np.int64]:
    """Bin elevations within the limit; 0 is the lowest."""
    bins: NDArray[np.int64] = np.floor(
        (np.degrees(elevation) + _LIMIT_DEG) / bin_deg).astype(np.int64)
    return bins


def beam_contrast(elevation: Angles, turn: NDArray[np.float32]) -> float:
    """
    Measure how much more often adjacent azimuths share an elevation than nearly share it.

    Pair correlation of the elevations of adjacent sectors of one degree: pairs in the same bin of
    0.05 deg, over the rarest of the pairs that are 1 to 5 bins apart; the median over bands of
    elevation, since level ground in a frame on the ground makes one sharp peak at 0 without any
    beams. A spinning LiDAR repeats its beams in every sector and leaves the elevations between
    them empty (measured: 64 and above on an HDL-64, 2900 on a Pandar64); merged or solid-state
    LiDARs fill all elevations alike (1.5 and 2.1 on two drives with merged long-range LiDARs).
    Our choice; it needs no order of points.

    :param elevation: (N,) [rad].
    :param turn: (N,) azimuth [turns].
    :returns: the contrast; 0 where the points fill fewer than three bands.
    """
    within = np.abs(elevation) < np.radians(_LIMIT_DEG)
    elevation, turn = elevation[within], turn[within]
    sectors, bins = 360, round(2 * _LIMIT_DEG / _BIN_DEG)
    sector = np.minimum((turn * sectors).astype(np.int64), sectors - 1)
    cell = sector * bins + _elevation_bins(elevation, _BIN_DEG)
    seen = np.bincount(cell, minlength=sectors * bins).reshape(sectors, bins).astype(np.float32)
    filled = seen.reshape(sectors, -1, _BAND_BINS).sum(axis=(0, 2)) > 0.005 * len(elevation)
    if np.count_nonzero(filled) < 3:
        return 0.0
    after = np.roll(seen, -1, axis=0)
    pairs = [(seen * np.roll(after, -lag, axis=1)).sum(axis=0).reshape(-1, _BAND_BINS).sum(axis=1)
             for lag in range(6)]
    contrast = pairs[0] / np.maximum(np.min(pairs[1:], axis=0), 1.0)
    return float(np.median(contrast[filled]))


def beam_spacing_deg(elevation: Angles, turn: NDArray[np.float32], at_deg: Angles) -> Angles:
    """
    Estimate the distance between beams around given elevations.

    In a column of a fifth of a degree, consecutive elevations are consecutive beams; a lower
    quantile of the gaps that span an elevation is the spacing there: missing returns widen gaps.

    :param at_deg: (B,) elevations, ascending [deg].
    :returns: (B,) [deg]; NaN where no gap spans.
    """
    column = (turn * 1800).astype(np.int64)
    some = np.flatnonzero(column % 4 == 0)
    order = some[np.lexsort((elevation[some], column[some]))]
    sorted_deg = np.degrees(elevation[order])
    gap = np.diff(sorted_deg)
    usable = (np.diff(column[order]) == 0) & (gap > 0.08)
    low, gap = sorted_deg[:-1][usable], gap[usable]
    spacing = np.full(len(at_deg), np.nan)
    for i, e in enumerate(at_deg):
        spans = gap[(low <= e) & (e < low + gap)]
        if len(spans) >= 5:
            spacing[i] = np.quantile(spans, 0.3)
    return spacing


def beams_from_elevations(elevation: Angles, turn: NDArray[np.float32]) -> Angles:
    """
    Find the beams of a spinning LiDAR whose points carry no ring.

    Peaks of the elevation histogram, highest first, each excluding its surroundings of 0.6 beam
    spacings. Where beams blur into each other (an HDL-64's lasers are apart in height, so near
    objects shift them) the peaks are arbitrary but still about one spacing apart.

    :returns: (R,) elevations of the rows from top to bottom [rad].
    """
    # here, since it takes a quarter of a second to load, and most LiDARs number their beams
    from scipy.ndimage import gaussian_filter1d
    within = np.abs(elevation) < np.radians(_LIMIT_DEG)
    elevation, turn = elevation[within], turn[within]
    fine_deg = 0.02
    bins = round(2 * _LIMIT_DEG / fine_deg)
    histogram = np.bincount(_elevation_bins(elevation, fine_deg), minlength=bins)
    height = gaussian_filter1d(histogram.astype(np.float64), 2.0)
    centre_deg = (np.arange(bins) + 0.5) * fine_deg - _LIMIT_DEG
    low, high = np.degrees(np.quantile(elevation, (0.001, 0.999)))
    coarse_deg = np.arange(low, high, 0.1)
    spacing = beam_spacing_deg(elevation, turn, coarse_deg)
    known = np.isfinite(spacing)
    beam = np.cumsum(fine_deg / np.interp(centre_deg, coarse_deg[known], spacing[known]))
    free = height > max(2.0, 1e-5 * len(elevation))
    beams = []
    for b in np.argsort(-height, kind='stable'):
        if free[b]:
            beams.append(centre_deg[b])
            first, last = np.searchsorted(beam, (beam[b] - 0.6, beam[b] + 0.6))
            free[min(first, b - 2):max(last, b + 3)] = False
    rows: Angles = np.radians(np.sort(beams)[::-1])
    return rows
