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

"""Rows: targets, ratios, tables, pictures, files."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
from dseg_ros.bench.picture import draw, write_picture
from dseg_ros.bench.rows import BenchError, Limit, Row, Spec, WALL
from dseg_ros.bench.running import missed, write_json
from dseg_ros.bench.table import markdown, plain
import pytest

FAST = Spec('proposals', 'sweeps', 'Open3D', (Limit('ours_ms', most=3.0),
                                              Limit('ratio', least=100.0)))
SENT = Spec('images', '30 Hz', 'defaults', (Limit('lost', most=0, text='none lost'),
                                            Limit('p99_ms', most=30.0)), WALL)
BARE = Spec('k-means', 'ours', 'faiss')


@pytest.mark.parametrize(('ours', 'anchor', 'met'), [
    (2.0, 300.0, True), (3.0, 300.0, True), (3.1, 900.0, False), (2.0, 199.0, False),
    (2.0, None, None), (3.1, None, False), (None, None, None)])
def test_a_target_is_met_if_all_of_it_is(ours: float | None, anchor: float | None,
                                         met: bool | None) -> None:
    """What is known to fail has failed; what is not known to hold is not met."""
    assert Row(FAST, ours, anchor).met is met


def test_targets_may_be_of_further_figures() -> None:
    """None lost is met by none; a figure that was not measured leaves it open."""
    assert Row(SENT, 4.0, 9.0, {'lost': 0, 'p99_ms': 12.0}).met is True
    assert Row(SENT, 4.0, 9.0, {'lost': 1, 'p99_ms': 12.0}).met is False
    assert Row(SENT, 4.0, 9.0, {'lost': 0, 'p99_ms': None}).met is None
    assert Row(BARE, 4.0, 9.0).met is None, 'there is no target'
    assert SENT.target == 'none lost, p99 ms <= 30' and FAST.target == '<= 3 ms, >= 100 x'


def test_the_ratio_is_how_often_ours_goes_into_the_anchor() -> None:
    """Above one, ours is faster."""
    assert Row(FAST, 2.0, 300.0).ratio == 150.0
    assert Row(FAST, 2.0).ratio is None and Row(FAST, None, 3.0).ratio is None
    assert missed([Row(FAST, 9.0, 1.0), Row(FAST, 2.0, 300.0)]) == [Row(FAST, 9.0, 1.0)]


def test_rows_as_values() -> None:
    """The keys that programs read, in order; JSON has no NaN and no NumPy."""
    values = Row(FAST, 2.00049, 300.0, {'points': 125_000}).as_values()
    assert list(values)[:7] == ['name', 'ours', 'ours_ms', 'anchor', 'anchor_ms', 'ratio',
                                'target']
    assert values['ours_ms'] == 2.0 and values['met'] is True
    assert values['figures'] == {'points': 125_000}
    json.dumps(values, allow_nan=False)
    absent = BARE.absent('not here: faiss').as_values()
    assert absent['ours_ms'] is absent['met'] is absent['ratio'] is None
    assert absent['reason'] == 'not here: faiss'


def test_the_table_begins_with_ratios_and_gives_reasons() -> None:
    """For a terminal, and the same cells as Markdown."""
    rows = [Row(FAST, 2.0, 300.0), Row(SENT, 7.0, 9.0, {'lost': 3}),
            BARE.absent('not here: no faiss')]
    lines = plain(rows).splitlines()
    assert lines[0].split()[:4] == ['what', 'ratio', 'ours', 'anchor']
    assert '150 x' in lines[1] and lines[1].endswith('yes')
    assert 'lost 3' in lines[2] and lines[2].endswith('NO')
    assert lines[4].strip() == 'not here: no faiss'
    table = markdown(rows, 'a machine').splitlines()
    assert len({line.count('|') for line in table[:5]}) == 1
    assert '| 150 x | 2 ms | 300 ms | Open3D |' in table[2]
    assert 'not here: no faiss' in table[4] and table[6] == 'a machine'


def test_a_picture_of_the_rows(tmp_path: Path) -> None:
    """A bar per ratio and per bound; more rows make it higher."""
    rows = [Row(FAST, 2.0, 300.0), Row(SENT, 7.0, 3.5, {'lost': 0, 'p99_ms': 45.0})]
    path = write_picture(rows, 'a machine', tmp_path / 'bars.png')
    drawn = cv2.imread(str(path))[..., ::-1]
    assert (drawn == (31, 111, 180)).all(axis=2).sum() > 500, 'what is good is blue'
    assert (drawn == (217, 102, 31)).all(axis=2).sum() > 500, 'what is not is orange'
    assert draw([*rows, Row(FAST, 1.0, 2.0)], '').shape[0] > drawn.shape[0]
    with pytest.raises(BenchError, match='no rows'):
        draw([BARE.absent('')], '')


def test_files_are_written_whole(tmp_path: Path) -> None:
    """What was there stays until the new one is complete."""
    path = tmp_path / 'rows.json'
    write_json({'rows': [1]}, path)
    with pytest.raises(TypeError):
        write_json({'rows': [object()]}, path)
    assert json.loads(path.read_text()) == {'rows': [1]}
