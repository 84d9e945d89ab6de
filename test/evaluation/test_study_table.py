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

"""Tables over seeds: means, spreads, and gains taken seed by seed."""

import csv

from dseg_ros.evaluation.study_table import as_csv, as_values, markdown, Row, Value
import pytest

BASE = Row('base', {'day': {1: Value(20, 60), 2: Value(30, 70), 3: Value(40, 80)},
                    'fog': {1: Value(10, 50)}})
MORE = Row('more', {'day': {1: Value(21, 59), 2: Value(31, 69), 3: Value(41, 79)},
                    'fog': {1: Value(9, 55)}})


def test_cells_are_mean_and_deviation() -> None:
    """A single seed has no spread."""
    lines = markdown('row', ['day', 'fog'], [BASE]).splitlines()
    assert lines[0] == '| row | day | fog |'
    assert lines[2] == '| base | 30.0 ± 10.0 / 70.0 ± 10.0 | 10.0 / 50.0 |'


def test_a_gain_is_taken_within_a_seed() -> None:
    """Seeds differ by ten, the gain is one in each."""
    line = markdown('row', ['day', 'fog'], [MORE.gain(BASE)], signed=True).splitlines()[2]
    assert line == '| more: gain | +1.0 ± 0.0 / -1.0 ± 0.0 | -1.0 / +5.0 |'


def test_every_value_is_in_the_csv() -> None:
    """One a line."""
    rows = list(csv.DictReader(as_csv([BASE, MORE]).splitlines()))
    assert len(rows) == 8
    assert rows[2] == {'row': 'base', 'column': 'day', 'seed': '3', 'strict_miou': '40.00',
                       'pixel_accuracy': '80.00'}


def test_values_hold_seeds_and_limits() -> None:
    """For programs."""
    day = as_values([BASE])[0]['columns']['day']
    assert day['miou'] == {'mean': 30.0, 'deviation': 10.0, 'least': 20.0, 'most': 40.0}
    assert day['seeds']['2']['pixel_accuracy'] == pytest.approx(70)
