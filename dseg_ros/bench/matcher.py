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

"""Which image belongs to which cloud, over a recording that is played three times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import time

from dseg_ros.bench.anchors.synchronisers import approximate_time, NS, Push
from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.rows import CPU, Limit, Row, Spec
from dseg_ros.bench.setting import Setting
from dseg_ros.bench.timer import not_here
from dseg_ros.config.sync import SyncConfig
from dseg_ros.sync import NearestMatcher
import numpy as np

ANCHOR = 'ApproximateTimeSynchronizer'
LOOPS, TOLERANCE_S = 3, 0.1
SPECS = (
    Spec('matcher', 'mean |dt| of image and cloud', ANCHOR, (
        Limit('least_pairs', least=0.98, text='pairs for >= 98 % of the clouds in every loop'),),
        'stamps'),
    Spec('matcher, cost', 'per message', ANCHOR, clock=CPU),
)
Events = list[tuple[str, int]]


def stamps(seconds: float) -> Events:
    """
    Make the stamps of a 10 Hz LiDAR and a 30 Hz camera, as they come.

    :returns: kind and stamp [ns], an image 5 ms after its cloud, both with jitter.
    """
    rng, clouds = np.random.default_rng(3), np.arange(round(10 * seconds)) / 10 + 1.0
    images = (np.arange(round(30 * seconds)) / 30) + 1.005
    # kind, stamps, and what the sensor and its driver take until a message is there [s]
    lines = [('cloud', clouds + rng.normal(0, 5e-4, len(clouds)), 0.050),
             ('image', images + rng.normal(0, 5e-4, len(images)), 0.015)]
    events = [(float(s) + after, kind, round(float(s) * NS))
              for kind, all_s, after in lines for s in all_s]
    return [(kind, stamp) for _, kind, stamp in sorted(events)]


class Loops:
    """Counts the pairs of each loop."""

    def __init__(self) -> None:
        """Begin with none."""
        self.dt_ms: list[list[float]] = [[] for _ in range(LOOPS)]
        self.loop = 0

    def matched(self, cloud_ns: int, image_ns: int) -> None:
        """Note a pair."""
        self.dt_ms[self.loop].append(abs(cloud_ns - image_ns) / 1e6)

    def play(self, events: Events, push: Push, end: Callable[[], None]) -> float:
        """Push all loops; returns CPU time per message [ms]."""
        begin = time.process_time()
        for self.loop in range(LOOPS):
            for kind, stamp in events:
                push(kind, stamp)
        end()
        return 1e3 * (time.process_time() - begin) / (LOOPS * len(events))

    @property
    def mean_ms(self) -> float:
        """Mean |dt| [ms]."""
        return float(np.mean([dt for loop in self.dt_ms for dt in loop]))

    @property
    def pairs(self) -> list[int]:
        """Pairs by loop."""
        return [len(loop) for loop in self.dt_ms]


def ours(loops: Loops) -> tuple[Push, Callable[[], None]]:
    """Make our matcher; what waits at the end of a loop comes out at the jump or the flush."""
    matcher = NearestMatcher(SyncConfig(tolerance_ms=(1e3 * TOLERANCE_S,)), ['front'])

    def take(matches: list[object]) -> None:
        for match in matches:
            loops.matched(match.stamp_ns, match.stamps_ns['front'])  # type: ignore[attr-defined]

    def push(kind: str, stamp_ns: int) -> None:
        take(list(matcher.push_cloud(stamp_ns, stamp_ns) if kind == 'cloud' else
                  matcher.push_image('front', stamp_ns, stamp_ns)))
    return push, lambda: take(list(matcher.flush()))


def run(setting: Setting) -> Iterator[Row]:
    """Play the stamps three times; the clock jumps back in between."""
    events = stamps(setting.pick(30.0, 5.0))
    clouds = sum(kind == 'cloud' for kind, _ in events)
    mine, theirs = Loops(), Loops()
    ours_cost = mine.play(events, *ours(mine))
    reason, anchor_ms, anchor_cost = '', None, None
    try:
        push = approximate_time(TOLERANCE_S, theirs.matched)
    except ImportError as error:
        reason = not_here(error)
    else:
        anchor_cost, anchor_ms = theirs.play(events, push, lambda: None), theirs.mean_ms
    figures = {'clouds': clouds, 'pairs_per_loop': mine.pairs,
               'least_pairs': min(mine.pairs) / clouds,
               'anchor_pairs_per_loop': None if reason else theirs.pairs}
    yield Row(SPECS[0], mine.mean_ms, anchor_ms, figures, reason)
    yield Row(SPECS[1], ours_cost, anchor_cost, {'n': LOOPS * len(events)}, reason)


BENCHMARK = Benchmark('clouds and images into pairs, three loops of a recording', SPECS, run, 2)
