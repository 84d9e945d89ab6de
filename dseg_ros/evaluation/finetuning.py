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
Supervised fine-tuning with few labels: what pretraining without labels is worth.

The images are chosen by seed; a smaller share is part of a larger one. A model is scored with the
ids of the ground truth, which it has learned: nothing is matched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

from dseg_ros.classes import SemanticClass
from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.finetune import FinetuneConfig, PRETRAINED
from dseg_ros.config.schema import as_mapping
from dseg_ros.distill.augment import TrainingImage
from dseg_ros.distill.finetuning import finetune, training_image
from dseg_ros.distill.merging import weights_sha256
from dseg_ros.distill.prediction import training_of
from dseg_ros.distill.same_run import differing
from dseg_ros.evaluation.labelled import LabelledImages
from dseg_ros.evaluation.machine import machine
from dseg_ros.evaluation.metrics import confusion, score
from dseg_ros.evaluation.predicting import as_model, POST_PROCESSING
from dseg_ros.evaluation.study_parts import Progress, Stage
from dseg_ros.evaluation.study_table import as_csv, as_values, markdown, Row, Value
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import write_atomically
import numpy as np
from numpy.typing import NDArray

SPLIT, SCORE, TABLE = 'split.txt', 'score.json', 'finetuning'


class SplitError(ValueError):
    """A share of images that is none; the message says of how many."""


def sizes_of(run: Path) -> TrainingConfig:
    """
    Tell how a finished run was trained.

    :raises CheckpointError: if it is not finished.
    """
    return training_of(checkpoint.load(run / checkpoint.FINISHED)[1])


def choose(images: Sequence[int], share: float, seed: int) -> list[int]:
    """
    Choose images.

    :param images: numbers of those that may be trained on.
    :param share: of them.
    :param seed: decides; of one seed, a smaller share is part of a larger one.
    :returns: numbers, rising.
    :raises SplitError: if that is no image.
    """
    count = round(share * len(images))
    if not count:
        raise SplitError(f'share {share:g} of {len(images)} images is not one image')
    drawn = np.random.default_rng(seed).permutation(np.asarray(images, np.int64))[:count]
    return sorted(drawn.tolist())


