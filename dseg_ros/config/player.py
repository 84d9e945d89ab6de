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

"""Options of bag_player_node."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, ConfigError, option

ARROW = '->'


@dataclass(frozen=True)
class PlayerConfig(Config):
    """Which part of which bag to play, how fast, and what to wait for."""

    bag: str = option('', 'The recording: a rosbag2 folder, .mcap, .db3 or a ROS 1 .bag.')
    rate: float = option(
        1.0, 'Speed relative to the recording; 0 = as fast as it goes, for lock_step.',
        low=0.0, high=100.0)
    loop: bool = option(
        False, 'Play it again and again. At each start /clock jumps back and stamps repeat.')
    start_s: float = option(0.0, 'Skip that much of the beginning [s].', low=0.0)
    duration_s: float = option(
        0.0, 'Play that much of the recording [s]; 0 = to its end.', low=0.0)
    topics: tuple[str, ...] = option(
        (), 'Topics to play, as the bag names them; none = all. /tf_static comes always.')
    clock_hz: float = option(
        100.0, 'How often /clock ticks per second of the recording, besides before every message.',
        low=50.0, high=1000.0)
    subscribers: int = option(
        1, 'Subscribers that each cloud and image needs before the first message.', low=1)
    wait_for_subscribers_s: float = option(
        5.0, 'Begin when every cloud and image has its subscribers, or after that long [s].',
        low=0.0)
    delay_s: float = option(
        1.0, 'Wait so long after that [s], as `ros2 bag play --delay`: processes that have just '
        'found each other are busy for a while, and slow machines lose the first messages.',
        low=0.0)
    exit_when_done: bool = option(
        True, 'End the process after the last message; else stay, so that /tf_static does.')
    lock_step: bool = option(
        False, 'Hold back each message of an input topic until the one before it was answered.')
    lock_step_results: tuple[str, ...] = option(
        (), "Who answers whom in lock step: 'input_topic -> result_topic'; the answer is the "
        'message with the same header stamp. An input topic may have several results.')
    lock_step_timeout_s: float = option(
        30.0, 'Give up on an answer after that long [s], with a warning that names the message.',
        low=0.1)
    lock_step_repeat_s: float = option(
        5.0, 'Publish a message again when its answer is that late [s], in case the transport '
        'lost it; 0 = never.', low=0.0)
    lock_step_discovery_s: float = option(
        60.0, 'Fail if not all inputs and results of lock step have appeared after that long [s].',
        low=0.1)

    def check(self) -> None:
        """Reject lock step without answers, and answers that cannot be read."""
        if self.lock_step and not self.lock_step_results:
            raise ConfigError('lock_step: needs lock_step_results, who answers whom')
        self.results()

    def results(self) -> dict[str, tuple[str, ...]]:
        """
        Read who answers whom.

        :returns: by input topic the topics of its results.
        :raises ConfigError: for an entry that is not 'input_topic -> result_topic'.
        """
        pairs: dict[str, tuple[str, ...]] = {}
        for line in self.lock_step_results:
            parts = [p.strip() for p in line.split(ARROW)]
            if len(parts) != 2 or not all(parts) or any(' ' in p for p in parts):
                raise ConfigError(f"lock_step_results: {line!r} is not 'input_topic {ARROW} "
                                  "result_topic'")
            pairs[parts[0]] = (*pairs.get(parts[0], ()), parts[1])
        return pairs
