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

"""The worker thread: woken, patient, and not to be killed by an exception."""

from __future__ import annotations

from threading import Event
import time

from dseg_ros.nodes.worker import Worker


def test_a_step_per_wake_and_errors_are_told() -> None:
    """An exception is handed over and the next wake works again."""
    done, failures = Event(), []
    steps = []

    def step() -> None:
        steps.append(1)
        if len(steps) == 1:
            raise ValueError('bad message')
        done.set()

    worker = Worker('test', step, failures.append)
    worker.start()
    worker.wake()
    while not failures:
        time.sleep(0.001)
    worker.wake()
    assert done.wait(5.0)
    assert worker.stop() and not worker.stop()
    assert [str(e) for e in failures] == ['bad message']


def test_a_step_can_ask_to_be_called_again() -> None:
    """Polling goes on without wakes, as long as the step asks for it."""
    polled = Event()
    left = [3]

    def step() -> float | None:
        left[0] -= 1
        if left[0]:
            return 0.001
        polled.set()
        return None

    worker = Worker('test', step, lambda error: None)
    worker.start()
    worker.wake()
    assert polled.wait(5.0)
    time.sleep(0.02)
    assert left == [0]
    worker.stop()
