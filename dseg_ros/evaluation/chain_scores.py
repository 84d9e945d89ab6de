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

"""Scores of a chain's parts on labelled images: every training, and the exported model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from dseg_ros.distill.prediction import training_of
from dseg_ros.evaluation.chain import Chain, Training
from dseg_ros.evaluation.labelled import LabelledImages, Predict
from dseg_ros.evaluation.page import facts, heading, note, panel, percent, table
from dseg_ros.evaluation.predicting import as_model, POST_PROCESSING
from dseg_ros.evaluation.score_sections import (
    class_confusion, cluster_contents, MEANINGS, per_class, per_part, pictures, three, TITLES)
from dseg_ros.evaluation.scoring import Evaluation, run_benchmark

Progress = Callable[[int, int], None]


def score_chain(chain: Chain, images: LabelledImages, exported: Predict | None,
                exported_names: Sequence[str], exported_protocol: Mapping[str, str],
                progress: Callable[[str], Progress]) -> dict[str, Evaluation]:
    """
    Score every finished training and the exported model.

    :param chain: the run.
    :param images: what to score on.
    :param exported: the exported model, if there is one.
    :param exported_names: its classes.
    :param exported_protocol: how it predicts.
    :param progress: gives the progress of a part, by its name.
    :returns: by the part's name.
    """
    result = {}
    for training in chain.trainings:
        predict, names = as_model(training.folder)
        result[training.name] = run_benchmark(
            images, predict, names, {'model': f'{training.name}, weights of step '
                                              f'{training.steps}',
                                     'post-processing': _prediction(training)},
            progress(training.name))
    if exported is not None:
        result['exported model'] = run_benchmark(images, exported, exported_names,
                                                 exported_protocol, progress('exported model'))
    return result


def _prediction(training: Training) -> str:
    """Say how a training's network predicts."""
    recipe = training_of(training.made_of)
    window = recipe.window
    how = 'one pass over the whole image' if not window.side_px else (
        f'sliding window of {window.side_px} px, step {window.step_px} px')
    return f'{POST_PROCESSING}; {how}, resized to about {recipe.network_pixels:,} pixels'


def score_table(scores: Mapping[str, Evaluation]) -> str:
    """Compare the parts."""
    if not scores:
        return ''
    rows = [[escape(name), *(cell for one in three(evaluation).values()
                             for cell in (percent(one.miou), percent(one.accuracy)))]
            for name, evaluation in scores.items()]
    heads = [f'{title}, {what}' for title in TITLES.values() for what in ('mIoU', 'accuracy')]
    means = '; '.join(f'{TITLES[name]}: {text}' for name, text in MEANINGS.items())
    own = ('model', 'post-processing')
    how = [[escape(name), *(escape(evaluation.protocol[key]) for key in own)]
           for name, evaluation in scores.items()]
    shared = {k: v for k, v in next(iter(scores.values())).protocol.items() if k not in own}
    return note(f'In %. {means[0].upper()}{means[1:]}.') + panel(table(
        ['part', *heads], rows, range(1, 1 + len(heads)))) + panel(
            heading('Protocol of these figures') + facts(shared)) + panel(
                table(['part', *own], how))


def score_details(scores: Mapping[str, Evaluation]) -> dict[str, str]:
    """Show the last part's pictures, classes and confusion, as sections by title."""
    if not scores:
        return {}
    name, last = list(scores.items())[-1]
    of = note(f'Of: {name}.')
    return {title: of + content for title, content in {
        'Drives': per_part(last),
        'Labelled images': pictures(last),
        'Classes': per_class(last),
        'Confusion of classes': class_confusion(last),
        'What the pseudo-classes hold': cluster_contents(last),
    }.items() if content}
