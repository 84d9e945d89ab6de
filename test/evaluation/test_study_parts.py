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

"""Work in parts: each is done once, what failed is done again, and the time left is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dseg_ros.evaluation.study_parts import digest, Part, result_of, run_parts, seconds_by_kind
import pytest


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        """Begin."""
        self.parts: list[tuple[Any, ...]] = []

    def part(self, *told: Any) -> None:
        """Remember a part."""
        self.parts.append(told)

    def stage(self, text: str, unit: str) -> Any:
        """Take progress, forget it."""
        return lambda done, total: None


def work(done: list[str], broken: str = '') -> list[Part]:
    """Make five parts, of which two are one; one may be broken."""
    def make(name: str) -> Part:
        def run(stage: Any) -> dict[str, str]:
            if name == broken:
                raise KeyboardInterrupt
            done.append(name)
            return {'of': name}
        return Part(name[0], f'part {name}', f'key_{name}', run)
    return [make(name) for name in ('a1', 'b1', 'a1', 'a2', 'b2')]


def test_a_part_is_done_once(tmp_path: Path) -> None:
    """However often it is asked for, in one run or in several."""
    done: list[str] = []
    run_parts(tmp_path, work(done), Told())
    run_parts(tmp_path, work(done), Told())
    assert done == ['a1', 'b1', 'a2', 'b2']
    assert result_of(tmp_path, 'key_b1') == {'of': 'b1'}
    assert set(seconds_by_kind(tmp_path, work(done))) == {'a', 'b'}


def test_an_interrupted_part_is_the_next_one_to_do(tmp_path: Path) -> None:
    """Those before it are not done again; a half-written result counts as none."""
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_parts(tmp_path, work(done, 'a2'), Told())
    (tmp_path / 'parts' / 'key_b1.json').write_text('{"seconds": 1')
    run_parts(tmp_path, work(done), Told())
    assert done == ['a1', 'b1', 'b1', 'a2', 'b2']


def test_the_time_left_is_that_of_parts_of_the_kind(tmp_path: Path) -> None:
    """It is not known before every kind was done once."""
    told = Told()
    run_parts(tmp_path, work([]), told)
    names, numbers, totals, left = zip(*told.parts)
    assert names == ('part a1', 'part b1', 'part a2', 'part b2')
    assert numbers == (1, 2, 3, 4) and set(totals) == {4}
    assert left[:2] == (None, None) and left[2] > left[3] > 0


def test_a_digest_depends_on_values_alone() -> None:
    """The order of options is of no meaning."""
    assert digest({'a': 1, 'b': 2}, 'x') == digest({'b': 2, 'a': 1}, 'x') != digest({'a': 1}, 'x')
