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
A long piece of work in parts, each done once: what a kill leaves is skipped by the next run.

OUT/parts/KEY.json is written when a part is finished and holds its result and how long it took; a
key holds a hash of all that the part depends on, so variants share what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
import time
from typing import Any, Protocol

from dseg_ros.models.checkpoint import write_atomically
import numpy as np
import torch

FOLDER = 'parts'

Progress = Callable[[int, int], None]
Stage = Callable[[str, str], Progress]
"""Given what is being done and its unit, returns what is told of progress."""


class Show(Protocol):
    """Who is told how far the work is."""

    def part(self, name: str, number: int, total: int, left_s: float | None) -> None:
        """Tell that a part begins, and how long all that is left may take, if that is known."""

    def stage(self, text: str, unit: str) -> Progress:
        """Return what is told of the progress of a stage of a part."""


@dataclass(frozen=True, eq=False)
class Part:
    """
    A part of the work.

    :param kind: parts of one kind take about as long.
    :param name: for people.
    :param key: its file's name; the same key, the same part.
    :param make: does it, or goes on with it; returns plain values to keep.
    """

    kind: str
    name: str
    key: str
    make: Callable[[Stage], Any]


def digest(*parts: Any) -> str:
    """Hash plain values, short enough for a file name."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]


def run_parts(out: Path, parts: Sequence[Part], show: Show) -> None:
    """
    Do what is not done yet, in order; a part that comes twice is done once.

    :param out: folder of the work.
    :param parts: each may need those before it.
    :param show: is told of progress.
    """
    wanted = list({part.key: part for part in parts}.values())
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    taken = {part.key: _seconds(out, part) for part in wanted}
    for number, part in enumerate(wanted, 1):
        if taken[part.key] is not None:
            continue
        show.part(part.name, number, len(wanted), _left_s(wanted, taken))
        began = time.monotonic()
        result = part.make(show.stage)
        taken[part.key] = time.monotonic() - began
        write_atomically(_path(out, part.key), json.dumps(
            {'kind': part.kind, 'name': part.name, 'seconds': round(taken[part.key] or 0, 2),
             'result': result}))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch compute in so many threads meanwhile: also where no training says so."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def result_of(out: Path, key: str) -> Any:
    """Read what a finished part returned."""
    return json.loads(_path(out, key).read_text())['result']


def seconds_by_kind(out: Path, parts: Sequence[Part]) -> dict[str, float]:
    """Add up what finished parts took, by kind [s]."""
    total: dict[str, float] = {}
    for part in {part.key: part for part in parts}.values():
        total[part.kind] = round(total.get(part.kind, 0) + (_seconds(out, part) or 0), 1)
    return total


def _path(out: Path, key: str) -> Path:
    return out / FOLDER / f'{key}.json'


def _seconds(out: Path, part: Part) -> float | None:
    """Read how long a part took; None if it is not finished."""
    try:
        return float(json.loads(_path(out, part.key).read_text())['seconds'])
    except (OSError, KeyError, ValueError):
        return None


def _left_s(parts: Sequence[Part], taken: dict[str, float | None]) -> float | None:
    """Estimate from finished parts of the same kinds; None while a kind is unknown."""
    left = 0.0
    for part in parts:
        if taken[part.key] is None:
            known = [s for p in parts if p.kind == part.kind
                     and (s := taken[p.key]) is not None]
            if not known:
                return None
            left += float(np.mean(known))
    return left
