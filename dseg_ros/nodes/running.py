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

"""Spin nodes until the end: signals, autostart, exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import signal
import sys
from threading import Event, Thread
from typing import Any

from dseg_ros.config.schema import ConfigError
from dseg_ros.nodes.shell import Shell
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.node import Node


def run(build: Callable[[], Sequence[Node]], args: list[str] | None = None) -> int:
    """
    Build nodes and spin them in one thread until Ctrl-C.

    Those with the parameter `autostart` are configured and activated, all at once, while the
    executor already spins.

    :param build: makes the nodes of the process.
    :param args: of the command line, with ROS arguments.
    :returns: exit status: 0 after Ctrl-C, 1 if a node cannot start or the executor dies.
    """
    # Ctrl-C ends the context, which ends spinning; an exception out of nowhere could leave a lock
    # taken for ever that a callback was just about to hold
    signal.signal(signal.SIGINT, lambda *_: None)
    rclpy.init(args=args)
    failed = Event()
    nodes: Sequence[Node] = ()
    try:
        nodes = build()
        executor = SingleThreadedExecutor()
        for node in nodes:
            executor.add_node(node)
        shells = [n for n in nodes if isinstance(n, Shell)]
        for shell in shells:
            if shell.config.autostart:
                Thread(target=start, args=(shell, failed), daemon=True).start()
        executor.spin()
    except ExternalShutdownException:
        pass
    except ConfigError as error:
        get_logger('dseg_ros').fatal(str(error))
        failed.set()
    except Exception:
        if rclpy.ok():  # else Ctrl-C came while a node was being made
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C shall not tear the end
        for node in nodes:
            if isinstance(node, Shell):
                node.end()
        rclpy.try_shutdown()
    return int(failed.is_set())


def start(shell: Shell[Any], failed: Event) -> None:
    """Configure and activate a node; where that fails, end the process with an error."""
    try:
        done = (shell.trigger_configure() == TransitionCallbackReturn.SUCCESS and
                shell.trigger_activate() == TransitionCallbackReturn.SUCCESS)
    except Exception as error:
        if shell.context.ok():  # else another node could not start, and says why
            shell.troubles.add('autostart', error)
        done = False
    if done:
        shell.get_logger().info('active')
    elif shell.context.ok():
        shell.get_logger().fatal('could not start (the reason is above); giving up')
        failed.set()
        shell.context.try_shutdown()


def main_of(build: Callable[[], Sequence[Node]]) -> None:
    """Run nodes as a program."""
    sys.exit(run(build))
