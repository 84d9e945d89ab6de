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
"""What the diagnostics say of a node's speed is that of its last frames."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from dseg_ros.nodes.timing import Timing, WINDOW
import pytest

NOW_NS = 50_000_000_000


@pytest.fixture
def timing() -> Timing:
    """Time a node that nobody listens to; its clock stands."""
    silent = SimpleNamespace(get_subscription_count=lambda: 0, is_activated=True)
    clock = SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=NOW_NS))
    node: Any = SimpleNamespace(output=lambda *_: silent, get_clock=lambda: clock)
    return Timing(node)


def test_median_p99_and_slowest_of_a_window(timing: Timing) -> None:
    """Of stamp to result, message to result and work alone; what is older is forgotten."""
    assert timing.health(0).values == {'frames': 0, 'passed_over': 0}
    for number in (10_000, *range(WINDOW)):  # the first falls out of the window
        now_s = time.monotonic()
        timing.done(NOW_NS - number * 1_000_000, now_s - number - 0.2, now_s - number)
    values = {name: float(value) for name, value in timing.health(3).values.items()}
    assert (values['frames'], values['passed_over']) == (WINDOW + 1, 3)
    found = [values[f'pipeline_latency_{what}_ms'] for what in ('median', 'p99', 'max')]
    assert found == [WINDOW / 2 - 1, 0.99 * WINDOW - 1, WINDOW - 1]
    for name, plus_ms in (('processing', 0.0), ('reply', 200.0)):
        assert values[f'{name}_p99_ms'] == pytest.approx(
            1e3 * (0.99 * WINDOW - 1) + plus_ms, abs=50)
