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

"""Tiny bags for the tests of this room."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import tiny_bags


@pytest.fixture()
def tiny() -> ModuleType:
    """Give the functions that write tiny bags."""
    return tiny_bags


@pytest.fixture(params=tiny_bags.FORMATS)
def any_bag(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a drive of five frames, in every format."""
    if request.param in tiny_bags.ROS1_FORMATS:
        rows = tiny_bags.drive(tiny_bags.ROS1, 5)
        return tiny_bags.write_ros1(tmp_path / 'drive.bag', rows, request.param)
    rows = tiny_bags.drive(tiny_bags.ROS2, 5)
    return tiny_bags.write_ros2(tmp_path / 'drive', rows, request.param)


@pytest.fixture()
def mcap_bag(tmp_path: Path) -> Path:
    """Give a drive of five frames in an MCAP bag."""
    return tiny_bags.write_ros2(tmp_path / 'drive', tiny_bags.drive(tiny_bags.ROS2, 5))
