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

"""The bag player as a program."""

from __future__ import annotations

import os
import signal
import sys
from threading import Thread

from ament_index_python.packages import PackageNotFoundError
from dseg_ros.bags.reader import BagError
from dseg_ros.config.schema import ConfigError
from dseg_ros.nodes.bag_player import BagPlayer, PlayerError
from dseg_ros.nodes.resources import share
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger

PROFILE_VARIABLE = 'FASTRTPS_DEFAULT_PROFILES_FILE'


def run(args: list[str] | None = None) -> int:
    """
    Play a bag as a process.

    :returns: exit status: 0 when it was played or stopped by Ctrl-C, 1 if it could not be.
    """
    use_shipped_profile()
    rclpy.init(args=args)
    try:
        node = BagPlayer()
    except ConfigError as error:
        get_logger('bag_player').fatal(str(error))
        rclpy.try_shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinner = Thread(target=_spin, args=(executor,), daemon=True)
    node.context.on_shutdown(node.stop.set)
    spinner.start()
    try:
        node.play()
        if not node.config.exit_when_done:
            node.stop.wait()
    except (BagError, ConfigError, PlayerError) as error:
        node.get_logger().fatal(str(error))
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        if node.context.ok():
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal and the launch both send one
        rclpy.try_shutdown()
        spinner.join(1.0)
    return 0


def use_shipped_profile() -> None:
    """
    Set the middleware up for large messages, unless somebody did already.

    It counts on the side that publishes, so a player started by hand needs it as well: without it
    best-effort subscribers get one cloud in five.
    """
    if os.environ.get(PROFILE_VARIABLE):
        return
    try:
        profile = share() / 'config' / 'dds_profile.xml'
    except PackageNotFoundError:
        return
    if profile.is_file():
        os.environ[PROFILE_VARIABLE] = str(profile)


def _spin(executor: SingleThreadedExecutor) -> None:
    """Spin until the context ends."""
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


def main() -> None:
    """Run as a program."""
    sys.exit(run())


if __name__ == '__main__':
    main()
