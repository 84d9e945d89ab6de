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

"""The sky: where beams went out and nothing came back."""

from dataclasses import replace

from dseg_ros.config.pseudo import SkyConfig
from dseg_ros.pseudo.sky import sky_mask
from dseg_ros.types import Cloud, Proposals, View
import numpy as np

Street = tuple[Cloud, Proposals, View, np.ndarray]


def beams(tops_deg: np.ndarray) -> Cloud:
    """Make a sweep of 30 degrees up and down whose returns end at an elevation per azimuth."""
    azimuth = np.deg2rad(np.linspace(-60, 60, len(tops_deg)))
    elevation = np.deg2rad(np.arange(-25, 15.1, 0.5))
    a, e = np.meshgrid(azimuth, elevation)
    seen = np.rad2deg(e) <= tops_deg[None, :]
    x, y, z = (20 * np.cos(e) * np.cos(a), 20 * np.cos(e) * np.sin(a), 20 * np.sin(e))
    return Cloud(0, 'lidar', *(c[seen].astype(np.float32) for c in (x, y, z)))


def test_sky_is_above_low_returns_only(street: Street) -> None:
    """Left of the image houses reach the top beam, right of it only hedges return."""
    tops = np.where(np.linspace(-60, 60, 600) > 0, 15.0, -2.0)      # +y is left
    mask = sky_mask(beams(tops), street[2].camera, street[2].camera_T_lidar, SkyConfig())
    assert mask.shape == (360, 640)
    assert not mask[:, :330].any(), 'nothing is known above houses'
    assert mask[:100, 345:600].all() and not mask[175:].any()


def test_nothing_is_known_without_returns(street: Street) -> None:
    """An empty sweep, or columns that no beam reached, are no sky."""
    camera, place = street[2].camera, street[2].camera_T_lidar
    assert not sky_mask(street[0].select(np.zeros(0, int)), camera, place, SkyConfig()).any()
    behind = beams(np.full(600, 15.0))
    turned = replace(behind, x=-behind.x)
    assert not sky_mask(turned, camera, place, SkyConfig()).any()


def test_far_things_near_the_horizon_are_not_sky(street: Street) -> None:
    """The sky does not begin below the least elevation."""
    mask = sky_mask(beams(np.where(np.arange(600) == 0, 15.0, -5.0)), street[2].camera,
                    street[2].camera_T_lidar, SkyConfig(least_elevation_deg=10.0))
    horizon_row, focal_px = 179.5, 300.0
    rows = np.flatnonzero(mask[:, 320])
    assert rows.max() == int(horizon_row - focal_px * np.tan(np.deg2rad(10.0)))
