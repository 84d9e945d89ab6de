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

"""Rows as a table: for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from dseg_ros.bench.rows import Row

HEADS = ('what', 'ratio', 'ours', 'anchor', '', 'clock', 'target', 'met')
"""Ratios first: times are this machine's alone."""
MET = {True: 'yes', False: 'NO', None: ''}
SHOWN = ('lost', 'p99_ms', 'agreement', 'pairs_per_s', 'rate', 'pairs_per_loop')
"""Further figures that are worth a place beside the name."""


def cells(row: Row) -> tuple[str, ...]:
    """Write the cells of a row."""
    name = f'{row.spec.name}: {row.spec.ours}'
    shown = [f'{key.replace("_", " ")} {figure(row.figures[key])}' for key in SHOWN
             if row.figures.get(key) is not None]
    name += f' ({", ".join(shown)})' if shown else ''
    return (name, '' if row.ratio is None else f'{row.ratio:.3g} x', time(row.ours_ms),
            time(row.anchor_ms), row.spec.anchor, row.spec.clock, row.spec.target, MET[row.met])


def time(value_ms: float | None) -> str:
    """Write a time."""
    return '' if value_ms is None else f'{value_ms:.3g} ms' if value_ms < 1e3 else (
        f'{value_ms:.0f} ms')


def figure(value: object) -> str:
    """Write a figure of any kind."""
    return f'{value:.4g}' if isinstance(value, float) else str(value)


def plain(rows: Sequence[Row]) -> str:
    """Write a table for a terminal; reasons of what is missing below their rows."""
    lines = [HEADS, *map(cells, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    text = []
    for number, line in enumerate(lines):
        text.append('  '.join(
            cell.rjust(width) if 1 <= i <= 3 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
        if number and rows[number - 1].reason:
            text.append(f'    {rows[number - 1].reason}')
    return '\n'.join(text)


def markdown(rows: Sequence[Row], about: str) -> str:
    """
    Write a table for a README.

    :param rows: in order.
    :param about: machine, software and command, below the table.
    """
    heads = [head or 'anchor is' for head in HEADS]
    lines = [f'| {" | ".join(heads)} |', '|---' * len(heads) + '|']
    for row in rows:
        shown = list(cells(row))
        shown[0] += f'; {row.reason}' if row.reason else ''
        lines.append(f'| {" | ".join(cell.replace("|", "/") for cell in shown)} |')
    return '\n'.join([*lines, '', about, ''])
