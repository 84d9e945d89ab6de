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

"""The curves of growth as a page that is one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dseg_ros.bench.growth import Curve
from dseg_ros.evaluation.curves import chart, curve_legend
from dseg_ros.evaluation.page import document, facts, note, panel, table


def growth_page(curves: Sequence[Curve], about: Mapping[str, str]) -> str:
    """
    Build the page.

    :param curves: measured.
    :param about: machine, software, command, by name.
    """
    sections = {}
    for against in dict.fromkeys(curve.against for curve in curves):
        own = [curve for curve in curves if curve.against == against]
        charts = ''.join(chart(f'{c.name} [CPU ms] over {against}', {c.name: c.points})
                         for c in own)
        rows = [(c.name, f'{c.exponent:.2f}', c.explanation or 'not above linear') for c in own]
        sections[f'Against {against}'] = panel(
            f'<div class="charts">{charts}</div>' + curve_legend([c.name for c in own[:1]]
                                                                 if len(own) == 1 else [])
            + table(('step', 'exponent', 'why'), rows, (1,)))
    return document('How cost grows', 'Cost = a x size ^ exponent, fitted to medians of turns.',
                    note('CPU time of one thread, and of the one that writes in a harvest. An '
                         'exponent of 1 is linear; below it, a part of the cost does not grow.')
                    + panel(facts(about)), sections)
