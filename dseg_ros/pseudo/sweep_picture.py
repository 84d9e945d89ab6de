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

"""The curves of a sweep over the number of clusters, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import cv2
from dseg_ros.pseudo.choosing import Trial
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]

_WIDTH, _HEIGHT, _LEFT, _LINE = 720, 150, 12, 22
_INK, _CURVE, _CHOSEN = (30, 30, 30), (40, 90, 190), (200, 40, 40)


def sweep_picture(trials: Sequence[Trial], chosen: int) -> Rgb:
    """
    Draw a panel per criterion over the number of clusters, the chosen number marked.

    :param trials: rising by clusters, two or more.
    :param chosen: the number that was taken.
    :returns: (H, W, 3) uint8.
    """
    counts = [t.clusters for t in trials]
    rows = [asdict(t) for t in trials]
    panels = [_panel(name, counts, [row[name] for row in rows], chosen)
              for name in rows[0] if name != 'clusters']
    return np.concatenate([*panels, _axis(counts)])


def _columns(counts: Sequence[int]) -> NDArray[np.int64]:
    x = np.asarray(counts, np.float64)
    share = (x - x[0]) / (x[-1] - x[0])
    return np.asarray(_LEFT + share * (_WIDTH - 3 * _LEFT), np.int64)


def _panel(name: str, counts: Sequence[int], values: Sequence[float], chosen: int) -> Rgb:
    panel = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    y = np.asarray(values)
    share = (y - y.min()) / max(float(np.ptp(y)), 1e-12)
    points = np.stack([_columns(counts), _HEIGHT - 10 - share * (_HEIGHT - _LINE - 20)], 1)
    points = np.rint(points).astype(np.int32)
    at = int(points[list(counts).index(chosen), 0])
    cv2.line(panel, (at, _LINE), (at, _HEIGHT), _CHOSEN, 1)
    cv2.polylines(panel, [points], False, _CURVE, 2, cv2.LINE_AA)
    for place in points.tolist():
        cv2.circle(panel, place, 3, _CURVE, -1, cv2.LINE_AA)
    _write(panel, f'{name}: {y.min():.4g} to {y.max():.4g}; {chosen} clusters: '
                  f'{y[list(counts).index(chosen)]:.4g}', (_LEFT, 16))
    return panel


def _axis(counts: Sequence[int]) -> Rgb:
    strip = np.full((_LINE, _WIDTH, 3), 255, np.uint8)
    for count, column in zip(counts, _columns(counts).tolist()):
        _write(strip, str(count), (column - 6, 15))
    return strip


def _write(canvas: Rgb, text: str, place: tuple[int, int]) -> None:
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
