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

"""Options of the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, option


@dataclass(frozen=True)
class BenchConfig(Config):
    """How much is measured, and on what."""

    short: bool = option(
        False, 'Few repetitions on small data: for tests. Its times mean nothing, its ratios '
        'little.')
    bag: str = option('', 'A recording whose sweeps and pairs are taken instead of simulated '
                      'ones; the drive through the nodes stays the simulated one.')
    cores: int = option(0, 'Processes that the harvest is scaled up to; 0 = one per core of this '
                        'machine.', low=0, high=256)
