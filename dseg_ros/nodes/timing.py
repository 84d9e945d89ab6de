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

"""How long a node takes: published per frame, summed up in the diagnostics."""

from __future__ import annotations

from collections import defaultdict, deque
import math
import time
from typing import Any

from dseg_ros.nodes.diagnostics import Health
from dseg_ros.nodes.publish import publish_ms, RESULT, wanted
from dseg_ros.nodes.shell import Shell
from std_msgs.msg import Float64

WINDOW = 500
"""Frames that the diagnostics sum up: 17 s at 30 Hz, so that the slowest is not the p99 yet."""


class Timing:
    """Durations of a node's work, by the monotonic clock; pipeline latency by the ROS clock."""

    def __init__(self, node: Shell[Any]) -> None:
        """
        Announce the topics ~/processing_time_ms and ~/pipeline_latency_ms.

        :param node: whose work is timed.
        """
        self.count = 0
        self._node = node
        self._processing = node.output(Float64, '~/processing_time_ms', RESULT)
        self._latency = node.output(Float64, '~/pipeline_latency_ms', RESULT)
        self._took_ms: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))

    def done(self, stamp_ns: int, received_s: float, begun_s: float) -> None:
        """
        Take a frame as finished.

        :param stamp_ns: its stamp [ns].
        :param received_s: when its message came, by the monotonic clock [s].
        :param begun_s: when its work began, by the monotonic clock [s].
        """
        now_s = time.monotonic()
        latency_ms = (self._node.get_clock().now().nanoseconds - stamp_ns) / 1e6
        processing_ms = 1e3 * (now_s - begun_s)
        self.count += 1
        self._took_ms['processing'].append(processing_ms)
        self._took_ms['reply'].append(1e3 * (now_s - received_s))
        self._took_ms['pipeline_latency'].append(latency_ms)
        if wanted(self._processing):
            publish_ms(self._processing, processing_ms)
        if wanted(self._latency):
            publish_ms(self._latency, latency_ms)

    def health(self, replaced: int) -> Health:
        """
        Sum up.

        :param replaced: messages that were passed over for a newer one.
        """
        values: dict[str, object] = {'frames': self.count, 'passed_over': replaced}
        for name, values_ms in list(self._took_ms.items()):
            ordered = sorted(values_ms)
            if not ordered:
                continue  # the worker has its first frame just now
            for what, share in (('median', 0.5), ('p99', 0.99), ('max', 1.0)):
                place = math.ceil(share * len(ordered)) - 1
                values[f'{name}_{what}_ms'] = f'{ordered[place]:.2f}'
        return Health(message=f'{self.count} frames', values=values)
