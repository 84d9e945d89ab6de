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

"""One self-contained page about an evaluation: protocol, scores, pictures, confusion."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
import json
from pathlib import Path

import cv2
from dseg_ros.evaluation.metrics import Score, UNMATCHED
from dseg_ros.evaluation.scoring import Evaluation, Shown
from dseg_ros.painting import coloured, full_palette
import numpy as np
from numpy.typing import NDArray

SCORES, REPORT = 'scores.json', 'report.html'
UNMATCHED_RGB = (225, 225, 225)
TITLES = {'strict': 'strict', 'dropped': 'dropped', 'many_to_one': 'many to one'}
MEANINGS = {
    'strict': 'one to one; pixels of unmatched pseudo-classes are errors',
    'dropped': 'one to one; pixels of unmatched pseudo-classes are left out',
    'many_to_one': 'every pseudo-class counts as the class it overlaps most'}

STYLE = """
:root { --ink: #1d2733; --soft: #66717e; --line: #e3e7ec; --tint: 31, 95, 160; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f7f9; color: var(--ink);
       font: 15px/1.5 system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 26px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 17px; margin: 40px 0 12px; }
p { color: var(--soft); margin: 4px 0 14px; }
.panel, .score { background: #fff; border: 1px solid var(--line); border-radius: 10px; }
.panel { padding: 16px 20px; overflow-x: auto; }
.scores { display: grid; grid-template-columns: repeat(3, 1fr); gap: 14px; margin-top: 24px; }
.score { padding: 16px 20px; }
.score b { font-size: 34px; font-weight: 600; letter-spacing: -.02em; }
.score.first { border-color: rgb(var(--tint)); box-shadow: inset 0 3px rgb(var(--tint)); }
.score span { color: var(--soft); }
.score small { display: block; color: var(--soft); margin-top: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { font-weight: 500; text-align: left; color: var(--soft); }
td, th { padding: 4px 8px 4px 0; }
.lines tr + tr > * { border-top: 1px solid var(--line); }
.protocol th { width: 150px; vertical-align: top; }
.number { text-align: right; }
.number + td:not(.number), .number + th:not(.number) { padding-left: 20px; }
.bar { height: 9px; border-radius: 3px; }
.wide { width: 38%; }
i { display: inline-block; width: 13px; height: 13px; border-radius: 3px; margin-right: 8px;
    vertical-align: -2px; box-shadow: inset 0 0 0 1px #0002; }
.shots { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px; margin-bottom: 14px; }
.shots img { width: 100%; display: block; border-radius: 4px; }
.shots p { grid-column: 1 / -1; margin: 0; font-size: 13px; }
.legend { font-size: 13px; display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); }
.matrix { font-size: 11px; width: auto; }
.matrix td { width: 38px; min-width: 38px; height: 26px; padding: 0; text-align: center;
             border: 1px solid #fff; }
.matrix thead th { height: 96px; padding: 0; vertical-align: bottom; }
.matrix thead span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.matrix tbody th { white-space: nowrap; padding: 0 10px 0 0; }
"""


def write_report(evaluation: Evaluation, folder: Path) -> Path:
    """
    Write the figures as JSON and as a page that needs no other file and no network.

    :param folder: gets `scores.json` and `report.html`; made where it is not there.
    :returns: the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCORES).write_text(json.dumps(evaluation.summary(), indent=1) + '\n')
    (folder / REPORT).write_text(page(evaluation), encoding='utf-8')
    return folder / REPORT


def page(evaluation: Evaluation) -> str:
    """Build the page."""
    title = escape(evaluation.protocol.get('benchmark', 'evaluation'))
    sections = [_cards(evaluation), _protocol(evaluation), _pictures(evaluation),
                _per_class(evaluation), _matrices(evaluation)]
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<style>{STYLE}</style></head><body><main><h1>{title}</h1>'
            f'<p>{escape(evaluation.protocol.get("model", ""))}</p>\n'
            + '\n'.join(sections) + '\n</main></body></html>\n')


def matched_palette(evaluation: Evaluation) -> NDArray[np.uint8]:
    """Give every cluster the colour of its class under strict matching: (256, 3) uint8."""
    classes = _class_palette(evaluation)
    matching = evaluation.scores.strict.matching
    none = np.array(UNMATCHED_RGB, np.uint8)
    return full_palette(np.where((matching == UNMATCHED)[:, None], none, classes[matching]))


def _class_palette(evaluation: Evaluation) -> NDArray[np.uint8]:
    return np.array([c.rgb for c in evaluation.classes], np.uint8)


def _three(evaluation: Evaluation) -> dict[str, Score]:
    scores = evaluation.scores
    return {name: getattr(scores, name) for name in TITLES}


def _cards(evaluation: Evaluation) -> str:
    """Show the three mIoU."""
    cards = (f'<div class="score{" first" if name == "strict" else ""}">'
             f'<span>mIoU, {TITLES[name]}</span><br><b>{_percent(one.miou)}</b> <span>%</span>'
             f'<small>pixel accuracy {_percent(one.accuracy)} %<br>{MEANINGS[name]}</small></div>'
             for name, one in _three(evaluation).items())
    return f'<div class="scores">{"".join(cards)}</div>'


def _protocol(evaluation: Evaluation) -> str:
    """Say how it was measured."""
    rows = ''.join(f'<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>'
                   for key, value in evaluation.protocol.items())
    return _section('Protocol', '', f'<table class="protocol lines">{rows}</table>')


def _pictures(evaluation: Evaluation) -> str:
    """Show image, prediction and ground truth next to each other."""
    if not evaluation.shown:
        return ''
    predicted, true = matched_palette(evaluation), full_palette(_class_palette(evaluation))
    rows = ''.join(_row(one, predicted, true) for one in evaluation.shown)
    occurring = [evaluation.classes[c] for c in np.flatnonzero(_occurring(evaluation))]
    legend = [*((c.name, c.rgb) for c in occurring), ('unmatched', UNMATCHED_RGB),
              ('unlabelled', (0, 0, 0))]
    keys = ''.join(f'<span>{_swatch(rgb)}{escape(name)}</span>' for name, rgb in legend)
    return _section('Pictures', 'Image, prediction in the colours of the matched classes '
                    '(strict), ground truth.', f'{rows}<div class="legend">{keys}</div>')


def _occurring(evaluation: Evaluation) -> NDArray[np.bool_]:
    """Tell the classes that the ground truth holds or a cluster stands for."""
    occurs = evaluation.counts.any(axis=0)
    matching = evaluation.scores.strict.matching
    occurs[matching[matching != UNMATCHED]] = True
    return np.asarray(occurs)


def _row(shown: Shown, predicted: NDArray[np.uint8], true: NDArray[np.uint8]) -> str:
    images = (_picture(shown.rgb, '.jpg', 'image'),
              _picture(coloured(shown.predicted, predicted), '.png', 'prediction'),
              _picture(coloured(shown.truth, true), '.png', 'ground truth'))
    return f'<div class="shots">{"".join(images)}<p>{escape(shown.name)}</p></div>'


def _picture(rgb: NDArray[np.uint8], suffix: str, text: str) -> str:
    """Put a picture into the page itself."""
    _, file = cv2.imencode(suffix, np.ascontiguousarray(rgb[..., ::-1]))
    kind = {'.jpg': 'jpeg', '.png': 'png'}[suffix]
    data = base64.b64encode(file.tobytes()).decode()
    return f'<img alt="{text}" src="data:image/{kind};base64,{data}">'


def _per_class(evaluation: Evaluation) -> str:
    """List the IoU of every class, with a bar for the strict one."""
    three, pixels = _three(evaluation), evaluation.counts.sum(axis=0)
    inverse = {c: evaluation.clusters[k] for k, c in enumerate(three['strict'].matching)}
    heads = ''.join(f'<th class="number">{title}</th>' for title in TITLES.values())
    rows = []
    for c, label in enumerate(evaluation.classes):
        iou = three['strict'].iou[c]
        width = 0.0 if np.isnan(iou) else 100 * float(iou)
        numbers = ''.join(f'<td class="number">{_percent(one.iou[c])}</td>'
                          for one in three.values())
        rows.append(
            f'<tr><td>{_swatch(label.rgb)}{escape(label.name)}</td>{numbers}<td class="wide">'
            f'<div class="bar" style="width:{width:.1f}%;background:{_css(label.rgb)}"></div></td>'
            f'<td class="number">{100 * pixels[c] / max(pixels.sum(), 1):.1f}</td>'
            f'<td>{escape(inverse.get(c, "–"))}</td></tr>')
    return _section('Classes', 'IoU in %; – where the ground truth holds no pixel of a class, '
                    'which then does not count.', '<table class="lines"><tr><th>class</th>'
                    f'{heads}<th></th><th class="number">% of pixels</th><th>matched to</th></tr>'
                    f'{"".join(rows)}</table>')


def _matrices(evaluation: Evaluation) -> str:
    """Show where the pixels of every class went, and what every cluster is made of."""
    counts, matching = evaluation.counts, evaluation.scores.strict.matching
    classes = len(evaluation.classes)
    by_class = np.zeros((classes + 1, classes), np.int64)  # (predicted class, true class)
    np.add.at(by_class, np.append(matching, UNMATCHED), counts)  # the last row: unmatched
    present = np.flatnonzero(counts.any(axis=0))
    names = evaluation.class_names
    true_names = [names[c] for c in present]
    used = np.flatnonzero(by_class.any(axis=1))
    predicted = [[*names, 'unmatched'][i] for i in used]
    clusters = np.flatnonzero(counts.any(axis=1))
    found = [[*evaluation.clusters, 'no prediction'][k] for k in clusters]
    return (_section('Confusion of classes', '% of the pixels of each true class, by the class '
                     'that is matched to the prediction (strict); rows add up to 100.',
                     _matrix(by_class[used][:, present].T, true_names, predicted))
            + _section('What the pseudo-classes hold', '% of the pixels of each pseudo-class, by '
                       'their true class; rows add up to 100.',
                       _matrix(counts[clusters][:, present], found, true_names)))


def _matrix(pixels: NDArray[np.int64], rows: Sequence[str], columns: Iterable[str]) -> str:
    """Draw a matrix, each row in % of its sum."""
    share = 100 * pixels / np.maximum(pixels.sum(axis=1, keepdims=True), 1)
    head = ''.join(f'<th><span>{escape(name)}</span></th>' for name in columns)
    body = ''.join(f'<tr><th>{escape(name)}</th>{"".join(map(_cell, values))}</tr>'
                   for name, values in zip(rows, share.tolist()))
    return (f'<table class="matrix"><thead><tr><th></th>{head}</tr></thead>'
            f'<tbody>{body}</tbody></table>')


def _cell(percent: float) -> str:
    ink = ';color:#fff' if percent > 55 else ''
    text = f'{percent:.0f}' if percent >= 0.5 else ''
    opacity = 0.03 + 0.0097 * percent
    return f'<td style="background:rgba(var(--tint),{opacity:.3f}){ink}">{text}</td>'


def _section(title: str, note: str, content: str) -> str:
    text = f'<p>{escape(note)}</p>' if note else ''
    return f'<h2>{escape(title)}</h2>{text}<div class="panel">{content}</div>'


def _swatch(rgb: Sequence[int]) -> str:
    return f'<i style="background:{_css(rgb)}"></i>'


def _css(rgb: Sequence[int]) -> str:
    return '#{:02x}{:02x}{:02x}'.format(*rgb)


def _percent(share: float) -> str:
    return f'{100 * float(share):.1f}' if np.isfinite(share) else '–'
