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

"""What a benchmark says: a row per thing of ours and anchor, with its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CPU, WALL = 'CPU', 'wall'
"""Clocks: CPU time of the process and all its threads, or time that passes."""


class BenchError(RuntimeError):
    """Something that cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Limit:
    """
    A bound that a figure has to keep.

    :param figure: 'ours_ms', 'ratio' or the name of a further figure of the row.
    :param most: it is at most this, if given.
    :param least: it is at least this, if given.
    :param text: how it is written; '' makes it up of the rest.
    """

    figure: str
    most: float | None = None
    least: float | None = None
    text: str = ''

    def __str__(self) -> str:
        """Write it as people do."""
        if self.text:
            return self.text
        sign, bound = ('<=', self.most) if self.most is not None else ('>=', self.least)
        unit = {'ours_ms': ' ms', 'ratio': ' x'}.get(self.figure)
        name = '' if unit else self.figure.replace('_', ' ') + ' '
        return f'{name}{sign} {bound:g}{unit or ""}'

    def holds(self, figures: Mapping[str, Any]) -> bool | None:
        """Tell whether it is kept; None if the figure is missing."""
        value = figures.get(self.figure)
        if value is None:
            return None
        return (self.most is None or value <= self.most) and (
            self.least is None or value >= self.least)


@dataclass(frozen=True)
class Spec:
    """
    A row before it is measured.

    :param name: unique among all rows.
    :param ours: what of ours is timed.
    :param anchor: what stands beside it, in the same run; '' if nothing does.
    :param limits: the target; all of them have to hold.
    :param clock: what both times are of.
    """

    name: str
    ours: str
    anchor: str = ''
    limits: tuple[Limit, ...] = ()
    clock: str = CPU

    @property
    def target(self) -> str:
        """Write the target; '' if there is none."""
        return ', '.join(map(str, self.limits))

    def absent(self, reason: str) -> Row:
        """Make the row of what cannot be measured here."""
        return Row(self, None, None, reason=reason)


@dataclass(frozen=True)
class Row:
    """
    A measured row.

    :param spec: what was to be measured.
    :param ours_ms: median, None if it could not be [ms].
    :param anchor_ms: the same of the anchor [ms].
    :param figures: further figures by name: n, p99_ms, lost, ...
    :param reason: why something is missing.
    """

    spec: Spec
    ours_ms: float | None
    anchor_ms: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ''

    @property
    def ratio(self) -> float | None:
        """How many times what ours takes the anchor takes; above 1 ours is faster."""
        if self.ours_ms is None or self.anchor_ms is None or self.ours_ms <= 0:
            return None
        return self.anchor_ms / self.ours_ms

    @property
    def met(self) -> bool | None:
        """Whether the target is; None without one, or if a figure that decides is missing."""
        known = {**self.figures, 'ours_ms': self.ours_ms, 'ratio': self.ratio}
        kept = [limit.holds(known) for limit in self.spec.limits]
        if False in kept:
            return False
        return True if kept and None not in kept else None

    def as_values(self) -> dict[str, Any]:
        """Write as plain values."""
        return {'name': self.spec.name, 'ours': self.spec.ours, 'ours_ms': _round(self.ours_ms),
                'anchor': self.spec.anchor, 'anchor_ms': _round(self.anchor_ms),
                'ratio': _round(self.ratio), 'target': self.spec.target, 'met': self.met,
                'clock': self.spec.clock, 'reason': self.reason,
                'figures': {k: _round(v) for k, v in self.figures.items()}}


def _round(value: Any) -> Any:
    """Keep four digits, which is more than any of these times is good for."""
    return float(f'{value:.4g}') if isinstance(value, float) else value
