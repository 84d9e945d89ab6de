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

"""The page about a run of the whole chain: what was found, learned and is predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
import json
from pathlib import Path

import cv2
from dseg_ros.config.schema import as_mapping
from dseg_ros.distill.class_files import SHEET, SHEETS, SWEEP
from dseg_ros.distill.collapse import TOP_SHARE
from dseg_ros.distill.curves import COLUMNS
from dseg_ros.evaluation.chain import Chain
from dseg_ros.evaluation.chain_examples import dense_shares, Example
from dseg_ros.evaluation.chain_pictures import example_pictures, predicted_shares
from dseg_ros.evaluation.chain_scores import score_details, score_table
from dseg_ros.evaluation.curves import chart, curve_legend
from dseg_ros.evaluation.page import (
    bar, cards, details, document, facts, figure, note, panel, percent, picture, swatch, table)
from dseg_ros.evaluation.scoring import Evaluation
from dseg_ros.models.checkpoint import write_atomically
from dseg_ros.pseudo.pseudo_classes import palette
import numpy as np
from numpy.typing import NDArray

_CURVES = {'loss': 'Loss', 'accuracy': 'Share of labelled pixels that are right',
           'learning_rate': 'Learning rate',
           TOP_SHARE: 'Share of the most predicted class'}
_STEP, _RATE = 'step', 'crops_per_s'
assert {*_CURVES, _STEP, _RATE} <= set(COLUMNS)


def write_chain_report(chain: Chain, shown: Sequence[Example], scores: Mapping[str, Evaluation],
                       made: Mapping[str, str], out: Path, probes: str = '') -> Path:
    """
    Write the page.

    :param chain: the run.
    :param shown: images as every step sees them.
    :param scores: by part, if any was scored.
    :param made: what made the page: software, machine.
    :param out: the page.
    :param probes: what probes found, content.
    """
    sections = {
        'Protocol': _protocol(chain, made),
        'Scores': score_table(scores),
        'Pseudo-classes': _sheets(chain),
        'Class frequencies': _frequencies(chain, shown),
        'Training': _training(chain),
        'Pictures': example_pictures(chain, shown),
        **score_details(scores),
        'Probes': probes,
        'Recipes': panel(''.join(details(name, text) for name, text in _recipes(chain).items())),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, document(
        f'Drive&Segment: {chain.run.resolve().name}',
        'From drives without labels to a segmentation: pseudo-classes, teacher, student and '
        'rounds with their moving average.', _cards(chain, scores), sections))
    return out


def _cards(chain: Chain, scores: Mapping[str, Evaluation]) -> str:
    """Say the most important in numbers."""
    names = chain.last.made_of.class_names
    about = [('data', f'{len(chain.data)}', 'samples', f'{len(chain.data.sources)} drives'),
             ('classes', f'{len(names)}', '', f'of {len(chain.found.names)} pseudo-classes'),
             ('trainings', f'{len(chain.trainings)}', 'finished', ', '.join(
                 f'{t.name}: {t.steps} steps' for t in chain.trainings))]
    if scores:
        name, last = list(scores.items())[-1]
        strict = last.scores.strict
        about.insert(0, (f'strict mIoU, {name}', percent(strict.miou), '%',
                         f'pixel accuracy {percent(strict.accuracy)} %\n{last.title}'))
    return cards(about)


def _protocol(chain: Chain, made: Mapping[str, str]) -> str:
    """Say what everything on the page comes from."""
    manifest = chain.data.manifest
    drives = '; '.join(f'{s.name}: {s.samples} of {s.origin}' for s in manifest.sources)
    modes = ', '.join(chain.recipe.feature_modes)
    rows = {
        'run': str(chain.run),
        'data set': f'{chain.data.path}: {len(chain.data)} samples, {chain.data_sha256[:12]}, '
                    f'written by {manifest.software}',
        'drives': drives,
        'pseudo-classes': f'{", ".join(chain.found.names)}; features: {modes}; seed '
                          f'{chain.recipe.seed}',
        **{t.name: f'{t.steps} steps of {t.made_of.recipe.get("batch")} crops '
                   f'{t.made_of.recipe.get("crop_width")}x{t.made_of.recipe.get("crop_height")}, '
                   f'seed {t.made_of.recipe.get("seed")}, network sees '
                   f'{t.made_of.recipe.get("network_pixels"):,} pixels; learned from '
                   f'{t.made_of.data_sha256[:12]}' for t in chain.trainings},
        **dict.fromkeys(chain.unfinished, 'none that is finished'),
        **{f'this page, {name}': text for name, text in made.items()},
    }
    return note('The first 12 digits of each hash. Recipes are printed in full at the end.'
                ) + panel(facts(rows))


def _sheets(chain: Chain) -> str:
    """Show the contact sheets: all classes at a glance, then each one."""
    whole = [picture(rgb, '.jpg', path.stem) for path in (
        chain.classes / SHEET, chain.classes / f'{SWEEP}.png')
        if (rgb := _read(path)) is not None]
    each = [figure(rgb, '.jpg', name) for name in chain.found.names
            if (rgb := _read(chain.classes / SHEETS / f'{name}.png')) is not None]
    if not whole and not each:
        return ''
    singly = panel(f'<div class="shots three">{"".join(each)}</div>') if each else ''
    return note('Crops of what fell into each class, drawn evenly from all drives, its points in '
                'its colour. Names are numbers: what a class means is for the eye. A picture '
                'grows while it is pressed.') + ''.join(
        panel(f'<div class="sheet">{one}</div>') for one in whole) + singly


def _read(path: Path) -> NDArray[np.uint8] | None:
    bgr = cv2.imread(str(path)) if path.is_file() else None
    return None if bgr is None else np.asarray(bgr[..., ::-1], np.uint8)


def _training(chain: Chain) -> str:
    """Draw the curves of all trainings over one another."""
    charts = ''.join(chart(f'{title}, by step', {
        name: [(row[_STEP], row[column]) for row in rows if {_STEP, column} <= set(row)]
        for name, rows in chain.curves.items()}) for column, title in _CURVES.items())
    if not charts:
        return ''
    rates = [[escape(name), f'{rows[-1].get(_STEP, 0):.0f}', _last(rows, 'loss', '.3f'),
              _last(rows, 'accuracy', '.3f'), f'{_median(rows):.1f}']
             for name, rows in chain.curves.items()]
    return note('Means between checkpoints, of training crops. The teacher learns partial labels, '
                'the student dense ones, and the loss of EMA rounds holds their soft targets, '
                'too: levels are not to be compared between them. The machine of a training is '
                'not recorded; crops/s are its own.') + panel(
        f'<div class="charts">{charts}</div>' + curve_legend(list(chain.curves))) + panel(table(
            ['training', 'steps', 'last loss', 'last accuracy', 'crops/s (median)'], rates,
            (1, 2, 3, 4))) + _warnings(chain)


def _warnings(chain: Chain) -> str:
    """Repeat the early warnings of collapse that trainings gave."""
    return ''.join(details(f'{name}: {len(texts)} early warnings', '\n'.join(texts))
                   for name, texts in chain.warnings.items())


def _last(rows: Sequence[Mapping[str, float]], column: str, form: str) -> str:
    return format(rows[-1][column], form) if column in rows[-1] else '–'


def _median(rows: Sequence[Mapping[str, float]]) -> float:
    return float(np.median([row.get(_RATE, np.nan) for row in rows]))


Column = tuple[str, NDArray[np.float64]]


def _frequencies(chain: Chain, shown: Sequence[Example]) -> str:
    """List how often each class is labelled and predicted."""
    first = chain.trainings[0]
    student = chain.training('student')
    groups: dict[tuple[str, ...], tuple[NDArray[np.uint8], list[Column]]] = {}

    def add(names: Sequence[str], colours: NDArray[np.uint8], column: Column) -> None:
        groups.setdefault(tuple(names), (colours, []))[1].append(column)

    found = chain.found.names
    add(found, palette(found), ('LiDAR points', chain.point_shares()))
    add(found, palette(found), ('partial labels*', predicted_shares(
        [e.partial for e in shown], len(found))))
    if student:
        dense = dense_shares(student)
        if dense is not None:
            add(student.made_of.class_names, student.palette(), ('dense labels', dense))
    for training in chain.trainings:
        names = training.made_of.class_names
        add(names, training.palette(), (f'{training.name}*', predicted_shares(
            [e.predicted[training.name] for e in shown], len(names))))
    tables = ''.join(panel(_shares(names, colours, columns))
                     for names, (colours, columns) in groups.items())
    merged = '' if len(groups) == 1 else (
        f' The {first.name} tells {len(found)} classes apart; later ones were merged.')
    return note(f'Share of each class in %, over the whole data set; with * over the {len(shown)} '
                f'images shown below.{merged} A class that a network never predicts is dead.'
                ) + tables


def _shares(names: Sequence[str], colours: NDArray[np.uint8], columns: Sequence[Column]) -> str:
    largest = max(float(columns[-1][1].max()), 1e-9)
    rows = [[swatch(rgb) + escape(name), *(percent(shares[i]) for _, shares in columns),
             bar(columns[-1][1][i] / largest, rgb)]
            for i, (name, rgb) in enumerate(zip(names, colours.tolist()))]
    return table(['class', *(title for title, _ in columns), ''], rows,
                 range(1, 1 + len(columns)), wide=1 + len(columns))


def _recipes(chain: Chain) -> dict[str, str]:
    """Write every recipe in full."""
    return {'pseudo-classes': json.dumps(as_mapping(chain.recipe), indent=1),
            **{f'harvest of {source.name}': json.dumps(source.recipe, indent=1)
               for source in chain.data.manifest.sources},
            **{t.name: json.dumps(t.made_of.recipe, indent=1) for t in chain.trainings}}
