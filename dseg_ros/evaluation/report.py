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

import json
from pathlib import Path

from dseg_ros.evaluation.page import document, facts, panel
from dseg_ros.evaluation.score_sections import (
    class_confusion, cluster_contents, per_class, per_part, pictures, score_cards)
from dseg_ros.evaluation.scoring import Evaluation

SCORES, REPORT = 'scores.json', 'report.html'


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
    return document(evaluation.title, evaluation.protocol.get('model', ''),
                    score_cards(evaluation), {
                        'Protocol': panel(facts(evaluation.protocol)),
                        'Drives': per_part(evaluation),
                        'Pictures': pictures(evaluation),
                        'Classes': per_class(evaluation),
                        'Confusion of classes': class_confusion(evaluation),
                        'What the pseudo-classes hold': cluster_contents(evaluation)})
