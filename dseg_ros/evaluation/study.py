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
The study: what each stage of the chain is worth on simulated drives, over seeds and weathers.

Training is by day; training and test have no street in common. Started again, it goes on where it
was stopped. `ablate` compares variants of the chain with it and shares all that they have in
common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from dseg_ros.config.ablations import Ablation, ROWS
from dseg_ros.config.schema import as_mapping
from dseg_ros.config.study import overridden, StudyConfig
from dseg_ros.evaluation.machine import machine
from dseg_ros.evaluation.metrics import evaluate
from dseg_ros.evaluation.predicting import POST_PROCESSING
from dseg_ros.evaluation.pseudo_labels import coverage, labelled_only
from dseg_ros.evaluation.study_chain import Chain, TRAIN_WEATHER
from dseg_ros.evaluation.study_parts import (
    Part, result_of, run_parts, seconds_by_kind, Show, threads)
from dseg_ros.evaluation.study_table import as_csv, as_values, markdown, Row, Value
from dseg_ros.models.checkpoint import write_atomically
import numpy as np

STUDY = 'study'
BASE = 'base'

TITLES = {'camera': 'camera-only k-means', 'pseudo': 'pseudo-labels of pixels',
          'teacher': 'teacher', 'student': 'student', 'ema': 'EMA student'}
POINTS = 'pseudo-labels of points'
LABELLED = 'the same, labelled pixels alone'

ORDER = ('student', 'teacher', 'camera')
"""By strict mIoU, best first, on the test in the weather of the training."""


@dataclass(frozen=True)
class Outcome:
    """
    What a study wrote.

    :param table: the table in Markdown, with all that was found.
    :param violations: where the order of the stages does not hold, in words.
    """

    table: Path
    violations: tuple[str, ...] = ()


def study(out: Path, config: StudyConfig, command: str, software: str, show: Show) -> Outcome:
    """
    Train and score all stages, then write study.json, study.csv and study.md.

    :param out: folder for everything.
    :param config: drives, seeds, chain.
    :param command: how it was asked for, for the protocol.
    :param software: its version, likewise.
    :param show: is told of progress.
    """
    rows = tuple(row for row in ROWS if row != 'ema' or config.ema_rounds)
    chains = {seed: Chain(out, config, seed) for seed in config.seeds}
    parts = [part for chain in chains.values() for part in chain.parts(rows)]
    with threads(config.teacher.threads):
        run_parts(out, parts, show)
    table = stage_rows(chains, rows)
    wrong = violations(table, config)
    protocol = _protocol(config, command, software, out, parts)
    first = min(config.weathers, key=lambda w: w != TRAIN_WEATHER)
    text = '\n'.join([
        '# Study: each stage of the chain on simulated drives\n',
        'Strict mIoU / pixel accuracy [%], mean ± standard deviation over seeds.\n',
        markdown('', config.weathers, table), *_coverage_lines(chains),
        f'Order student > teacher > camera-only by {first}: '
        + ('holds in every seed.\n' if not wrong else f'**does not hold**: {"; ".join(wrong)}.\n'),
        *(f'- {name}: {value}' for name, value in protocol.items())]) + '\n'
    return Outcome(_write(out, STUDY, text, table, protocol, order_violations=list(wrong)), wrong)


def ablate(out: Path, name: str, ablation: Ablation, config: StudyConfig, command: str,
           software: str, show: Show) -> Outcome:
    """
    Compare variants with the base, then write ablation_NAME.json, .csv and .md.

    :param out: folder of a study, whose finished parts are taken.
    :param name: of the ablation.
    :param ablation: its variants.
    :param config: the base.
    :param command: how it was asked for, for the protocol.
    :param software: its version, likewise.
    :param show: is told of progress.
    :raises ConfigError: for an option that is unknown or cannot have the value.
    """
    configs = {BASE: config, **{variant: overridden(config, options)
                                for variant, options in ablation.variants.items()}}
    chains = {variant: {seed: Chain(out, c, seed) for seed in config.seeds}
              for variant, c in configs.items()}
    rows = ROWS[1:ROWS.index(ablation.last) + 1]
    parts = [part for seed in config.seeds for of_seeds in chains.values()
             for part in of_seeds[seed].parts(rows)]
    with threads(config.teacher.threads):
        run_parts(out, parts, show)
    tables = {variant: stage_rows(c, rows, f'{variant}: ') for variant, c in chains.items()}
    gains = [row.gain(base) for variant in ablation.variants
             for row, base in zip(tables[variant], tables[BASE])]
    table = [row for of_variant in tables.values() for row in of_variant]
    protocol = {**_protocol(config, command, software, out, parts), 'changed': json.dumps(
        {variant: dict(o) for variant, o in ablation.variants.items()})}
    text = '\n'.join([
        f'# Ablation {name}\n', f'{ablation.text}\n',
        'Strict mIoU / pixel accuracy [%], mean ± standard deviation over seeds.\n',
        markdown('', config.weathers, table),
        'What a variant gains over the base in the same seed:\n',
        markdown('', config.weathers, gains, signed=True),
        *(f'- {key}: {value}' for key, value in protocol.items())]) + '\n'
    return Outcome(_write(out, f'ablation_{name}', text, [*table, *gains], protocol))


