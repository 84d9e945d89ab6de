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

"""Sections about scores that all reports share."""

from __future__ import annotations

from html import escape

from dseg_ros.evaluation.metrics import Score, UNMATCHED
from dseg_ros.evaluation.page import (
    bar, cards, figure, legend, matrix, note, panel, percent, swatch, table)
from dseg_ros.evaluation.scoring import Evaluation, Shown
from dseg_ros.painting import coloured, full_palette
import numpy as np
from numpy.typing import NDArray

UNMATCHED_RGB = (225, 225, 225)
TITLES = {'strict': 'strict', 'dropped': 'dropped', 'many_to_one': 'many to one'}
MEANINGS = {
    'strict': 'one to one; pixels of unmatched pseudo-classes are errors',
    'dropped': 'one to one; pixels of unmatched pseudo-classes are left out',
    'many_to_one': 'every pseudo-class counts as the class it overlaps most'}


def matched_palette(evaluation: Evaluation) -> NDArray[np.uint8]:
    """Give every cluster the colour of its class under strict matching: (256, 3) uint8."""
    classes = _class_palette(evaluation)
    matching = evaluation.scores.strict.matching
    none = np.array(UNMATCHED_RGB, np.uint8)
    return full_palette(np.where((matching == UNMATCHED)[:, None], none, classes[matching]))


def _class_palette(evaluation: Evaluation) -> NDArray[np.uint8]:
    return np.array([c.rgb for c in evaluation.classes], np.uint8)


def three(evaluation: Evaluation) -> dict[str, Score]:
    """Give the three scores by name."""
    return {name: getattr(evaluation.scores, name) for name in TITLES}


def score_cards(evaluation: Evaluation) -> str:
    """Show the three mIoU."""
    return cards((f'mIoU, {TITLES[name]}', percent(one.miou), '%',
                  f'pixel accuracy {percent(one.accuracy)} %\n{MEANINGS[name]}')
                 for name, one in three(evaluation).items())


def pictures(evaluation: Evaluation) -> str:
    """Show image, prediction and ground truth next to each other."""
    if not evaluation.shown:
        return ''
    predicted, true = matched_palette(evaluation), full_palette(_class_palette(evaluation))
    rows = ''.join(_row(one, predicted, true) for one in evaluation.shown)
    occurring = [evaluation.classes[c] for c in np.flatnonzero(_occurring(evaluation))]
    keys = legend([*((c.name, c.rgb) for c in occurring), ('unmatched', UNMATCHED_RGB),
                   ('unlabelled', (0, 0, 0))])
    return note('Image, prediction in the colours of the matched classes (strict), ground '
                'truth.') + panel(rows + keys)


def _occurring(evaluation: Evaluation) -> NDArray[np.bool_]:
    """Tell the classes that the ground truth holds or a cluster stands for."""
    occurs = evaluation.counts.any(axis=0)
    matching = evaluation.scores.strict.matching
    occurs[matching[matching != UNMATCHED]] = True
    return np.asarray(occurs)


def _row(shown: Shown, predicted: NDArray[np.uint8], true: NDArray[np.uint8]) -> str:
    images = (figure(shown.rgb, '.jpg', 'image'),
              figure(coloured(shown.predicted, predicted), '.png', 'prediction'),
              figure(coloured(shown.truth, true), '.png', 'ground truth'))
    return f'<div class="shots three">{"".join(images)}<p>{escape(shown.name)}</p></div>'


def per_class(evaluation: Evaluation) -> str:
    """List the IoU of every class, with a bar for the strict one."""
    scores, pixels = three(evaluation), evaluation.counts.sum(axis=0)
    inverse = {c: evaluation.clusters[k] for k, c in enumerate(scores['strict'].matching)}
    rows = [[swatch(label.rgb) + escape(label.name),
             *(percent(one.iou[c]) for one in scores.values()),
             bar(scores['strict'].iou[c], label.rgb),
             f'{100 * pixels[c] / max(pixels.sum(), 1):.1f}', escape(inverse.get(c, '–'))]
            for c, label in enumerate(evaluation.classes)]
    return note('IoU in %; – where the ground truth holds no pixel of a class, which then does '
                'not count.') + panel(table(
                    ['class', *TITLES.values(), '', '% of pixels', 'matched to'], rows,
                    (1, 2, 3, 5), wide=4))


def per_part(evaluation: Evaluation) -> str:
    """Compare the parts (drives), if there are several."""
    if len(evaluation.parts) < 2:
        return ''
    rows = [[escape(name), f'{evaluation.parts[name].sum():,}', percent(one.miou),
             percent(one.accuracy)] for name, one in evaluation.of_parts().items()]
    return note('Strict, in %, by the matching over all of them together; a mean is over the '
                'classes that occur in the drive.') + panel(table(
                    ['drive', 'labelled pixels', 'mIoU', 'pixel accuracy'], rows, (1, 2, 3)))


def class_confusion(evaluation: Evaluation) -> str:
    """Show where the pixels of every class went."""
    counts, matching = evaluation.counts, evaluation.scores.strict.matching
    classes = len(evaluation.classes)
    by_class = np.zeros((classes + 1, classes), np.int64)  # (predicted class, true class)
    np.add.at(by_class, np.append(matching, UNMATCHED), counts)  # the last row: unmatched
    present, used = np.flatnonzero(counts.any(axis=0)), np.flatnonzero(by_class.any(axis=1))
    names = evaluation.class_names
    return note('% of the pixels of each true class, by the class that is matched to the '
                'prediction (strict); rows add up to 100.') + panel(matrix(
                    by_class[used][:, present].T, [names[c] for c in present],
                    [[*names, 'unmatched'][i] for i in used]))


def cluster_contents(evaluation: Evaluation) -> str:
    """Show what every cluster is made of."""
    counts = evaluation.counts
    present, clusters = np.flatnonzero(counts.any(axis=0)), np.flatnonzero(counts.any(axis=1))
    names = [*evaluation.clusters, 'no prediction']
    return note('% of the pixels of each pseudo-class, by their true class; rows add up to '
                '100.') + panel(matrix(counts[clusters][:, present], [names[k] for k in clusters],
                                       [evaluation.class_names[c] for c in present]))
