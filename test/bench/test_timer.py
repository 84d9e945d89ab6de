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

"""The timer: turns, warm-up, slow ones, what is not installed."""

from __future__ import annotations

import time

from dseg_ros.bench.rows import CPU, Spec, WALL
from dseg_ros.bench.timer import Candidate, compare, interleaved, prepare, Timing, WARM_CALLS
import pytest


def test_candidates_take_turns_after_one_call_that_does_not_count() -> None:
    """The round number lets them take turns with their inputs; no one always follows another."""
    names, rounds = ('ours', 'anchor', 'slow'), 30
    calls: list[tuple[str, int]] = []
    timings = interleaved({name: lambda n, name=name: calls.append((name, n))  # type: ignore
                           for name in names}, rounds)
    assert calls[:3] == [(name, 0) for name in names]
    each = 1 + WARM_CALLS  # short ones again and again: the first fill the caches
    counted = calls[2 + each::each]
    assert calls[3:] == [(name, number - back) for name, number in counted
                         for back in range(WARM_CALLS, -1, -1)]
    turns = [counted[i:i + 3] for i in range(0, len(counted), 3)]
    assert [sorted(turn) for turn in turns] == [sorted((name, i) for name in names)
                                                for i in range(rounds)]
    assert len({tuple(name for name, _ in turn) for turn in turns}) == 6
    assert len(timings['ours'].wall_ms) == rounds


def test_a_slow_candidate_sits_out() -> None:
    """But it gets two rounds; the fast one gets all."""
    timings = interleaved({'fast': lambda _: None, 'slow': lambda _: time.sleep(0.05)}, 20,
                          most_s=0.1)
    assert len(timings['fast'].wall_ms) == 20
    assert 2 <= len(timings['slow'].wall_ms) <= 3


def test_both_clocks_are_read() -> None:
    """Sleep takes no CPU time."""
    timing = interleaved({'sleep': lambda _: time.sleep(0.02)}, 3)['sleep']
    assert timing.median_ms(WALL) >= 20 > 2 * timing.median_ms(CPU)


def test_what_is_not_installed_costs_its_rows_alone() -> None:
    """The reason names the library."""
    def anchor() -> Candidate:
        import a_library_that_is_not_there
        return a_library_that_is_not_there.run

    candidates, missing = prepare({'ours': lambda: lambda _: None, 'anchor': anchor})
    row = compare(Spec('row', 'ours', 'anchor'), interleaved(candidates, 2), missing)
    assert row.ours_ms is not None and row.anchor_ms is None
    assert 'a_library_that_is_not_there' in row.reason and row.reason.startswith('not here')


def test_a_row_compares_medians_by_its_clock() -> None:
    """The other clock is kept beside it."""
    timings = {'ours': Timing((1.0, 2.0, 9.0), (3.0, 3.0, 3.0)), 'anchor': Timing((8.0,), (9.0,))}
    row = compare(Spec('row', 'ours', 'anchor'), timings, {}, points=5)
    assert (row.ours_ms, row.anchor_ms, row.ratio) == (2.0, 8.0, 4.0)
    assert row.figures == {'n': 3, 'ours_wall_ms': 3.0, 'anchor_n': 1, 'anchor_wall_ms': 9.0,
                           'points': 5}
    assert compare(Spec('row', 'ours', 'anchor', clock=WALL), timings,
                   {}).ratio == pytest.approx(3.0)
