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

"""
Feature mode `geometry`: what the LiDAR saw of a point and of the thing that it belongs to.

Our choice, where the paper describes a masked crop by a pre-trained network: no network, no
weights, the same for every sensor. Non-ground points are described by voxels, so that walls,
trees and trucks stay divisible; ground points by flat cells.
"""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.pseudo import FeatureWeightsConfig, GeometryFeaturesConfig
from dseg_ros.pseudo.appearance import CHANNELS
from dseg_ros.pseudo.components import (
    connect, Extents, local_shape, measure, reaches, smoothed, voxelise, Voxels)
from dseg_ros.pseudo.ground_level import height_above_ground, step_up
from dseg_ros.types import Cloud, Proposals
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

NONE = -1
"""Element of a point that is not described."""

OBJECT_FEATURES: tuple[tuple[str, str], ...] = (
    ('linearity', 'shape'), ('planarity', 'shape'), ('scattering', 'shape'),
    ('normal_z', 'shape'), ('axis_z', 'shape'), ('height', 'height'),
    ('long', 'component'), ('short', 'component'), ('bottom', 'component'),
    ('top', 'component'), ('open_top', 'open_top'), ('intensity', 'intensity'),
    ('lightness', 'colour'), ('a', 'colour'), ('b', 'colour'), ('texture', 'texture'))
"""Columns of the description of a voxel: name, group of FeatureWeightsConfig."""

GROUND_FEATURES: tuple[tuple[str, str], ...] = (
    ('intensity', 'intensity'), ('lightness', 'ground_colour'), ('a', 'ground_colour'),
    ('b', 'ground_colour'), ('texture', 'texture'), ('roughness', 'roughness'), ('step', 'step'))
"""Columns of the description of a ground cell."""

_RELATIVE = [i for i, (_, group) in enumerate(GROUND_FEATURES)
             if group in ('ground_colour', 'texture', 'roughness')]


@dataclass(frozen=True, eq=False)
class Elements:
    """
    Described parts of a cloud: voxels or ground cells.

    :param of_point: (N,) int32 element of each point of the cloud, NONE where it has none.
    :param features: (E, F) float32, NaN where unknown.
    :param points: (E,) int64 points in it.
    :param component: (E,) int64 connected component (ground cells: each its own).
    :param long_m: (E,) long extent of its component [m].
    :param top_m: (E,) height of the top of its component, as far as seen, above the ground [m].
    """

    of_point: NDArray[np.int32]
    features: NDArray[np.float32]
    points: NDArray[np.int64]
    component: NDArray[np.int64]
    long_m: NDArray[np.float64]
    top_m: NDArray[np.float64]


def weights(columns: tuple[tuple[str, str], ...],
            config: FeatureWeightsConfig) -> NDArray[np.float32]:
    """Give the weight of each column of a description."""
    size = {group: sum(g == group for _, g in columns) for _, group in columns}
    return np.asarray([getattr(config, g) / size[g] ** 0.5 for _, g in columns], np.float32)


def intensity_rank(cloud: Cloud) -> NDArray[np.float32]:
    """
    Rank intensities within the sweep: sensors differ in their units, less in the order.

    :returns: (N,) float32 in 0..1; NaN if the sensor gives none (or only one value).
    """
    values = cloud.intensity
    if values is None or not len(values) or values.min() == values.max():
        return np.full(len(cloud), np.nan, np.float32)
    return np.asarray((rankdata(values) - 0.5) / len(values), np.float32)


def describe(cloud: Cloud, proposals: Proposals, appearance: NDArray[np.float32],
             config: GeometryFeaturesConfig) -> tuple[Elements, Elements]:
    """
    Describe a cloud.

    :param cloud: N points.
    :param proposals: of this cloud: tells ground from the rest.
    :param appearance: (N, 4) float32 as in appearance.CHANNELS, NaN where no camera looks.
    :param config: sizes.
    :returns: voxels of what is not ground, cells of the ground.
    :raises ValueError: if the arrays do not belong to this cloud.
    """
    if proposals.point_ids.shape != (len(cloud),) or appearance.shape != (
            len(cloud), len(CHANNELS)):
        raise ValueError(f'{len(cloud)} points, but proposals of {proposals.point_ids.shape} '
                         f'and appearance of {appearance.shape}')
    xyz = cloud.xyz.astype(np.float64)
    near = np.hypot(xyz[:, 0], xyz[:, 1]) < config.max_range_m
    ground = proposals.point_ids == Proposals.GROUND
    extra = np.concatenate([intensity_rank(cloud)[:, None], appearance], axis=1)
    return (_voxels(xyz, near & ~ground, proposals, extra, config),
            _cells(xyz, near & ground, extra, config))


