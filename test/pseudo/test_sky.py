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

"""The sky: where beams went out, nothing came back, and the image is smooth."""

from dataclasses import replace

from dseg_ros.config.pseudo import SkyConfig
from dseg_ros.pseudo.sky import sky_mask
from dseg_ros.types import Camera, Cloud, Image, Proposals, View
import numpy as np
import pytest

Street = tuple[Cloud, Proposals, View, np.ndarray]
HOUSE, GAP = slice(0, 150), slice(170, 320)
"""Columns of the mask left and right of the middle."""


def beams(tops_deg: np.ndarray) -> Cloud:
    """Make a sweep of 30 degrees up and down whose returns end at an elevation per azimuth."""
    azimuth = np.deg2rad(np.linspace(-60, 60, len(tops_deg)))
    elevation = np.deg2rad(np.arange(-25, 15.1, 0.5))
    a, e = np.meshgrid(azimuth, elevation)
    seen = np.rad2deg(e) <= tops_deg[None, :]
    x, y, z = (20 * np.cos(e) * np.cos(a), 20 * np.cos(e) * np.sin(a), 20 * np.sin(e))
    return Cloud(0, 'lidar', *(c[seen].astype(np.float32) for c in (x, y, z)))


def half_open() -> Cloud:
    """Make a sweep with houses up to the top beam on the left, low hedges on the right."""
    return beams(np.where(np.linspace(-60, 60, 600) > 0, 15.0, -2.0))      # +y is left


@pytest.fixture
def view(street: Street) -> View:
    """Look at a smooth picture of 640x360; the mask is half of that."""
    rgb = np.full((360, 640, 3), 200, np.uint8)
    return replace(street[2], image=Image(rgb, 0, 'camera'))


def painted(view: View, rows: slice, columns: slice, values: np.ndarray) -> View:
    """Change part of the image."""
    rgb = view.image.rgb.copy()
    rgb[rows, columns] = values
    return replace(view, image=Image(rgb, 0, 'camera'))


def test_smooth_regions_with_seeds_are_sky(view: View) -> None:
    """Over the gap it is seen, over houses it is the same smooth region; not below 3 degrees."""
    mask = sky_mask(half_open(), view, SkyConfig())
    assert mask.shape == (180, 320)
    assert mask[:70, 10:310].all() and not mask[85:].any()


def test_a_wall_of_another_colour_is_not_sky(view: View) -> None:
    """Smooth, but apart from the seeds: nothing is known of it."""
    walled = painted(view, slice(0, 360), slice(0, 320), np.array([120, 60, 50]))
    mask = sky_mask(half_open(), walled, SkyConfig())
    assert not mask[:, HOUSE].any() and mask[:70, GAP].all()


def test_a_tree_over_a_gap_is_not_sky(view: View) -> None:
    """Seeds in something rough do not count."""
    noise = np.random.default_rng(0).integers(0, 255, (120, 100, 3))
    mask = sky_mask(half_open(), painted(view, slice(0, 120), slice(420, 520), noise),
                    SkyConfig())
    assert mask[:50, 215:255].mean() < 0.05 and mask[:70, 265:310].all()


def test_a_windscreen_is_not_sky(view: View) -> None:
    """Smooth, no returns, but it does not come in from above."""
    cab = painted(view, slice(30, 130), slice(420, 540), np.array([20, 20, 25]))
    mask = sky_mask(half_open(), cab, SkyConfig())
    assert not mask[20:60, 215:265].any() and mask[:10, 215:265].all()


def test_nothing_is_known_without_returns(view: View) -> None:
    """An empty sweep, columns that no beam reached, houses all around: no sky."""
    everywhere = beams(np.full(600, 15.0))
    for cloud in (everywhere.select(np.zeros(0, int)), replace(everywhere, x=-everywhere.x),
                  everywhere):
        assert not sky_mask(cloud, view, SkyConfig()).any()


def test_far_things_near_the_horizon_are_not_sky(view: View) -> None:
    """Seeds do not begin below the least elevation, growth ends at the lowest."""
    open_sky = beams(np.where(np.arange(600) == 0, 15.0, -5.0))
    mask = sky_mask(open_sky, view, SkyConfig(least_elevation_deg=10.0, lowest_deg=8.0))
    rows = np.flatnonzero(mask[:, 160])
    assert rows.max() == pytest.approx(89.5 - 150 * np.tan(np.deg2rad(8.0)), abs=1.5)
    assert not sky_mask(open_sky, view, SkyConfig(least_elevation_deg=50.0)).any()


def test_small_images_are_not_enlarged() -> None:
    """A thumbnail has a mask of its own size."""
    k = np.array([[30.0, 0, 31.5], [0, 30, 17.5], [0, 0, 1]])
    pose = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    view = View('f', Image(np.full((36, 64, 3), 200, np.uint8), 0, 'c'), Camera('c', 64, 36, k),
                pose)
    assert sky_mask(half_open(), view, SkyConfig()).shape == (36, 64)
