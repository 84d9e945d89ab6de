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

"""Health of a node on /diagnostics: a few checks, asked once per second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from dseg_ros.nodes.inputs import Feed
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
PERIOD_S = 1.0
SILENT_S = 3.0
ARRIVES = 0.8
"""Share of a sensor's messages that must arrive."""


@dataclass(frozen=True)
class Health:
    """What a check found: level, one sentence, values by name."""

    level: bytes = OK
    message: str = 'ok'
    values: Mapping[str, object] = field(default_factory=dict)


class Diagnostics:
    """
    Publishes a node's checks.

    Timed by the machine's clock (a paused bag must not silence them), stamped with the node's.
    """

    def __init__(self, node: Node) -> None:
        """
        Start without checks.

        :param node: whose health it is; its name leads every status.
        """
        self._node = node
        self._checks: dict[str, Callable[[], Health]] = {}
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        node.create_timer(PERIOD_S, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def add(self, name: str, check: Callable[[], Health]) -> None:
        """Ask a check from now on, in the executor's thread."""
        self._checks[name] = check

    def remove(self, name: str) -> None:
        """Ask a check no more."""
        self._checks.pop(name, None)

    def publish(self) -> None:
        """Ask all checks and publish what they say."""
        stamp = self._node.get_clock().now().to_msg()
        message = DiagnosticArray(status=[self._ask(n, c) for n, c in list(self._checks.items())])
        message.header.stamp = stamp
        self._publisher.publish(message)

    def _ask(self, name: str, check: Callable[[], Health]) -> DiagnosticStatus:
        try:
            health = check()
        except Exception as error:
            health = Health(ERROR, f'the check itself failed: {error!r}')
        node = self._node.get_fully_qualified_name().lstrip('/')
        return DiagnosticStatus(
            level=health.level, name=f'{node}: {name}', message=health.message,
            hardware_id=node, values=[KeyValue(key=k, value=str(v))
                                      for k, v in health.values.items()])


def input_health(feed: Feed[Any]) -> Health:
    """Judge a subscribed topic: does it come, as the right type, and all of it."""
    received_hz, sent_hz = feed.rate.hertz()
    types = feed.publishers()
    values = {'received': feed.rate.count, 'received_hz': f'{received_hz:.2f}',
              'sensor_hz': f'{sent_hz:.2f}', 'publishers': len(types)}
    wanted = 'sensor_msgs/msg/' + feed.kind.message.__name__
    if types and wanted not in types:
        return Health(ERROR, f'{feed.topic} is {types[0]}, not {wanted}', values)
    if feed.incompatible_qos:
        return Health(ERROR, f'{feed.topic}: incompatible quality of service '
                             f'({feed.incompatible_qos})', values)
    silent_s = None if feed.rate.last_s is None else time.monotonic() - feed.rate.last_s
    if silent_s is None or silent_s > SILENT_S:
        past = 'nothing received' if silent_s is None else f'silent for {silent_s:.0f} s'
        return Health(WARN, f'{feed.topic}: {past}; '
                            f'{len(types) or "nobody"} publish{"es" if not types else ""} it',
                      values)
    if received_hz < ARRIVES * sent_hz:
        return Health(WARN, f'{feed.topic}: {received_hz:.1f} of {sent_hz:.1f} Hz arrive; does '
                            'its publisher use config/dds_profile.xml?', values)
    return Health(values=values)
