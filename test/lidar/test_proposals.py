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

"""The composition: a sweep in, proposals out."""

from dataclasses import replace

from dseg_ros.config.lidar import (ClusteringConfig, GroundConfig, ProposalsConfig,
                                   RangeImageConfig)
from dseg_ros.config.schema import ConfigError, from_mapping
from dseg_ros.evaluation.proposal_quality import object_coverage
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.types import Cloud, Proposals
import numpy as np
import pytest
from street_of_boxes import look

NONE = np.zeros(0, np.float32)


def find(cloud, **options):
    """Find the proposals of one sweep."""
    return ProposalExtractor(from_mapping(ProposalsConfig, options))(cloud)


def scattered(n=30000, seed=1):
    """Give a cloud without a scan pattern: a plane with two boxes on it."""
    rng = np.random.default_rng(seed)
    ground = np.stack([*rng.uniform(-30, 30, (2, n)), rng.normal(0, 0.02, n)], axis=1)
    boxes = [rng.uniform(0, 1, (800, 3)) * [4, 2, 1.5] + [x, y, 0] for x, y in ((8, 3), (-9, -6))]
    xyz = np.concatenate([ground, *boxes]).astype(np.float32)
    return Cloud(3, 'base_link', *np.ascontiguousarray(xyz.T))


@pytest.mark.parametrize('options', [
    {}, {'range_image.columns': 0}, {'range_image.columns': 2048}, {'method': 'dbscan'},
    {'range_image.sensor': 'hdl64'}, {'box': 'pca'}])
@pytest.mark.parametrize('stored', ['rings', 'scans', 'shuffled'])
def test_objects_of_the_street_are_found_whole(scene, options, stored):
    """Whatever is known of the sensor, and by every method."""
    cloud, truth = scene.cloud, scene.instance
    if stored != 'rings':
        order = np.random.default_rng(0).permutation(len(cloud))
        if stored == 'scans':
            azimuth = np.arctan2(cloud.y, cloud.x) % (2 * np.pi)
            order = np.lexsort((azimuth, -cloud.ring.astype(int)))
        cloud, truth = scene.without_rings(order), truth[order]
    coverage = object_coverage(find(cloud, **options).point_ids, truth)
    assert len(coverage.instance) >= 10
    assert coverage.share() >= (0.7 if options.get('method') == 'dbscan' else 0.8)


def test_arrays_belong_together(scene):
    """Ids, counts and sums tell the same."""
    found = find(scene.cloud)
    assert found.point_ids.shape == (len(scene.cloud),) and found.point_ids.dtype == np.int32
    assert set(np.unique(found.point_ids)) - {-1} == set(range(len(found) + 1))
    for m in range(len(found)):
        own = found.point_ids == m + 1
        assert found.count[m] == np.count_nonzero(own)
        np.testing.assert_allclose(found.centroid_m[m], scene.cloud.xyz[own].mean(axis=0),
                                   atol=1e-3)
    assert found.stamp_ns == 7 and found.frame == 'lidar'
    assert found.box_yaw_rad.dtype == found.range_m.dtype == np.float32


def test_later_sweeps_do_not_change_earlier_results(scene, hill):
    """Buffers are reused inside, never handed out."""
    extractor = ProposalExtractor(ProposalsConfig())
    first = extractor(scene.cloud)
    kept = {name: np.copy(value) for name, value in vars(first).items()
            if isinstance(value, np.ndarray)}
    extractor(hill.cloud)
    extractor(scene.cloud.select(scene.cloud.x > 0))
    for name, value in kept.items():
        np.testing.assert_array_equal(getattr(first, name), value)
    again = extractor(scene.cloud)
    np.testing.assert_array_equal(again.point_ids, first.point_ids)


def test_an_adopted_sensor_gives_the_same(scene):
    """A worker that starts in the middle of a drive finds what the first one does."""
    order = np.random.default_rng(0).permutation(len(scene.cloud))
    cloud = scene.without_rings(order)
    first = ProposalExtractor(ProposalsConfig())
    expected = first(cloud)
    other = ProposalExtractor(ProposalsConfig())
    other.adopt(first.sensor, cloud)
    np.testing.assert_array_equal(other(cloud).point_ids, expected.point_ids)
    assert other.sensor is first.sensor


def test_a_car_across_the_seam_of_the_turn_is_one():
    """Behind the vehicle, where azimuth jumps from 1 to 0 turns at -x ... and at +x."""
    boxes = np.array([(9, 0, 4, 2, 1.5, 0.0), (-9, 0, 4, 2, 1.5, 0.0)])
    seen = look(boxes, 1200, 0)
    coverage = object_coverage(find(seen.cloud).point_ids, seen.instance)
    assert coverage.iou.min() > 0.85


