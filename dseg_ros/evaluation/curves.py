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

"""Curves as SVG inside a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, isfinite, log10

from dseg_ros.evaluation.page_style import CURVES

Curve = Sequence[tuple[float, float]]
"""Points (x, y), x rising."""

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 400, 230, 46, 8, 26, 24
_TICKS = 4


def chart(title: str, curves: Mapping[str, Curve]) -> str:
    """
    Draw curves over one another.

    :param title: what y is.
    :param curves: by name; the same order gives the same colours. Points that are not finite
        are left out.
    :returns: SVG; empty if there is no point.
    """
    finite = {name: [(x, y) for x, y in curve if isfinite(x) and isfinite(y)]
              for name, curve in curves.items()}
    points = [point for curve in finite.values() for point in curve]
    if not points:
        return ''
    across = _axis(0.0, max(x for x, _ in points))
    up = _axis(min(y for _, y in points), max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        return (_LEFT + (x - across[0]) / (across[-1] - across[0]) * (_WIDTH - _LEFT - _RIGHT),
                _HEIGHT - _BOTTOM - (y - up[0]) / (up[-1] - up[0]) * (
                    _HEIGHT - _TOP - _BOTTOM))

    parts = [f'<text x="0" y="12" style="font-size:13px">{escape(title)}</text>']
    for y in up:
        height = place(0, y)[1]
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" '
                     f'y2="{height:.1f}"/><text x="{_LEFT - 6}" y="{height + 4:.1f}" '
                     f'text-anchor="end">{y:.4g}</text>')
    for x in across:
        parts.append(f'<text x="{place(x, 0)[0]:.1f}" y="{_HEIGHT - 6}" '
                     f'text-anchor="middle">{x:g}</text>')
    for i, (name, curve) in enumerate(finite.items()):
        way = ' '.join('{:.1f},{:.1f}'.format(*place(x, y)) for x, y in curve)
        parts.append(f'<polyline class="curve" style="stroke:var(--s{i % CURVES})" '
                     f'points="{way}"><title>{escape(name)}</title></polyline>')
    return (f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
            f'{"".join(parts)}</svg>')


def curve_legend(names: Sequence[str]) -> str:
    """Say which curve is which, in the order that `chart` draws them."""
    keys = ''.join(f'<span><i style="background:var(--s{i % CURVES})"></i>{escape(name)}</span>'
                   for i, name in enumerate(names))
    return f'<div class="legend">{keys}</div>'


def _axis(low: float, high: float) -> list[float]:
    """Choose round numbers around low and high."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / _TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * (1 - 1e-9))
    first, last = floor(low / step + 1e-9), -floor(-high / step + 1e-9)
    return [round(step * i, 12) for i in range(first, last + 1)]
