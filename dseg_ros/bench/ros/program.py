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

"""What the programs of the benchmarks share."""

from __future__ import annotations

from collections.abc import Callable
import json
import sys
from threading import Event, Thread
from typing import Any

import rclpy
from rclpy.node import Node

Work = Callable[[Node, dict[str, Any], Event], Any]
"""Gets a node, the options, and what is set when it is to stop; gives what it found."""


def main_of(work: Work) -> None:
    """Run as a process: options in, as JSON; what was found out, as the last line."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    stop = Event()
    rclpy.init(args=[])
    node = Node(f'bench_{options.get("name", "program")}')

    def until_closed() -> None:
        sys.stdin.read()
        stop.set()

    Thread(target=until_closed, daemon=True).start()
    try:
        print(json.dumps(work(node, options, stop)), flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        rclpy.try_shutdown()


def ready() -> None:
    """Tell who started this process that all is set up."""
    print('ready', flush=True)
