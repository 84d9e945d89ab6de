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

"""What all rooms' tests share: the recordings of the workplace and one simulated drive."""

from __future__ import annotations

import os
from pathlib import Path
import signal

import pytest
from recordings import SHARED_DATA

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('RAY_worker_niceness', '0')  # else 15: starved where others work, too
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background of a script;
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what tests start would inherit it


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Give the folder with real recordings, where this machine has it."""
    if not SHARED_DATA.is_dir():
        pytest.skip('the real recordings are not on this machine')
    return SHARED_DATA


@pytest.fixture(scope='session')
def sim_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give one second of a simulated drive, rendered once per session."""
    from dseg_ros.config.sim import SimConfig
    from dseg_ros.sim.bag import simulate
    out = tmp_path_factory.mktemp('sim') / 'drive'
    return simulate(SimConfig(seconds=1.0, width=480, height=270, seed=7), out)