def test_small_and_large_clusters_are_noise(scene):
    """The limits count points."""
    found = find(scene.cloud, **{'clustering.min_points': 100, 'clustering.max_points': 2000})
    assert found.count.min() >= 100 and found.count.max() <= 2000
    assert np.count_nonzero(found.point_ids == Proposals.NOISE) > 2000


def test_an_empty_cloud_gives_no_proposals():
    """Nothing in, nothing out."""
    found = find(Cloud(5, 'lidar', NONE, NONE, NONE))
    assert len(found) == 0 and len(found.point_ids) == 0 and found.stamp_ns == 5


def test_points_that_are_not_finite_are_noise(scene):
    """One in seven is NaN; the others are found as without them."""
    x = scene.cloud.x.copy()
    x[::7] = np.nan
    extractor = ProposalExtractor(ProposalsConfig())
    found = extractor(replace(scene.cloud, x=x))
    rest = np.isfinite(x)
    assert (found.point_ids[~rest] == Proposals.NOISE).all()
    np.testing.assert_array_equal(found.point_ids[rest],
                                  find(scene.cloud.select(rest)).point_ids)
    nothing = extractor(replace(scene.cloud, x=np.full_like(x, np.nan)))
    assert len(nothing) == 0 and (nothing.point_ids == Proposals.NOISE).all()


def test_a_few_points_are_no_scan():
    """Too few to derive a sensor from: by density, and no error."""
    few = np.linspace(3, 4, 50, dtype=np.float32)
    found = find(Cloud(0, 'lidar', few, few, few), method='depth_clustering')
    assert found.method == 'dbscan' and len(found.point_ids) == 50


def test_merged_lidars_get_dbscan_and_say_so():
    """No scan pattern: both boxes are found, the ground is ground."""
    extractor = ProposalExtractor(ProposalsConfig())
    found = extractor(scattered())
    assert found.method == 'dbscan' and extractor.sensor is None
    assert len(found) == 2
    assert np.mean(found.point_ids[:30000] == Proposals.GROUND) > 0.97


@pytest.mark.parametrize('options', [{'method': 'depth_clustering'},
                                     {'ground.method': 'column_angle'}])
def test_what_needs_a_scan_pattern_refuses_others(options):
    """The error names the frame and the option."""
    (value,) = options.values()
    with pytest.raises(ValueError, match="'base_link' has no spinning.*" + value):
        find(scattered(), **options)


def test_a_ring_that_no_lidar_has_is_named(scene):
    """The cloud is refused, the extractor goes on."""
    extractor = ProposalExtractor(ProposalsConfig())
    ring = scene.cloud.ring.copy()
    ring[0] = 65535
    with pytest.raises(ValueError, match='ring 65535'):
        extractor(replace(scene.cloud, ring=ring))
    assert len(extractor(scene.cloud)) > 5


def test_strided_and_double_arrays_are_taken(scene):
    """A view into a record array, or float64, gives the same."""
    records = np.zeros(len(scene.cloud), [('x', 'f4'), ('pad', 'f4'), ('y', 'f8'), ('z', 'f4')])
    for name in 'xyz':
        records[name] = getattr(scene.cloud, name)
    cloud = replace(scene.cloud, x=records['x'], y=records['y'], z=records['z'])
    np.testing.assert_array_equal(find(cloud).point_ids, find(scene.cloud).point_ids)


@pytest.mark.parametrize('options, named', [
    ({'method': 'kmeans'}, 'method'), ({'clustering.angle_deg': 120.0}, 'angle_deg'),
    ({'clustering.min_points': 0}, 'min_points'), ({'ground.smooth_window': 6}, 'smooth_window'),
    ({'clustering.min_points': 9, 'clustering.max_points': 8}, 'min_points'),
    ({'range_image.sensor': 'vlp-16'}, 'sensor'), ({'box': 1}, 'box'), ({'grund': 1}, 'grund')])
def test_a_bad_option_is_named(options, named):
    """Before any cloud is seen."""
    with pytest.raises(ConfigError, match=named):
        from_mapping(ProposalsConfig, options)


def test_defaults_are_the_papers_where_it_has_some():
    """Bogoslavskyi and Stachniss' public defaults."""
    assert ClusteringConfig().angle_deg == 10 and ClusteringConfig().min_points == 20
    assert RangeImageConfig().columns == 870 and RangeImageConfig().repair_rows == 4
    assert GroundConfig().start_angle_deg == 30 and GroundConfig().step_angle_deg == 7
