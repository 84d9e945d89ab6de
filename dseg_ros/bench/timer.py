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
Ours, anchor, ours, anchor, ...: the one timer of all benchmarks.

Machines change their speed while they are measured; taken in turns, all candidates meet the same
changes, so that ratios hold where times do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import gc
import time
from typing import TypeVar

from dseg_ros.bench.rows import Row, Spec, WALL
import numpy as np

Candidate = Callable[[int], object]
"""What is timed; it gets the number of the round, to take turns with its inputs."""
T = TypeVar('T')
Maker = Callable[[], Candidate]
"""Prepares a candidate; raises ImportError if its library is not installed."""

FEWEST = 2
"""Rounds that also the slowest candidate gets."""

WARM_CALLS, WARM_S = 5, 0.02
"""Calls before one that counts, and how long they may take: measured, a projection of 1 ms needs
four until the caches hold what is its own. They are nothing to what takes longer."""


@dataclass(frozen=True)
class Timing:
    """
    What the rounds of a candidate took.

    :param cpu_ms: CPU time of the process, all threads, by round [ms].
    :param wall_ms: time that passed [ms].
    """

    cpu_ms: tuple[float, ...]
    wall_ms: tuple[float, ...]

    @classmethod
    def of(cls, rounds: Sequence[tuple[float, float]]) -> Timing:
        """Make one of CPU and wall time by round [s]."""
        return cls(*(tuple(1e3 * s for s in column) for column in zip(*rounds)))

    def median_ms(self, clock: str) -> float:
        """Return the median by a clock."""
        return float(np.median(self.wall_ms if clock == WALL else self.cpu_ms))


def interleaved(candidates: Mapping[str, Candidate], rounds: int,
                most_s: float = 4.0) -> dict[str, Timing]:
    """
    Time candidates in turns, each called once before, which does not count.

    A short one is called some times before each call that counts, as in a loop of its own: else
    it would find the caches full of what the candidate before it left. The order within a turn
    is drawn anew each time, so that nobody always follows the same one.

    :param candidates: by name, ours first.
    :param rounds: of the fast ones.
    :param most_s: one that has taken so long in all sits out, after FEWEST rounds [s].
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
    last_s = {name: timed(candidate)[1] for name, candidate in candidates.items()}
    left_s = {name: most_s - min(first_s, most_s / 2) for name, first_s in last_s.items()}
    names, draw = list(candidates), np.random.default_rng(0)
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            for name in (names[i] for i in draw.permutation(len(names))):
                if left_s[name] > 0 or len(taken[name]) < FEWEST:
                    begun_s = time.perf_counter()
                    _warm(candidates[name], number, last_s[name])
                    taken[name].append(timed(candidates[name], number))
                    last_s[name] = taken[name][-1][1]
                    left_s[name] -= time.perf_counter() - begun_s
    finally:
        if collecting:
            gc.enable()
    return {name: Timing.of(rounds_of) for name, rounds_of in taken.items()}


def _warm(candidate: Candidate, number: int, last_s: float) -> None:
    """Let a short candidate fill the caches, the last time with what comes before the input."""
    for back in range(min(WARM_CALLS, int(WARM_S / max(last_s, 1e-9))), 0, -1):
        candidate(number - back)


def timed(candidate: Candidate, number: int = 0) -> tuple[float, float]:
    """Call once; returns CPU and wall time [s]."""
    cpu, wall = time.process_time(), time.perf_counter()
    candidate(number)
    return time.process_time() - cpu, time.perf_counter() - wall


def prepare(makers: Mapping[str, Callable[[], T]]) -> tuple[dict[str, T], dict[str, str]]:
    """
    Prepare candidates, as far as their libraries are installed.

    :returns: candidates, and the reasons of those that are missing, both by name.
    """
    candidates: dict[str, T] = {}
    missing: dict[str, str] = {}
    for name, make in makers.items():
        try:
            candidates[name] = make()
        except ImportError as error:
            missing[name] = not_here(error)
    return candidates, missing


def not_here(error: ImportError) -> str:
    """Say what is not installed."""
    name = (error.name or '').partition('.')[0]
    return f'not here: {error}' + (f' (package {name})' if name else '')


def compare(spec: Spec, timings: Mapping[str, Timing], missing: Mapping[str, str],
            ours: str = '', **figures: object) -> Row:
    """
    Make a row of what was timed in one run.

    :param spec: its anchor is a key of timings or missing.
    :param timings: by name.
    :param missing: reasons by name.
    :param ours: the key of ours, if it is not spec.ours.
    :param figures: further ones.
    """
    mine, anchor = timings[ours or spec.ours], timings.get(spec.anchor)
    known: dict[str, object] = {'n': len(mine.wall_ms), 'ours_wall_ms': mine.median_ms(WALL)}
    if anchor is not None:
        known |= {'anchor_n': len(anchor.wall_ms), 'anchor_wall_ms': anchor.median_ms(WALL)}
    return Row(spec, mine.median_ms(spec.clock),
               None if anchor is None else anchor.median_ms(spec.clock), {**known, **figures},
               missing.get(spec.anchor, ''))
