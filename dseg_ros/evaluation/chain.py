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

"""What a run of the whole chain left in its folder, and how far it came."""

from __future__ import annotations

from collections.abc import Mapping
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.dataset.store import Dataset
from dseg_ros.distill.clustering import assignments, fingerprint, load_classes
from dseg_ros.distill.curves import WARNINGS
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import Provenance
from dseg_ros.pseudo.pseudo_classes import PseudoClasses
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray

CLASSES, TRAININGS = 'classes', ('teacher', 'student', 'ema')
"""Folders of a run, in their order."""

_ROUND = 'round_'


class ChainError(ValueError):
    """A run that cannot be reported on; the message names what is missing."""


@dataclass(frozen=True, eq=False)
class Training:
    """
    A finished training.

    :param name: its folder in the run.
    :param folder: the same, whole.
    :param made_of: what the network is made of.
    :param steps: optimiser steps.
    """

    name: str
    folder: Path
    made_of: Provenance
    steps: int

    def palette(self) -> NDArray[np.uint8]:
        """Give the colours of its classes, (C, 3) uint8."""
        return np.array(self.made_of.palette, np.uint8)


@dataclass(frozen=True, eq=False)
class Chain:
    """
    A run with what it was made from.

    :param run: its folder.
    :param data: the data set.
    :param found: the pseudo-classes.
    :param recipe: how they were found.
    :param data_sha256: fingerprint of the data set.
    :param trainings: those that are finished, in their order.
    :param unfinished: names of the others.
    :param curves: rows of metrics.csv by training or EMA round, the unfinished ones, too.
    :param warnings: early warnings of collapse, likewise.
    """

    run: Path
    data: Dataset
    found: PseudoClasses
    recipe: ClusterConfig
    data_sha256: str
    trainings: tuple[Training, ...]
    unfinished: tuple[str, ...]
    curves: Mapping[str, list[dict[str, float]]]
    warnings: Mapping[str, list[str]]

    @property
    def classes(self) -> Path:
        """Tell the folder of the pseudo-classes."""
        return self.run / CLASSES

    @property
    def last(self) -> Training:
        """Give the last finished training."""
        return self.trainings[-1]

    def training(self, name: str) -> Training | None:
        """Find a finished training."""
        return next((t for t in self.trainings if t.name == name), None)

    def point_shares(self) -> NDArray[np.float64]:
        """Share of each pseudo-class among all classified points, (K,)."""
        counts = np.zeros(256, np.int64)
        for _, labels in assignments(self.classes):
            counts += np.bincount(labels, minlength=256)
        counts[UNLABELLED] = 0
        shares = counts[:len(self.found.names)] / max(counts.sum(), 1)
        return np.asarray(shares)


def read_chain(run: Path, data: Path) -> Chain:
    """
    Find what is finished.

    :param run: folder that `dseg distill drive-and-segment` wrote.
    :param data: the data set that it was given.
    :raises ChainError: if there is no such folder, no training of it is finished, or it is of
        another data set.
    :raises ClusterError: if its pseudo-classes are not finished.
    :raises DatasetError: if there is no data set.
    """
    if not run.is_dir():
        raise ChainError(f'{run}: no such folder')
    dataset = Dataset(data)
    found, recipe, data_sha256 = load_classes(run / CLASSES)
    if data_sha256 != fingerprint(data):
        raise ChainError(f'{run}: made from another data set than {data}')
    finished = [name for name in TRAININGS if (run / name / checkpoint.FINISHED).is_file()]
    missing = tuple(name for name in TRAININGS if name not in finished)
    if not finished:
        raise ChainError(f'{run}: no training is finished: {", ".join(missing)} have no '
                         f'{checkpoint.FINISHED}; go on with dseg distill drive-and-segment '
                         f'--data {data} --out {run}')
    return Chain(run, dataset, found, recipe, data_sha256,
                 tuple(_training(run / name) for name in finished), missing,
                 {name: rows for name, folder in _folders(run).items()
                  if (rows := _rows(folder / checkpoint.METRICS))},
                 {name: file.read_text().splitlines() for name, folder in _folders(run).items()
                  if (file := folder / WARNINGS).is_file()})


def _training(folder: Path) -> Training:
    _, made_of, steps = checkpoint.load(folder / checkpoint.FINISHED)
    return Training(folder.name, folder, made_of, steps)


def _folders(run: Path) -> dict[str, Path]:
    """Name the folders that hold logs; rounds of EMA under their numbers."""
    rounds = sorted((run / TRAININGS[-1]).glob(f'{_ROUND}*'),
                    key=lambda p: int(p.name.removeprefix(_ROUND)))
    return {name: run / name for name in TRAININGS[:-1]} | {
        f'{p.parent.name}, round {p.name.removeprefix(_ROUND)}': p for p in rounds}


def _rows(path: Path) -> list[dict[str, float]]:
    """Read the numbers of a log; other columns are left out."""
    if not path.is_file():
        return []
    with path.open(newline='') as f:
        return [{name: number for name, value in row.items()
                 if (number := _number(value)) is not None} for row in csv.DictReader(f)]


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
