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

"""Frames are taken by number, time and way."""

from __future__ import annotations

from dseg_ros.config.dataset import SelectionConfig
from dseg_ros.dataset.selection import NO_POSITION, NOT_NTH, Selector, TOO_NEAR, TOO_SOON
import numpy as np


def judged(config: SelectionConfig, stamps_s: list[float],
           metres: list[float | None] | None = None) -> list[str | None]:
    """Judge frames at some times, standing at some metres of a straight road."""
    selector = Selector(config)
    return [selector(round(s * 1e9), None if m is None else np.array([m, 0.0, 0.0]))
            for s, m in zip(stamps_s, metres or [None] * len(stamps_s))]


def test_by_default_every_frame_is_taken() -> None:
    """Nothing is left out unless it is asked for."""
    assert judged(SelectionConfig(), [0.0, 0.0, 0.1, -5.0]) == [None] * 4


def test_every_nth() -> None:
    """Counted from the first frame."""
    assert judged(SelectionConfig(every=3), [0.0] * 7) == [
        None, NOT_NTH, NOT_NTH, None, NOT_NTH, NOT_NTH, None]


def test_time_counts_from_the_last_sample_and_survives_a_jump_back() -> None:
    """A second loop of the same bag is taken like the first."""
    reasons = judged(SelectionConfig(min_interval_s=0.25), [0.0, 0.1, 0.2, 0.3, 0.4, 0.0, 0.1])
    assert reasons == [None, TOO_SOON, TOO_SOON, None, TOO_SOON, None, TOO_SOON]


def test_way_counts_from_the_last_sample() -> None:
    """A vehicle that stands or creeps gives one sample per stretch, also driving backwards."""
    config = SelectionConfig(min_distance_m=1.0)
    assert judged(config, [0.0] * 6, [0.0, 0.0, 0.6, 1.2, 1.3, 0.1]) == [
        None, TOO_NEAR, TOO_NEAR, None, TOO_NEAR, None]
    assert judged(config, [0.0, 1.0], [None, 0.0]) == [NO_POSITION, None]
