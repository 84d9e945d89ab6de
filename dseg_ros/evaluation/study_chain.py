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

"""The parts of a study: drives, data sets, the chain of one seed, and the scores of its stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dseg_ros.config.ablations import ROWS
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.schema import as_mapping, Config, dotted
from dseg_ros.config.sim import SimConfig
from dseg_ros.config.study import seeded, StudyConfig
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.harvest import harvest
from dseg_ros.distill.camera_only import CameraOnly, cluster_images
from dseg_ros.distill.clustering import cluster, load_classes
from dseg_ros.distill.describing import FOLDER as DESCRIPTIONS
from dseg_ros.distill.same_run import is_execution
from dseg_ros.distill.student import train_ema, train_student
from dseg_ros.distill.teacher import train_teacher
from dseg_ros.evaluation.labelled import Predict
from dseg_ros.evaluation.predicting import as_model
from dseg_ros.evaluation.pseudo_labels import count_pseudo_labels
from dseg_ros.evaluation.simulated import score_drive
from dseg_ros.evaluation.study_parts import digest, Part, Stage
from dseg_ros.sim.bag import simulate
import numpy as np

TRAIN_WEATHER = 'day'


@dataclass(frozen=True)
class Chain:
    """
    One seed's chain under one configuration, as parts.

    Results lie in out/drives, data, classes, camera, runs, each under the key of its part.

    :param out: folder of the study.
    :param config: the study's, seeds not yet given.
    :param seed: one of its seeds.
    """

    out: Path
    config: StudyConfig
    seed: int

    @cached_property
    def own(self) -> StudyConfig:
        """Give the configuration with this seed in it."""
        return seeded(self.config, self.seed)

    def parts(self, rows: tuple[str, ...]) -> list[Part]:
        """
        List what has to be done, in order.

        :param rows: which of ROWS are scored.
        """
        last = max(ROWS.index(row) for row in rows)
        found = [*self._harvest(self.train_drives, self.train_data, f'training, seed {self.seed}')]
        found.append(self._part('classes', self._classes))
        for weather in self.config.weathers:
            found += self._harvest(self.test_drives(weather), self.test_data(weather),
                                   f'test by {weather}')
        makers: dict[str, Callable[[Stage], None]] = {
            'camera': self._camera, 'teacher': self._teacher, 'student': self._student,
            'ema': self._ema}
        for row in ROWS:
            needed = row in rows or row in ('teacher', 'student') and ROWS.index(row) < last
            if needed and row in makers:
                found.append(self._part(row, makers[row]))
            if row in rows:
                found += [self._score(row, weather) for weather in self.config.weathers]
        return found

    def key(self, kind: str) -> str:
        """Name a part by all that it depends on."""
        c = self.own
        before = {'classes': 'train_data', 'camera': 'classes', 'pseudo': 'classes',
                  'teacher': 'classes', 'student': 'teacher', 'ema': 'student'}[kind]
        own: Any = {
            'classes': _decisive(c.cluster), 'teacher': _decisive(c.teacher),
            'student': _decisive(c.student), 'ema': _decisive(c.ema),
            'camera': _decisive(c.camera),
            'pseudo': [c.teacher.network_pixels, c.teacher.stored_magnification]}[kind]
        earlier = self.train_data.name if before == 'train_data' else self.key(before)
        return f'seed{self.seed}_{kind}_{digest(own, earlier)}'

    def score_key(self, row: str, weather: str) -> str:
        """Name the part that scores a row on the drives of a weather."""
        return f'{self.key(row)}_{weather}_{digest(self.test_data(weather).name)}'

    @property
    def train_drives(self) -> dict[Path, SimConfig]:
        """Tell the recordings to learn from, and what they show."""
        return self._drives('train', self.config.train_seeds(self.seed), TRAIN_WEATHER)

    def test_drives(self, weather: str) -> dict[Path, SimConfig]:
        """Tell the recordings of a weather to test with, and what they show."""
        return self._drives('test', self.config.test_seeds(weather), weather)

    @property
    def train_data(self) -> Path:
        """Tell where the data set to learn from is."""
        return self._data('train', self.train_drives)

    def test_data(self, weather: str) -> Path:
        """Tell where the data set of a weather is, whose points get pseudo-labels."""
        return self._data('test', self.test_drives(weather))

    @property
    def classes(self) -> Path:
        """Tell where the pseudo-classes are."""
        return self.out / 'classes' / self.key('classes')

    def run(self, row: str) -> Path:
        """Tell the directory of a training."""
        return self.out / 'runs' / self.key(row)

    @property
    def _clusters(self) -> int:
        """Count the classes of the chain, which a sweep may have chosen."""
        return len(load_classes(self.classes)[0].names)

    def _drives(self, use: str, streets: list[int], weather: str) -> dict[Path, SimConfig]:
        c = self.config
        found = {}
        for street in streets:
            config = SimConfig(seconds=c.seconds, every=c.every, width=c.width, height=c.height,
                               seed=street, weather=weather, workers=c.workers)
            sizes = digest({k: v for k, v in as_mapping(config).items() if k != 'workers'})
            found[self.out / 'drives' / f'{use}_{street}_{weather}_{sizes}'] = config
        return found

    def _data(self, use: str, drives: dict[Path, SimConfig]) -> Path:
        names = [path.name for path in drives]
        return self.out / 'data' / f'{use}_{digest(names, self.config.every_ring)}'

    def _harvest(self, drives: dict[Path, SimConfig], data: Path, what: str) -> list[Part]:
        def make(stage: Stage) -> None:
            harvest(HarvestConfig(bags=tuple(map(str, drives)), out=str(data),
                                  workers=self.config.workers, every_ring=self.config.every_ring),
                    stage('harvesting', 'clouds'))

        simulated = [Part('street', f'street {c.seed} by {c.weather}', f'street_{path.name}',
                          _simulation(path, c)) for path, c in drives.items()]
        return [*simulated, Part('data', f'data set for {what}', f'data_{data.name}', make)]

    def _part(self, kind: str, make: Callable[[Stage], Any]) -> Part:
        return Part(kind, f'{kind}, seed {self.seed}', self.key(kind), make)

    def _classes(self, stage: Stage) -> None:
        shared = self.classes.parent / DESCRIPTIONS        # by all variants of all seeds
        shared.mkdir(parents=True, exist_ok=True)
        self.classes.mkdir(exist_ok=True)
        if not (self.classes / DESCRIPTIONS).exists():
            (self.classes / DESCRIPTIONS).symlink_to(Path('..') / DESCRIPTIONS)
        cluster(self.train_data, self.classes, self.own.cluster, stage('clustering', 'samples'),
                WorkersConfig(workers=self.config.workers), stage('describing', 'samples'))

    def _camera(self, stage: Stage) -> None:
        cluster_images(self.train_data, self.out / 'camera' / self.key('camera'), self._clusters,
                       self.own.camera, stage('describing patches', 'samples'))

    def _teacher(self, stage: Stage) -> None:
        train_teacher(self.train_data, self.classes, self.run('teacher'), self.own.teacher,
                      stage('reading', 'samples'), stage('training', 'steps'))

    def _student(self, stage: Stage) -> None:
        train_student(self.train_data, self.classes, self.run('teacher'), self.run('student'),
                      self.own.student, stage('merging', 'samples'),
                      stage('labelling', 'samples'), stage('training', 'steps'))

    def _ema(self, stage: Stage) -> None:
        train_ema(self.train_data, self.classes, self.run('student'), self.run('ema'),
                  self.own.ema, lambda n: stage(f'labelling, round {n}', 'samples'),
                  lambda n: stage(f'training, round {n}', 'steps'))

    def _score(self, row: str, weather: str) -> Part:
        make = self._pseudo if row == 'pseudo' else self._model
        return Part(f'score of {row}', f'score of {row} by {weather}, seed {self.seed}',
                    self.score_key(row, weather), lambda stage: make(row, weather, stage))

    def _pseudo(self, _: str, weather: str, stage: Stage) -> dict[str, Any]:
        found = count_pseudo_labels(
            self.test_data(weather), list(self.test_drives(weather)), self.classes,
            self.classes.parent, self.own.teacher, stage('labelling', 'samples'))
        return {'points': found.points.tolist(), 'pixels': found.pixels.tolist(),
                'clusters': list(load_classes(self.classes)[0].names)}

    def _model(self, row: str, weather: str, stage: Stage) -> dict[str, Any]:
        predict: Predict
        if row == 'camera':
            predict = CameraOnly(self.out / 'camera' / self.key('camera'))
            names = [f'patch_{k}' for k in range(self._clusters)]
        else:
            predict, names = as_model(self.run(row))
        counts = [score_drive(bag, predict, len(names), 1, stage('scoring', 'images'))
                  for bag in self.test_drives(weather)]
        return {'pixels': np.sum(counts, axis=0).tolist(), 'clusters': names}


def _simulation(path: Path, config: SimConfig) -> Callable[[Stage], None]:
    """Return what records a drive, unless it is there: a half-written one never is."""
    def make(stage: Stage) -> None:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            simulate(config, path, stage('simulating', 'frames'))
    return make


def _decisive(config: Config) -> dict[str, Any]:
    """Give the options that decide about a result."""
    return {name: value for name, value in dotted(as_mapping(config)).items()
            if not is_execution(name.removeprefix('training.'))}
