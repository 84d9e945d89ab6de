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

"""Ctrl-C: the end of spinning, never an exception in the middle of a callback."""

import subprocess
import sys

import pytest

pytest.importorskip('rclpy')

PROGRAM = """
import os, signal, sys, time
from dseg_ros.nodes.running import run
from rclpy.node import Node

class Interrupted(Node):
    def __init__(self):
        super().__init__('interrupted')
        self.create_timer(0.01, self.work)
        {during}

    def work(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        print('callback ended', flush=True)

status = run(lambda: [Interrupted()])
print('status', status, flush=True)
"""
DURING = 'os.kill(os.getpid(), signal.SIGINT); self.create_timer(1.0, self.work)'


@pytest.mark.parametrize(('during', 'said'), [
    ('pass', ['callback ended', 'status 0']), (DURING, ['status 0'])],
    ids=['in a callback', 'while nodes are made'])
def test_ctrl_c_waits_for_what_is_being_done(during: str, said: list[str]) -> None:
    """The callback is finished, then the process; nothing is thrown at it."""
    ended = subprocess.run([sys.executable, '-c', PROGRAM.format(during=during)],
                           capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout.split('\n')[:-1]) == (0, said), ended.stderr
