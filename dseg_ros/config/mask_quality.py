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

"""Options of the measurement of masks against a simulator's truth."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.masks import MaskConfig
from dseg_ros.config.pseudo import SkyConfig
from dseg_ros.config.schema import Config, option, section


@dataclass(frozen=True)
class MaskQualityConfig(Config):
    """What is measured; each row of the table changes one thing of it."""

    every: int = option(1, 'Take every n-th sample of a drive.', low=1)
    masks: MaskConfig = section(MaskConfig, 'How points become pixels.')
    sky_rule: SkyConfig = section(SkyConfig, 'How the sky is told.')
