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

"""Configuration of masks: how the sparse points of a LiDAR become dense in the image."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, ConfigError, option


@dataclass(frozen=True)
class MaskConfig(Config):
    """How far a point speaks for the pixels around it, and what the camera cannot see of it."""

    scale: float = option(1.0, 'Size of a mask of proposals, relative to the image.', low=0.01,
                          high=1.0)
    fill_m: float = option(
        0.15, 'Radius that a point fills [m]; in pixels it shrinks with range.', low=0.0)
    least_deg: float = option(
        0.22, 'Radius that a far point fills at least [deg]; half the gap between two beams '
        'closes the stripes between them.', low=0.0, high=10.0)
    most_deg: float = option(
        2.0, 'Radius that a near point fills at most [deg]. On three simulated streets 2 instead '
        'of 1: 70.5 instead of 68.7 % of the pixels labelled, purity 96.5 instead of 96.4 %.',
        low=0.0, high=10.0)
    hull: bool = option(
        True, 'Keep an object inside the convex hull of its points in the image.')
    drop_hidden: bool = option(
        True, 'Leave out points that the LiDAR sees over or beside an object and the camera does '
        'not.')

    def check(self) -> None:
        """Reject a largest radius below the smallest."""
        if self.most_deg < self.least_deg:
            raise ConfigError(f'most_deg: {self.most_deg} is below least_deg {self.least_deg}')
