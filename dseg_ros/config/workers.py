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

"""Options of who does work that comes in many equal pieces; they never change its result."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, option

LOCAL, RAY = 'local', 'ray'


@dataclass(frozen=True, kw_only=True)
class WorkersConfig(Config):
    """Who works: processes of this machine, or a Ray cluster."""

    workers: int = option(0, 'Processes that work; 0 for one per core (of the whole cluster with '
                          'Ray), 1 with engine local for none beside this one.', low=0)
    engine: str = option(LOCAL, 'Where they are: on this machine or on a Ray cluster.',
                         choices=(LOCAL, RAY))
    ray_address: str = option(
        '', "Address of the Ray cluster; '' for the one that RAY_ADDRESS names or that is running "
        "on this machine, else one that is started here and stopped again; 'local' for the latter "
        'in any case.')
