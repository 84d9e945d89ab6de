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

"""Options of the pseudo-classes; those of the masks are in config/masks.py."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.image_features import (
    CLS_CROP, GEOMETRY, ImageFeaturesConfig, PATCH_POOL)
from dseg_ros.config.schema import Config, ConfigError, option, section


@dataclass(frozen=True)
class GeometryFeaturesConfig(Config):
    """How points are described without any network."""

    voxel_m: float = option(0.3, 'Edge of the voxels that non-ground points are described by '
                            '[m].', low=0.05, high=2)
    neighbours: int = option(14, 'Voxel centres that a local shape is taken from.', low=4,
                             high=64)
    neighbour_radius_m: float = option(1.5, 'Farthest of these neighbours [m].', low=0.1)
    smooth_neighbours: int = option(
        20, 'Voxels of the same component that local shapes are averaged over.', low=1, high=200)
    smooth_radius_m: float = option(2.5, 'Farthest of these voxels [m].', low=0.1)
    open_top_deg: float = option(
        1.0, 'A component that reaches this near to the uppermost beam goes on above it [deg].',
        low=0, high=20)
    ground_cell_m: float = option(0.7, 'Edge of the cells that the ground is described by [m].',
                                  low=0.1, high=5)
    step_radius_m: float = option(
        5.0, 'A ground cell is compared with the lower ones this near: kerbs [m].', low=0.5)
    ground_relative: bool = option(
        True, "Colour, texture and roughness of ground cells are those beyond the sweep's median "
        'cell, which is mostly road: cameras and light differ from drive to drive.')
    ground_height_cell_m: float = option(2.0, 'Edge of the cells of the ground height map [m].',
                                         low=0.2, high=20)
    max_range_m: float = option(70.0, 'Points farther away are not described [m].', low=5)


@dataclass(frozen=True)
class FeatureWeightsConfig(Config):
    """
    What a group of descriptors weighs in a distance; each is standardised first.

    Chosen by the strict mIoU of the points' pseudo-classes on four simulated streets, mean of
    three seeds, where the plain prior (all about 1) has 17.5 and these 25.5;
    with less colour off the ground, on twelve streets, 26.4 instead of 26.1.
    """

    shape: float = option(1.6, 'Linearity, planarity, scattering, normal, main axis.', low=0)
    height: float = option(1.0, 'Height above the ground.', low=0)
    component: float = option(1.9, 'Extents, top and bottom of the connected component.', low=0)
    open_top: float = option(1.3, 'Whether the component goes on above the uppermost beam.',
                             low=0)
    intensity: float = option(0.7, 'Rank of the intensity.', low=0)
    colour: float = option(0.6, 'Colour of what is not ground.', low=0)
    ground_colour: float = option(1.6, 'Colour of the ground.', low=0)
    texture: float = option(0.7, 'Image texture.', low=0)
    roughness: float = option(1.0, 'Roughness of the ground.', low=0)
    step: float = option(1.2, 'Height of a ground cell over the lower ones near it.', low=0)
    cls_crop: float = option(2.0, "Mode cls_crop: [CLS] of a proposal's masked crop; not "
                             'measured.', low=0)
    patch_pool: float = option(2.0, 'Mode patch_pool: patch tokens at the points; not measured.',
                               low=0)


@dataclass(frozen=True)
class SkyConfig(Config):
    """Where the absence of returns means sky."""

    below_top_deg: float = option(
        0.5, 'The highest return of a column lies at least this far below the uppermost beam '
        '[deg].', low=0, high=45)
    above_return_deg: float = option(2.0, 'The sky begins this far above that return [deg].',
                                     low=0, high=45)
    least_elevation_deg: float = option(
        5.0, 'And not below this elevation: what is too far for a return is no sky [deg].',
        low=-10, high=60)
    side_share: float = option(0.005, "Columns this near count, too, as a share of the image's "
                               'width.', low=0, high=0.5)
    smooth: float = option(1.5, 'Sky changes by less than this from pixel to pixel of an image of '
                           '320x180 [CIELAB units].', low=0)
    seed_share: float = option(0.002, 'A smooth region is sky if it holds this share of the image '
                               'as seeds.', low=0, high=1)
    lowest_deg: float = option(3.0, 'Lowest elevation that a region of sky grows to [deg].',
                               low=-10, high=60)


EUCLIDEAN, COSINE = 'euclidean', 'cosine'
KNEE, STABILITY = 'knee', 'stability'


@dataclass(frozen=True)
class SweepConfig(Config):
    """How the number of pseudo-classes of objects is chosen, if it is not given."""

    counts: tuple[int, ...] = option(
        (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 23, 26, 30), 'Numbers to try; where '
        'the knee is depends on the least and the most.', low=2, high=240)
    criterion: str = option(
        KNEE, 'knee: where more clusters stop paying; stability: the most that two halves of the '
        'data agree about; silhouette, calinski_harabasz, davies_bouldin: the best score. Strict '
        'mIoU of points on simulated streets: 23.1, 23.2, 18.9, 17.6, 18.3.',
        choices=(KNEE, STABILITY, 'silhouette', 'calinski_harabasz', 'davies_bouldin'))
    stable: float = option(0.85, 'Adjusted Rand index of two halves that counts as agreement.',
                           low=0, high=1)
    elements: int = option(40000, 'Elements that are clustered in a trial.', low=100)
    judged: int = option(5000, 'Elements that trials are judged by.', low=100)
    splits: int = option(5, 'Pairs of halves that are compared.', low=1)
    inits: int = option(3, 'Starts of k-means in a trial.', low=1)

    def check(self) -> None:
        """Reject fewer than three counts, or one twice."""
        if len(self.counts) < 3 or len(set(self.counts)) < len(self.counts):
            raise ConfigError(f'counts: {list(self.counts)} is not three or more different ones')


@dataclass(frozen=True)
class ClusterConfig(Config):
    """k-means over a data set: ground and the rest apart, sky by geometry."""

    objects: int = option(11, 'Pseudo-classes of what is not ground; 0 = choose by a sweep.',
                          low=0, high=240)
    grounds: int = option(3, 'Pseudo-classes of the ground.', low=1, high=10)
    feature_modes: tuple[str, ...] = option(
        (GEOMETRY,), 'What tells objects apart, one or several: geometry (no network), cls_crop '
        '(as the paper), patch_pool; the ground is described by geometry always.',
        choices=(GEOMETRY, PATCH_POOL, CLS_CROP))
    sky: bool = option(True, 'A pseudo-class for what lies above every return.')
    seed: int = option(1, 'Seed of the sampling and of k-means.', low=0)
    inits: int = option(6, 'Starts of k-means, of which the best counts.', low=1)
    sweep: SweepConfig = section(SweepConfig)
    image_metric: str = option(
        COSINE, 'What compares descriptions by a network; geometry is Euclidean always. Not '
        'measured: no pretrained weights were at hand.', choices=(EUCLIDEAN, COSINE))
    noise: float = option(
        0.1, "Share of each object cluster's elements that is left unlabelled, those about as "
        'near to another cluster; noise stands in the vote of small components, too. On twelve '
        'simulated streets (three sets; 0 / 0.1 / 0.2): purity of object points 67.0 / 68.1 / '
        '69.4 %, points labelled 99.3 / 97.0 / 94.1 %, strict mIoU of labelled points 23.8 / '
        '24.2 / 24.8, of all points 23.6 / 23.5 / 23.2.', low=0, high=0.9)
    samples_per_drive: int = option(40000, 'Voxels drawn from each drive; drives weigh alike.',
                                    low=100)
    component_power: float = option(
        0.75, "A voxel weighs its component's size to the minus this power: 0 = by voxel, "
        '1 = by component, so that small things get clusters of their own.', low=0, high=1)
    fit_points: int = option(15, 'Components of fewer points get a class and shape none: most are '
                             'fragments.', low=1)
    vote_length_m: float = option(6.5, 'Components shorter than this and lower than '
                                  'vote_height_m take one class by vote [m].', low=0)
    vote_height_m: float = option(3.5, 'See vote_length_m [m].', low=0)
    features: GeometryFeaturesConfig = section(GeometryFeaturesConfig)
    sky_rule: SkyConfig = section(SkyConfig)
    grow: bool = option(True, 'Labels grow upwards over what no beam reaches, in images whose '
                        'sky is known.')
    weights: FeatureWeightsConfig = section(FeatureWeightsConfig)
    images: ImageFeaturesConfig = section(ImageFeaturesConfig)

    def check(self) -> None:
        """Reject no mode, or one twice."""
        if not self.feature_modes or len(set(self.feature_modes)) < len(self.feature_modes):
            raise ConfigError(f'feature_modes: {list(self.feature_modes)} is not one or several '
                              'different ones')
