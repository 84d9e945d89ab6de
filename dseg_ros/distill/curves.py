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

"""The log of a training: metrics.csv is the source, TensorBoard's curves are made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
import io
from pathlib import Path
import shutil

from dseg_ros.distill.collapse import Collapse, DOMINANT, TOP_SHARE, UNPREDICTED
from dseg_ros.models.checkpoint import METRICS, write_atomically
from torch.utils.tensorboard import SummaryWriter

COLUMNS = ('step', 'loss', 'accuracy', 'learning_rate', 'crops_per_s', TOP_SHARE, UNPREDICTED,
           DOMINANT)

CURVES, WARNINGS = 'curves', 'warnings.txt'


class Curves:
    """Keeps the log of a run on disk."""

    def __init__(self, out: Path, rows: Sequence[Mapping[str, str]]) -> None:
        """
        Begin, or go on: curves are drawn anew up to where the run stands, so no point is double.

        :param out: directory of the run.
        :param rows: of the steps before, by COLUMNS.
        """
        self._out = out
        shutil.rmtree(out / CURVES, ignore_errors=True)
        self._writer = SummaryWriter(out / CURVES)
        for row in rows:
            self._draw(row)

    def write(self, rows: Sequence[Mapping[str, str]], warnings: Sequence[Collapse]) -> None:
        """Write all rows, draw the last one."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self._out / METRICS, text.getvalue())
        if warnings:
            write_atomically(self._out / WARNINGS, ''.join(
                f'step {w.step}: {w.text}\n' for w in warnings))
        self._draw(rows[-1])
        self._writer.flush()

    def close(self) -> None:
        """End the curves."""
        self._writer.close()

    def _draw(self, row: Mapping[str, str]) -> None:
        values = {name: float(row[name]) for name in COLUMNS[1:6]}
        values[UNPREDICTED] = len(row[UNPREDICTED].split())
        for name, value in values.items():
            self._writer.add_scalar(f'training/{name}', value, int(row['step']))


def rows_until(out: Path, step: int) -> list[dict[str, str]]:
    """Read the log rows of a run up to a step; a kill can leave one row too many."""
    path = out / METRICS
    if not path.exists():
        return []
    with path.open(newline='') as f:
        rows = [row for row in csv.DictReader(f) if int(row['step']) <= step]
    return [{name: row.get(name) or _ABSENT.get(name, '') for name in COLUMNS} for row in rows]


_ABSENT = {TOP_SHARE: '0'}
"""What a log of an earlier version lacks."""