def _voxels(xyz: NDArray[np.float64], chosen: NDArray[np.bool_], proposals: Proposals,
            extra: NDArray[np.float32], config: GeometryFeaturesConfig) -> Elements:
    if not chosen.any():
        return _nothing(len(xyz), len(OBJECT_FEATURES))
    voxels = voxelise(xyz[chosen], config.voxel_m)
    ground = xyz[proposals.point_ids == Proposals.GROUND]
    height = height_above_ground(voxels.centre_m, ground, config.ground_height_cell_m)
    proposal = np.zeros(len(voxels.count), np.int64)
    proposal[voxels.of_point] = proposals.point_ids[chosen]    # the last point's counts
    component = connect(voxels.cell, proposal)
    extents = measure(component, voxels.centre_m, height)
    elevation = np.rad2deg(np.arctan2(xyz[:, 2], np.hypot(xyz[:, 0], xyz[:, 1])))
    top_deg = float(np.percentile(elevation, 99.9)) - config.open_top_deg
    is_open = reaches(component, voxels.of_point, elevation[chosen], top_deg)
    shape = local_shape(voxels.centre_m, config.neighbours, config.neighbour_radius_m)
    features = np.column_stack([
        smoothed(shape, voxels.centre_m, component, config.smooth_neighbours,
                 config.smooth_radius_m),
        _compressed(height), _extent_features(extents, component), is_open[component],
        *(voxels.mean(column) for column in extra[chosen].T)])
    return Elements(_scatter(chosen, voxels), features.astype(np.float32), voxels.count,
                    component, extents.long_m[component], extents.top_m[component])


def _cells(xyz: NDArray[np.float64], chosen: NDArray[np.bool_], extra: NDArray[np.float32],
           config: GeometryFeaturesConfig) -> Elements:
    if not chosen.any():
        return _nothing(len(xyz), len(GROUND_FEATURES))
    points = xyz[chosen]
    cells = voxelise(points[:, :2], config.ground_cell_m)
    z_mean = np.bincount(cells.of_point, points[:, 2]) / cells.count
    deviation = (points[:, 2] - z_mean[cells.of_point]) ** 2
    roughness = np.sqrt(np.bincount(cells.of_point, deviation) / cells.count)
    roughness[cells.count < 3] = np.nan
    step = step_up(cells.centre_m, z_mean, config.step_radius_m)
    features = np.column_stack([*(cells.mean(column) for column in extra[chosen].T),
                                np.log(0.01 + roughness), np.log(0.02 + step)])
    if config.ground_relative:
        features[:, _RELATIVE] -= _medians(features[:, _RELATIVE])
    zero = np.zeros(len(cells.count))
    return Elements(_scatter(chosen, cells), features.astype(np.float32), cells.count,
                    np.arange(len(cells.count)), zero, zero)


def _medians(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the median (F,) of what is known of each column; 0 where nothing is."""
    return np.asarray([np.median(known) if len(known := column[np.isfinite(column)]) else 0.0
                       for column in features.T])


def _compressed(length_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make lengths comparable: 0.2 m matters on a kerb, not on a tower."""
    return np.asarray(np.sign(length_m) * np.log1p(np.abs(length_m)))


def _extent_features(extents: Extents, component: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.stack([_compressed(v)[component] for v in (
        extents.long_m, extents.short_m, extents.bottom_m, extents.top_m)], axis=1)


def _scatter(chosen: NDArray[np.bool_], voxels: Voxels) -> NDArray[np.int32]:
    of_point = np.full(len(chosen), NONE, np.int32)
    of_point[chosen] = voxels.of_point
    return of_point


def _nothing(points: int, features: int) -> Elements:
    zero = np.zeros(0)
    return Elements(np.full(points, NONE, np.int32), np.zeros((0, features), np.float32),
                    np.zeros(0, np.int64), np.zeros(0, np.int64), zero, zero)
