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

"""What `cluster` writes for people: contact sheets, and the sweep that chose a number."""

from __future__ import annotations

from collections.abc import Sequence
import csv
from dataclasses import asdict
import io
from pathlib import Path

import cv2
from dseg_ros.dataset.sample import Sample
from dseg_ros.dataset.show import choose as choose_samples
from dseg_ros.dataset.store import Dataset
from dseg_ros.models.checkpoint import write_atomically
from dseg_ros.pseudo.choosing import Trial
from dseg_ros.pseudo.class_means import ClassMeans
from dseg_ros.pseudo.contact_sheet import class_sheet, ClassCrops, overview
from dseg_ros.pseudo.geometry_features import Elements, NONE
from dseg_ros.pseudo.pseudo_classes import palette
from dseg_ros.pseudo.sweep_picture import sweep_picture
import numpy as np
from numpy.typing import NDArray

SHEET, SHEETS, SWEEP = 'classes.png', 'sheets', 'sweep'

_OVERVIEW_COLUMNS, _SHEET_COLUMNS, _SHEET_ROWS = 8, 6, 4
_SAMPLES = 60
"""Samples that pictures are taken of, the same number of every drive."""


class ClassPictures:
    """
    Contact sheets of all classes.

    :param dataset: where samples come from.
    :param names: of the classes; the sky, of which no point tells, gets no picture.
    :param columns: meaning of the features of what is not ground.
    :param seed: draws the crops.
    """

    def __init__(self, dataset: Dataset, names: Sequence[str],
                 columns: Sequence[tuple[str, str]], seed: int) -> None:
        """Choose the samples that are looked at."""
        self._dataset = dataset
        self._names = tuple(name for name in names if name != 'sky')
        self._chosen = set(choose_samples(dataset, _SAMPLES))
        self._crops = ClassCrops(palette(names), _SHEET_COLUMNS * _SHEET_ROWS,
                                 np.random.default_rng(seed))
        self._means = ClassMeans(names, columns)

    def add(self, key: str, labels: NDArray[np.uint8], voxels: Elements, cells: Elements) -> None:
        """
        Take in a sample.

        :param key: its name.
        :param labels: (N,) uint8 class of each point.
        :param voxels: what is not ground, as it was clustered.
        :param cells: the ground.
        """
        self._means.add(labels, voxels, cells)
        if key not in self._chosen:
            return
        component = np.full(len(labels), NONE, np.int64)
        described = voxels.of_point != NONE
        component[described] = voxels.component[voxels.of_point[described]]
        sample: Sample = self._dataset[key]
        for view in sample.frame().views:
            self._crops.add(sample.source, sample.cloud, sample.proposals, view, labels,
                            component)

    def write(self, out: Path) -> None:
        """Write classes.png, and sheets/CLASS.png for each class."""
        _picture(out / SHEET, overview(self._crops, self._names, _OVERVIEW_COLUMNS))
        (out / SHEETS).mkdir(exist_ok=True)
        for old in (out / SHEETS).glob('*.png'):
            old.unlink()
        for i, name in enumerate(self._names):
            _picture(out / SHEETS / f'{name}.png', class_sheet(
                self._crops, i, _SHEET_COLUMNS, self._means.caption(i)))


def write_sweep(out: Path, trials: Sequence[Trial], chosen: int) -> None:
    """Write sweep.csv and sweep.png."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(asdict(trials[0])), lineterminator='\n')
    writer.writeheader()
    writer.writerows(asdict(t) for t in trials)
    write_atomically(out / f'{SWEEP}.csv', text.getvalue())
    _picture(out / f'{SWEEP}.png', sweep_picture(trials, chosen))


def _picture(path: Path, rgb: NDArray[np.uint8]) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
