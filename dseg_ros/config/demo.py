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

"""Options of the demonstration."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, option, section
from dseg_ros.config.sim import SimConfig


@dataclass(frozen=True)
class DemoConfig(Config):
    """The main job on a simulated drive, from sensors to pictures."""

    out: str = option('demo_out', 'Folder of the drive, the summary and the pictures.')
    bag: str = option('', 'A recording to use instead of a simulated drive.')
    params_file: str = option('config/sim.yaml', 'Parameters of the nodes.')
    rate: float = option(1.0, 'Speed relative to the recording; 0 = as fast as it goes.', low=0.0)
    timeout_s: float = option(600.0, 'Give up after that long [s].', low=1.0)
    pictures: int = option(4, 'Frames that pictures are made of.', low=1, high=100)
    sim: SimConfig = section(SimConfig, 'The simulated drive.')
