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

"""Rows as bars: how much faster than the anchors, and how much of the targets is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path

import cv2
from dseg_ros.bench.rows import BenchError, Row
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Colour = tuple[int, int, int]

_FINE = 2
"""Drawn this many times larger, then reduced: OpenCV's letters are thin."""
_WIDTH, _NAMES, _LINE, _TOP = 1280, 560, 30, 52
_INK, _SOFT, _GRID = (29, 39, 51), (95, 107, 120), (225, 230, 235)
_BLUE, _ORANGE = (31, 111, 180), (217, 102, 31)
"""Colours of the reports: ours is faster or the target met, and not."""


@dataclass(frozen=True)
class Bar:
    """A bar: what it is of, its length as a factor, what is written beside it, its colour."""

    name: str
    factor: float
    text: str
    good: bool


def bars_of(rows: Sequence[Row]) -> dict[str, list[Bar]]:
    """Choose what is drawn, by panel."""
    faster, used = [], []
    for row in rows:
        label = f'{row.spec.name} / {row.spec.anchor}'
        if row.ratio is not None and row.ours_ms is not None and row.anchor_ms is not None:
            faster.append(Bar(label, row.ratio, f'{row.ratio:.3g} x  ({row.ours_ms:.3g} ms, '
                              f'{row.anchor_ms:.3g} ms)', row.ratio >= 1))
        for limit in row.spec.limits:
            value = row.ours_ms if limit.figure == 'ours_ms' else row.figures.get(limit.figure)
            if limit.most and value is not None and limit.figure.endswith(('ms', 'points')):
                used.append(Bar(row.spec.name, float(value) / limit.most,
                                f'{float(value):.3g} ms of {limit.most:g} ms',
                                value <= limit.most))
    return {'How many times as long the anchor takes, same run': faster,
            'Share of the target that is used': used}


def draw(rows: Sequence[Row], about: str) -> Rgb:
    """
    Draw the bars.

    :param rows: what was measured.
    :param about: the machine, at the foot.
    :returns: (H, W, 3) uint8.
    :raises BenchError: if there is nothing to draw.
    """
    panels = [_panel(title, bars) for title, bars in bars_of(rows).items() if bars]
    if not panels:
        raise BenchError('a picture of no rows: nothing that was measured has an anchor or a '
                         'target')
    foot = _paper(_LINE + 8)
    _write(foot, about, 14, 22, _SOFT, 0.4)
    whole = np.concatenate([*panels, foot])
    size = (whole.shape[1] // _FINE, whole.shape[0] // _FINE)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def write_picture(rows: Sequence[Row], about: str, path: Path) -> Path:
    """Draw into a PNG file."""
    path.write_bytes(cv2.imencode('.png', draw(rows, about)[..., ::-1])[1].tobytes())
    return path


def _panel(title: str, bars: Sequence[Bar]) -> Rgb:
    low = min(-1, floor(log10(min(bar.factor for bar in bars))))
    high = max(1.0, log10(max(bar.factor for bar in bars))) + 0.1
    room = _WIDTH - _NAMES - 250
    panel = _paper(_TOP + _LINE * len(bars) + 10)

    def place(factor: float) -> int:
        return _NAMES + round((log10(factor) - low) / (high - low) * room)

    _write(panel, title, 14, 24, _INK, 0.58)
    for power in range(low, floor(high) + 1):
        x = place(10.0 ** power)
        _box(panel, x, _TOP - 8, x + 1, _TOP + _LINE * len(bars), _GRID)
        _write(panel, f'{10.0 ** power:g}', x - 6, _TOP - 12, _SOFT, 0.38)
    for number, bar in enumerate(bars):
        top = _TOP + _LINE * number
        begin, end = sorted((place(1.0), place(bar.factor)))
        _box(panel, begin, top + 5, max(end, begin + 2), top + _LINE - 7,
             _BLUE if bar.good else _ORANGE)
        _write(panel, _short(bar.name), 14, top + 20, _INK, 0.44)
        _write(panel, bar.text, end + 8, top + 20, _SOFT, 0.4)
    line = place(1.0)
    _box(panel, line, _TOP - 8, line + 1, _TOP + _LINE * len(bars), _SOFT)
    return panel


def _short(name: str) -> str:
    return name if len(name) <= 68 else f'{name[:67]}~'


def _paper(height: int) -> Rgb:
    return np.full((height * _FINE, _WIDTH * _FINE, 3), 255, np.uint8)


def _box(canvas: Rgb, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
    canvas[top * _FINE:bottom * _FINE, left * _FINE:right * _FINE] = colour


def _write(canvas: Rgb, text: str, x: int, y: int, colour: Colour, size: float) -> None:
    cv2.putText(canvas, text, (x * _FINE, y * _FINE), cv2.FONT_HERSHEY_SIMPLEX, size * _FINE,
                colour, _FINE, cv2.LINE_AA)