def stage_rows(chains: Mapping[int, Chain], rows: tuple[str, ...], before: str = '') -> list[Row]:
    """
    Score what was counted.

    :param chains: by seed, their parts finished.
    :param rows: which of ROWS.
    :param before: what the names begin with.
    """
    found = []
    for row in rows:
        if row == 'pseudo':
            found.append(_row(f'{before}{POINTS}', chains, row, 'points'))
        found.append(_row(f'{before}{TITLES[row]}', chains, row, 'pixels'))
        if row == 'pseudo':
            found.append(_row(f'{before}{LABELLED}', chains, row, 'pixels', labelled=True))
    return found


def violations(table: list[Row], config: StudyConfig) -> tuple[str, ...]:
    """Find, by the weather of the training, seeds in which a stage is not better than the next."""
    by_name = {row.name: row for row in table}
    if TRAIN_WEATHER not in config.weathers:
        return (f'not tested by {TRAIN_WEATHER}',)
    found = []
    for seed in config.seeds:
        for better, worse in zip(ORDER, ORDER[1:]):
            one, other = (by_name[TITLES[k]].values[TRAIN_WEATHER][seed].miou
                          for k in (better, worse))
            if not one > other:
                found.append(f'seed {seed}: {TITLES[better]} {one:.1f}, {TITLES[worse]} '
                             f'{other:.1f}')
    return tuple(found)


def _row(name: str, chains: Mapping[int, Chain], row: str, what: str,
         labelled: bool = False) -> Row:
    def value(chain: Chain, weather: str) -> Value:
        counts = np.asarray(result_of(chain.out, chain.score_key(row, weather))[what], np.int64)
        strict = (labelled_only(counts) if labelled else evaluate(counts)).strict
        return Value(100 * strict.miou, 100 * strict.accuracy)

    weathers = next(iter(chains.values())).config.weathers
    return Row(name, {weather: {seed: value(chain, weather) for seed, chain in chains.items()}
                      for weather in weathers})


def _coverage_lines(chains: Mapping[int, Chain]) -> list[str]:
    """Say how much the pseudo-labels cover."""
    lines = []
    for what in ('points', 'pixels'):
        shares = []
        for weather in next(iter(chains.values())).config.weathers:
            share = np.mean([coverage(np.asarray(result_of(
                c.out, c.score_key('pseudo', weather))[what])) for c in chains.values()])
            shares.append(f'{100 * share:.1f} % by {weather}')
        lines.append(f'Pseudo-labels cover of the {what}: {", ".join(shares)}.\n')
    return lines


def _protocol(config: StudyConfig, command: str, software: str, out: Path,
              parts: list[Part]) -> dict[str, str]:
    """Say what was measured, how and where."""
    images = max(1, round(config.seconds * 10 / config.every))
    train = {seed: config.train_seeds(seed) for seed in config.seeds}
    return {
        'command': command,
        'training': f'{config.train_streets} simulated streets of {images} images by '
                    f'{TRAIN_WEATHER} for each seed: ' + '; '.join(
                        f'seed {s}: streets {v[0]} to {v[-1]}' for s, v in train.items()),
        'test': '; '.join(f'{w}: streets {config.test_seeds(w)[0]} to {config.test_seeds(w)[-1]}'
                          for w in config.weathers) + f', {images} images each, the same for all '
                'seeds, none of them in a training',
        'scored': f'at the full size of the images, {config.width}x{config.height}; unlabelled '
                  'pixels of a prediction are errors (strict)',
        'post-processing': POST_PROCESSING,
        'matching': 'Hungarian, by the sum of IoU, one for each weather and seed over all its '
                    'images; 19 Cityscapes classes, the mean is over those that occur',
        'camera-only': f'k-means on 16-px patches of whole images, {config.camera.features}, as '
                       'many clusters as the chain has classes (our definition)',
        'seeds': f'{", ".join(map(str, config.seeds))}; each also draws the starts of k-means, '
                 'the weights and the crops of its chain',
        'software': software, 'machine': machine(),
        'seconds by kind of part': json.dumps(seconds_by_kind(out, parts)),
    }


def _write(out: Path, name: str, text: str, table: list[Row], protocol: dict[str, str],
           **more: Any) -> Path:
    """Write a result in all three forms; config.json says what exactly was run."""
    write_atomically(out / f'{name}.json', json.dumps(
        {'table': as_values(table), **more, 'protocol': protocol}, indent=1))
    write_atomically(out / f'{name}.csv', as_csv(table))
    write_atomically(out / f'{name}.md', text)
    return out / f'{name}.md'


def remember(out: Path, config: StudyConfig) -> None:
    """Keep what a study was asked for, so that its ablations start from the same."""
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / f'{STUDY}_config.json', json.dumps(as_mapping(config), indent=1))


def remembered(out: Path) -> dict[str, Any] | None:
    """Read what a study in this folder was asked for; None without one."""
    path = out / f'{STUDY}_config.json'
    if not path.exists():
        return None
    values: dict[str, Any] = json.loads(path.read_text())
    return values