class FewLabels:
    """
    Trainings on shares of labelled images, all with the same test.

    :param run: directory of the finished run to start from.
    :param labelled: images for training.
    :param test: images for the test; None holds out the last of labelled.
    :param config: the recipe.
    :raises SplitError: if a share, or the test, is not one image.
    """

    def __init__(self, run: Path, labelled: LabelledImages, test: LabelledImages | None,
                 config: FinetuneConfig) -> None:
        """Choose all images; no pixel is read yet."""
        self._run, self._labelled, self.config = run, labelled, config
        self._test = labelled if test is None else test
        if self._test.classes != labelled.classes:
            raise SplitError(f'{self._test.title} has other classes than {labelled.title}')
        held = round(config.hold_out * len(labelled)) if test is None else 0
        count = len(labelled) - held
        self._tested = range(count, len(labelled)) if test is None else range(len(test))
        if not self._tested:
            raise SplitError(f'hold_out {config.hold_out:g} of {len(labelled)} images is not one '
                             'image to test with')
        self._chosen = {(share, seed): choose(range(count), share, seed)
                        for share in config.shares for seed in config.seeds}

    def one(self, out: Path, start: str, share: float, seed: int, stage: Stage) -> dict[str, Any]:
        """
        Train and score one network, or what is left of it to do.

        :param out: directory of the run; split.txt and score.json lie beside its weights.
        :param start: one of config.starts.
        :param share: one of config.shares.
        :param seed: one of config.seeds.
        :param stage: shows progress.
        :returns: what score.json holds.
        :raises SplitError: if it is there and of another training.
        """
        training = replace(self.config.training, seed=seed, model=sizes_of(self._run).model)
        made_of = self._made_of(start, share, training)
        if (out / SCORE).exists():
            found: dict[str, Any] = json.loads((out / SCORE).read_text())
            if differs := differing(found.get('made_of', {}), made_of):
                name, there, here = differs
                raise SplitError(f'{out}: holds the score of another training: its {name} is '
                                 f'{there!r}, wanted {here!r}; take another folder')
            return found
        names, drives = self._read(self._chosen[share, seed], training,
                                   stage('reading', 'images'))
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(out / SPLIT, ''.join(f'{name}\n' for name in names))
        finetune(self._run if start == PRETRAINED else None, drives, self._labelled.classes,
                 share, training, out, stage('training', 'steps'))
        result = {'start': start, 'share': share, 'seed': seed, 'images': len(names),
                  'made_of': made_of, **self._score(out, stage('scoring', 'images'))}
        write_atomically(out / SCORE, json.dumps(result, indent=1))
        return result

    def table(self, out: Path, command: str, software: str, stage: Stage) -> Path:
        """
        Train and score all, then write finetuning.json, .csv and .md.

        :param out: folder; each run is in START_SHARE_SEED/.
        :param command: how it was asked for, for the protocol.
        :param software: its version, likewise.
        :param stage: shows progress.
        :returns: the Markdown file.
        """
        c, rows = self.config, []
        images: dict[str, int] = {}
        for start in c.starts:
            values: dict[str, dict[int, Value]] = {}
            for share in c.shares:
                column = f'{100 * share:g} %'
                for seed in c.seeds:
                    found = self.one(out / f'{start}_{share:g}_seed{seed}', start, share, seed,
                                     stage)
                    values.setdefault(column, {})[seed] = Value(found['miou'],
                                                                found['pixel_accuracy'])
                    images[column] = found['images']
            rows.append(Row(start, values))
        if len(rows) == 2:
            rows.append(rows[c.starts.index(PRETRAINED)].gain(
                rows[1 - c.starts.index(PRETRAINED)]))
        protocol = {'command': command, **self._protocol(), 'images': json.dumps(images),
                    'seeds': ', '.join(map(str, c.seeds)), 'software': software,
                    'machine': machine()}
        text = '\n'.join([
            '# Supervised fine-tuning with a share of the labels\n',
            'mIoU / pixel accuracy [%], mean ± standard deviation over seeds.\n',
            markdown('start', list(images), rows),
            *(f'- {name}: {value}' for name, value in protocol.items())]) + '\n'
        write_atomically(out / f'{TABLE}.json', json.dumps(
            {'table': as_values(rows), 'protocol': protocol}, indent=1))
        write_atomically(out / f'{TABLE}.csv', as_csv(rows))
        write_atomically(out / f'{TABLE}.md', text)
        return out / f'{TABLE}.md'

    def _made_of(self, start: str, share: float, training: TrainingConfig) -> dict[str, Any]:
        """Name all that a score depends on."""
        return {**as_mapping(training), 'start': start, 'share': share,
                'run': weights_sha256(self._run), 'labels': self._labelled.title,
                'test': self._test.title, 'images': len(self._tested)}

    def _read(self, chosen: Sequence[int], training: TrainingConfig,
              progress: Progress) -> tuple[list[str], list[list[TrainingImage]]]:
        """Read the chosen images, reduced in size, per drive, with their names."""
        wanted = set(chosen)
        names: list[str] = []
        drives: dict[str, list[TrainingImage]] = {}
        for number, image in enumerate(self._labelled.images()):
            if number in wanted:
                names.append(image.name)
                drives.setdefault(image.part, []).append(
                    training_image(image.rgb, image.truth, image.part, training))
                progress(len(names), len(wanted))
            if len(names) == len(wanted):
                break
        return names, list(drives.values())

    def _score(self, run: Path, progress: Progress) -> dict[str, Any]:
        predict, names = as_model(run)
        counts = np.zeros((len(names) + 1, len(names)), np.int64)
        done = 0
        for number, image in enumerate(self._test.images()):
            if number in self._tested:
                counts += confusion(predict(image.rgb).ids, image.truth, *counts.shape[1:] * 2)
                done += 1
                progress(done, len(self._tested))
        return {**direct(counts, self._labelled.classes), 'protocol': self._protocol()}

    def _protocol(self) -> dict[str, str]:
        tested = (f'{len(self._tested)} images of {self._test.title}'
                  + (', the last by name' if self._test is self._labelled else ''))
        return {
            'training': f'shares of {self._labelled.title}', 'test': tested,
            'classes': self._labelled.label_set,
            'matching': 'none: classes are those of the ground truth, which the network learned',
            'post-processing': POST_PROCESSING}


def direct(counts: NDArray[np.int64], classes: Sequence[SemanticClass]) -> dict[str, Any]:
    """
    Score a network whose class ids are those of the ground truth.

    :param counts: (C + 1, C), see metrics.confusion.
    """
    found = score(counts, np.arange(len(classes)))
    return {'miou': round(100 * found.miou, 2),
            'pixel_accuracy': round(100 * found.accuracy, 2),
            'iou': {c.name: round(100 * float(v), 2) for c, v in zip(classes, found.iou)
                    if np.isfinite(v)}}
