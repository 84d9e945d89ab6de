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

"""A ROS context of its own for the tests of the nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import os
from typing import Any

import pytest

os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)


@pytest.fixture(scope='session')
def ros() -> Iterator[None]:
    """Initialise rclpy once, on a domain that no other test process uses."""
    rclpy = pytest.importorskip('rclpy')
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def bench() -> Iterator[Callable[..., Any]]:
    """Make benches and end them."""
    from bench import Bench  # which needs ROS
    made: list[Bench] = []

    def make(kinds: list[Callable[..., Any]], *arguments: str) -> Bench:
        made.append(Bench(kinds, list(arguments)))
        return made[-1]

    yield make
    for one in made:
        one.close()
