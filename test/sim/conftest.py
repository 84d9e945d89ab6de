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

"""A small simulated drive, rendered once for all tests of this room."""

from __future__ import annotations

from dseg_ros.config.sim import SimConfig
from dseg_ros.sim.drive import Drive, SimFrame
import pytest

SMALL = {'seconds': 1.0, 'width': 480, 'height': 270, 'seed': 7}


@pytest.fixture(scope='session')
def drive() -> Drive:
    """Plan a small drive."""
    return Drive(SimConfig(**SMALL))


@pytest.fixture(scope='session')
def frames(drive: Drive) -> list[SimFrame]:
    """Render some of its frames."""
    return [drive.frame(index) for index in (0, 4, 9)]
