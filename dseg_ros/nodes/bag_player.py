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
Play a bag of ROS 1 or ROS 2: /tf_static first, then its topics and /clock.

/clock follows the recording times. After a loop it jumps back to the start, as ROS time does when
a bag is played again: subscribers clear what they hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Condition, Event
import time

from builtin_interfaces.msg import Time
from dseg_ros.bags.header import MessageError, NANO
from dseg_ros.bags.player import excerpt, LockStep, Schedule, select, timeline
from dseg_ros.bags.reader import Bag, open_bag, RawRecord
from dseg_ros.config.player import PlayerConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.nodes.parameters import declare
from dseg_ros.nodes.player_topics import Answers, message_class, offered
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from tf2_msgs.msg import TFMessage

SENSORS = ('sensor_msgs/msg/PointCloud2', 'sensor_msgs/msg/Image',
           'sensor_msgs/msg/CompressedImage')
"""Types whose subscribers are waited for."""

LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.TRANSIENT_LOCAL)
CLOCK_DEPTH = 10
POLL_S = 0.05
SAY_S = 5.0
ACKNOWLEDGE_S = 2.0


class PlayerError(RuntimeError):
    """What makes it impossible to go on playing."""


class BagPlayer(Node):
    """The node; `play` does it all in its caller's thread while an executor spins the node."""

    def __init__(self) -> None:
        """
        Declare the parameters; nothing is published before `play`.

        :raises ConfigError: for parameters that cannot be used.
        """
        super().__init__('bag_player')
        self.config = declare(self, PlayerConfig)
        self.stop = Event()
        self.published: Counter[str] = Counter()
        results = self.config.results() if self.config.lock_step else {}
        self.lock_step = LockStep(results, self.config.lock_step_timeout_s,
                                  self.config.lock_step_repeat_s)
        self._answered = Condition()
        self._publishers_by_topic: dict[str, Publisher] = {}
        self._clock_publisher = self.create_publisher(Clock, '/clock', CLOCK_DEPTH)
        self._static = self.create_publisher(TFMessage, '/tf_static', LATCHED)

    def play(self) -> None:
        """
        Play what the parameters say, once or until `stop` is set.

        :raises BagError: for a bag that cannot be read; a damaged one is played up to there.
        :raises PlayerError: if lock step finds no partners.
        :raises ConfigError: for lock-step topics that cannot be used.
        """
        if not self.config.bag:
            raise ConfigError('bag: no recording is named')
        with open_bag(Path(self.config.bag).expanduser()) as bag:
            topics = self._advertise(bag)
            if bag.static_transforms():
                self._static.publish(bag.static_transforms_cdr())
            if self.config.lock_step:
                self._await_partners()
            else:
                self._await_subscribers(bag)
            began_s = time.monotonic()
            try:
                self._play(bag, topics)
            finally:
                self._finish(time.monotonic() - began_s)

    def _advertise(self, bag: Bag) -> list[str]:
        """Create the publishers; a type that is not installed costs its topics alone."""
        for topic in select(bag, self.config):
            info = bag.topics[topic]
            try:
                kind = message_class(info.type)
            except ImportError as error:
                self.get_logger().warning(f'{topic} is not played: no {info.type} ({error})')
                continue
            self._publishers_by_topic[topic] = self.create_publisher(
                kind, topic, offered(info, topic in self.lock_step.results))
        if lost := sorted(set(self.lock_step.results) - set(self._publishers_by_topic)):
            raise ConfigError(f'lock_step_results: {lost} is not played, the bag has '
                              f'{bag.listing()}')
        return list(self._publishers_by_topic)

    def _play(self, bag: Bag, topics: list[str]) -> None:
        """Play the excerpt once or again and again."""
        while not self.stop.is_set():
            count = self.published.total()
            schedule = Schedule(self.config.rate)
            for stamp_ns, record in timeline(excerpt(bag, topics, self.config),
                                             self.config.clock_hz):
                if self._wait(schedule.wait_s(time.monotonic(), stamp_ns)):
                    return
                self._tick(stamp_ns)
                if record is not None:
                    self._publish(record)
            if self.published.total() == count:
                raise PlayerError(f'{bag.path}: nothing to play from {self.config.start_s} s on')
            self._until(lambda: self.lock_step.idle)
            if not self.config.loop:
                return

    def _wait(self, seconds: float) -> bool:
        """Wait; tell whether to stop."""
        return self.stop.wait(seconds) if seconds > 0 else self.stop.is_set()

    def _tick(self, stamp_ns: int) -> None:
        """Set the time."""
        now = Time(sec=stamp_ns // NANO, nanosec=stamp_ns % NANO)
        self._clock_publisher.publish(Clock(clock=now))

    def _publish(self, record: RawRecord) -> None:
        """Publish a message when it is its turn."""
        self._until(lambda: not self.lock_step.blocks(record.topic))
        try:
            with self._answered:
                self.lock_step.departs(record, time.monotonic())
        except MessageError as error:
            self.get_logger().warning(f'{record.topic}, published without waiting: {error}')
        self._publishers_by_topic[record.topic].publish(record.cdr)
        self.published[record.topic] += 1

    def _until(self, ready: Callable[[], bool]) -> None:
        """Wait for answers; what is late is published again, what is lost is named."""
        while not self.stop.is_set():
            with self._answered:
                if ready():
                    return
                self._answered.wait(POLL_S)
                now_s = time.monotonic()
                lost, again = self.lock_step.lost(now_s), self.lock_step.due_again(now_s)
            for flight in lost:
                self.get_logger().warning(
                    f'no answer on {", ".join(sorted(flight.results))} to {flight.record.topic} '
                    f'of {flight.stamp_ns} ns within {self.lock_step.timeout_s} s; going on')
            for record in again:
                self._publishers_by_topic[record.topic].publish(record.cdr)

    def _hear(self, result: str, stamp_ns: int) -> None:
        """Take an answer; called by the executor."""
        with self._answered:
            if self.lock_step.arrives(result, stamp_ns):
                self._answered.notify_all()

    def _await_subscribers(self, bag: Bag) -> None:
        """Wait until every sensor topic has a subscriber, or for as long as is configured."""
        sensors = [t for t in self._publishers_by_topic if bag.topics[t].type in SENSORS]
        missing = self._await(lambda: self._deaf(sensors), self.config.wait_for_subscribers_s)
        if missing:
            self.get_logger().info(f'playing without {", ".join(missing)}')
        self._wait(self.config.delay_s)

    def _deaf(self, topics: Iterable[str]) -> list[str]:
        """Describe the subscribers that are missing."""
        wanted = self.config.subscribers
        counts = {t: self._publishers_by_topic[t].get_subscription_count() for t in topics}
        return [f'a subscriber on {t}' if wanted == 1 else f'{wanted - n} of {wanted} subscribers '
                f'on {t}' for t, n in counts.items() if n < wanted]

    def _await_partners(self) -> None:
        """Wait until all inputs of lock step have subscribers and all results a publisher."""
        results = {r: self.resolve_topic_name(r)
                   for names in self.lock_step.results.values() for r in names}
        answers = Answers(self, results, self._hear)

        def missing() -> list[str]:
            return self._deaf(self.lock_step.results) + [
                f'a publisher on {results[r]}' for r in answers.discover()]

        if left := self._await(missing, self.config.lock_step_discovery_s):
            if self.stop.is_set():
                return
            raise PlayerError(f'lock step: {", ".join(left)} did not appear within '
                              f'{self.config.lock_step_discovery_s} s')
        self._wait(self.config.delay_s)

    def _await(self, missing: Callable[[], list[str]], timeout_s: float) -> list[str]:
        """Wait for what is missing, saying so; return what did not come."""
        began_s = said_s = time.monotonic()
        while (left := missing()) and time.monotonic() - began_s < timeout_s:
            if self._wait(POLL_S):
                break
            if time.monotonic() - said_s > SAY_S:
                said_s = time.monotonic()
                self.get_logger().info(f'waiting for {", ".join(left)}')
        return left

    def _finish(self, seconds: float) -> None:
        """Let the last messages arrive, then tell what was done."""
        if not self.context.ok():
            return
        self._until(lambda: self.lock_step.idle)
        for publisher in self._publishers_by_topic.values():
            publisher.wait_for_all_acked(Duration(seconds=ACKNOWLEDGE_S))
        steps = self.lock_step
        parts = [f'played {self.published.total()} messages in {seconds:.1f} s: '
                 f'{_counts(self.published)}']
        if self.config.lock_step:
            parts += [f'answered: {_counts(steps.answered)}',
                      f'repeated: {_counts(steps.repeated)}',
                      f'without an answer: {_counts(steps.timeouts)}']
        self.get_logger().info('; '.join(parts))


def _counts(counter: Counter[str]) -> str:
    """Describe counts by topic."""
    return ', '.join(f'{t} {n}' for t, n in sorted(counter.items())) or 'none'
