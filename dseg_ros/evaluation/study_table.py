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

"""Tables over seeds: mean and spread, as Markdown for people and CSV for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
from dataclasses import dataclass
import io
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Value:
    """
    What was measured of one thing in one seed.

    :param miou: strict mIoU [%].
    :param accuracy: strict pixel accuracy [%].
    """

    miou: float
    accuracy: float

    def less(self, other: Value) -> Value:
        """Subtract: what this one gains over another."""
        return Value(self.miou - other.miou, self.accuracy - other.accuracy)


@dataclass(frozen=True)
class Row:
    """
    A row of a table.

    :param name: what was measured.
    :param values: by column, then by seed.
    """

    name: str
    values: Mapping[str, Mapping[int, Value]]

    def gain(self, base: Row) -> Row:
        """Compare with another row, seed by seed."""
        return Row(f'{self.name}: gain', {
            column: {seed: value.less(base.values[column][seed])
                     for seed, value in of_seeds.items()}
            for column, of_seeds in self.values.items()})


def mean_and_spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Give the mean and the sample's standard deviation; none of a single value."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), spread


def markdown(first: str, columns: Sequence[str], rows: Sequence[Row],
             signed: bool = False) -> str:
    """
    Write a table: mIoU / pixel accuracy, each mean +- standard deviation over seeds.

    :param first: head of the first column.
    :param columns: the others.
    :param rows: in order.
    :param signed: write the sign of positive values, too.
    """
    lines = [f'| {first} | {" | ".join(columns)} |', '|---' * (len(columns) + 1) + '|']
    for row in rows:
        cells = [_cell(row.values.get(column, {}), signed) for column in columns]
        lines.append(f'| {row.name} | {" | ".join(cells)} |')
    return '\n'.join(lines) + '\n'


def as_csv(rows: Sequence[Row]) -> str:
    """Write all values, one a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(('row', 'column', 'seed', 'strict_miou', 'pixel_accuracy'))
    for row in rows:
        for column, of_seeds in row.values.items():
            for seed, value in of_seeds.items():
                writer.writerow((row.name, column, seed, f'{value.miou:.2f}',
                                 f'{value.accuracy:.2f}'))
    return text.getvalue()


def as_values(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Write as plain values."""
    return [{'row': row.name, 'columns': {column: {
        'miou': _summary([v.miou for v in of_seeds.values()]),
        'pixel_accuracy': _summary([v.accuracy for v in of_seeds.values()]),
        'seeds': {str(s): {'miou': round(v.miou, 2), 'pixel_accuracy': round(v.accuracy, 2)}
                  for s, v in of_seeds.items()}} for column, of_seeds in row.values.items()}}
            for row in rows]


def _summary(values: Sequence[float]) -> dict[str, float | None]:
    mean, spread = mean_and_spread(values)
    return {'mean': round(mean, 2), 'deviation': None if spread is None else round(spread, 2),
            'least': round(min(values), 2), 'most': round(max(values), 2)}


def _cell(of_seeds: Mapping[int, Value], signed: bool) -> str:
    if not of_seeds:
        return ''
    return ' / '.join(_mean([getattr(v, name) for v in of_seeds.values()], signed)
                      for name in ('miou', 'accuracy'))


def _mean(values: Sequence[float], signed: bool) -> str:
    mean, spread = mean_and_spread(values)
    return f'{mean:{"+" if signed else ""}.1f}' + ('' if spread is None else f' ± {spread:.1f}')
