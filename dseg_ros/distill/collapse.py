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
Early warning of a training that loses classes.

Everything is told from the log rows alone, so a resumed run warns as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dseg_ros.config.execution import CollapseConfig
import numpy as np
from numpy.typing import NDArray

UNPREDICTED, DOMINANT, TOP_SHARE = 'unpredicted', 'dominant', 'top_share'
"""Columns: ids of labelled classes without a predicted pixel; id of a class that takes all, where
there is one; share of the pixels that the most predicted class takes."""

_TRY = 'a lower learning_rate, a higher class_weight_power'


@dataclass(frozen=True)
class Collapse:
    """
    A class that is being lost, or that swallows the others.

    :param step: the step at which it is noticed.
    :param class_id: the class.
    :param text: what is wrong and what to try.
    """

    step: int
    class_id: int
    text: str


def columns(predicted: NDArray[np.int64], labelled: NDArray[np.int64],
            known: NDArray[np.bool_], config: CollapseConfig) -> dict[str, str]:
    """
    Describe one interval of a training.

    :param predicted: (C,) pixels of each class that were predicted.
    :param labelled: (C,) pixels of each class that were labelled.
    :param known: (C,) whether the data has the class.
    :param config: what counts as dominant.
    """
    share = predicted / max(int(predicted.sum()), 1)
    top = int(share.argmax())
    dominates = (share[top] > config.dominant_share >= labelled[top] / max(
        int(labelled.sum()), 1))
    return {UNPREDICTED: ' '.join(map(str, np.flatnonzero(known & (predicted == 0)))),
            DOMINANT: str(top) if dominates else '', TOP_SHARE: f'{share[top]:.4f}'}


def collapses(rows: Sequence[Mapping[str, str]], names: Sequence[str],
              config: CollapseConfig) -> list[Collapse]:
    """
    List what log rows tell of collapse, each where it has lasted for config.intervals.

    :param rows: with a column step and those of `columns`.
    :param names: of the classes.
    :param config: how long it has to last.
    """
    found = []
    lasting = {UNPREDICTED: np.zeros(len(names), int), DOMINANT: np.zeros(len(names), int)}
    for row in rows:
        for column, count in lasting.items():
            now = np.isin(np.arange(len(names)), [int(k) for k in row[column].split()])
            count[:] = np.where(now, count + 1, 0)
            found += [Collapse(int(row['step']), int(k), _text(column, names[k], row, config))
                      for k in np.flatnonzero(count == config.intervals)]
    return found


def _text(column: str, name: str, row: Mapping[str, str], config: CollapseConfig) -> str:
    lasts = f'in the last {config.intervals} log rows, up to step {row["step"]}'
    if column == UNPREDICTED:
        return (f'class {name} is labelled, but not one pixel was predicted as it {lasts}; try '
                f'{_TRY}, or fewer or merged classes')
    return (f'class {name} was predicted for {100 * float(row[TOP_SHARE]):.0f} % of the pixels, '
            f'far more than are labelled so, {lasts}; try {_TRY}')
