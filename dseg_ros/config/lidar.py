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

"""Options of the LiDAR proposals (stage a of Drive&Segment)."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, ConfigError, option, section


@dataclass(frozen=True)
class RangeImageConfig(Config):
    """How the sweep becomes an image of ranges."""

    sensor: str = option(
        'auto', 'Beam layout: auto derives it from the data, a preset fixes it.',
        choices=('auto', 'vlp16', 'hdl32', 'hdl64'))
    columns: int = option(
        870, 'Columns per turn; 0 takes the native azimuth step of the data.', low=0, high=8192)
    repair_rows: int = option(
        4, 'Empty pixels are filled between two returns at most this many rows apart; 0 = never.',
        low=0, high=16)
    repair_depth_m: float = option(
        1.0, 'The two returns may differ by less than this [m].', low=0.0)
    beam_contrast: float = option(
        10.0, 'A cloud counts as spinning when points of adjacent azimuths share their elevation '
        'at least this many times as often as they miss it by a little.', low=1.0)


@dataclass(frozen=True)
class GroundConfig(Config):
    """How ground points are found."""

    method: str = option(
        'patchwork_like', 'Plane fits in a concentric zone model, or angles down the columns of '
        'the range image (needs a spinning pattern).', choices=('patchwork_like', 'column_angle'))
    height_m: float = option(
        0.0, 'Height of the LiDAR frame over the ground [m]; 0 derives it from every cloud.')
    max_range_m: float = option(
        80.0, 'Patches reach this far; the outermost ones judge all beyond [m].', low=10.0)
    min_range_m: float = option(
        2.7, 'Patches begin here; the innermost ones judge all within [m].', low=0.0)
    seed_m: float = option(
        0.125, 'Seeds lie less than this above the lowest points of a patch [m].', low=0.0)
    thickness_m: float = option(
        0.125, 'Ground lies less than this above its plane [m].', low=0.0)
    merged_thickness_m: float = option(
        0.3, 'Both of the above for clouds without a spinning pattern, whose LiDARs disagree in '
        'height [m].', low=0.0)
    max_slope_deg: float = option(
        45.0, 'A steeper patch is no ground [deg].', low=1.0, high=89.0)
    start_angle_deg: float = option(
        30.0, 'column_angle: ground starts at a lowest pixel flatter than this [deg].',
        low=0.0, high=90.0)
    step_angle_deg: float = option(
        7.0, 'column_angle: neighbours whose angles differ by less join [deg].',
        low=0.0, high=90.0)
    smooth_window: int = option(
        7, 'column_angle: Savitzky-Golay window down the columns [px].', choices=(5, 7, 9, 11))

    def check(self) -> None:
        """Reject a ring of patches that has no width."""
        if self.min_range_m >= self.max_range_m:
            raise ConfigError(f'min_range_m: {self.min_range_m!r} is not below max_range_m '
                              f'{self.max_range_m!r}')


@dataclass(frozen=True)
class ClusteringConfig(Config):
    """How points above the ground become proposals."""

    angle_deg: float = option(
        10.0, 'depth_clustering: neighbours join when the line through them makes a larger '
        'angle with the farther beam [deg].', low=0.0, high=90.0)
    gap_columns: int = option(
        1, 'depth_clustering: empty pixels that a row neighbour may be away.', low=0, high=8)
    eps_m: float = option(
        0.5, 'dbscan: points closer than this are neighbours [m].', low=0.01)
    dense_range_m: float = option(
        15.0, 'dbscan: beyond this range points are sparse, and eps_m grows [m].', low=1.0)
    voxel_m: float = option(
        0.15, 'dbscan: points are thinned to one per voxel of this size [m].', low=0.01)
    core_points: int = option(
        3, 'dbscan: voxels within eps_m that make a core.', low=1)
    min_points: int = option(20, 'Fewer points are noise.', low=1)
    max_points: int = option(100000, 'More points are noise.', low=1)

    def check(self) -> None:
        """Reject size limits that admit nothing."""
        if self.min_points > self.max_points:
            raise ConfigError(f'min_points: {self.min_points!r} is above max_points '
                              f'{self.max_points!r}')


@dataclass(frozen=True)
class ProposalsConfig(Config):
    """From a sweep to 3D object proposals."""

    method: str = option(
        'auto', 'auto takes depth_clustering for a spinning scan pattern and dbscan otherwise.',
        choices=('auto', 'depth_clustering', 'dbscan'))
    box: str = option(
        'min_area', 'Oriented boxes of the least area, or along the principal axis: faster by a '
        'fifth, but askew around the two sides that a car shows.', choices=('pca', 'min_area'))
    range_image: RangeImageConfig = section(RangeImageConfig, 'The range image.')
    ground: GroundConfig = section(GroundConfig, 'The ground.')
    clustering: ClusteringConfig = section(ClusteringConfig, 'The clusters.')
