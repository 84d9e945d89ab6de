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

"""From points to pixels: by hand, against brute force, and against simulated ground truth."""

from dseg_ros.bags.frames import frames
from dseg_ros.bags.header import stamp_ns
from dseg_ros.bags.reader import find_topics, open_bag
from dseg_ros.config.bags import TopicsConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.config.masks import MaskConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.config.sync import MotionConfig
from dseg_ros.geometry import project_xyz, scaled
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.pseudo.masks import densify, proposal_mask
from dseg_ros.pseudo.nearest_fill import fill, hull_spans
from dseg_ros.types import Camera, Cloud, Image, Proposals, UNLABELLED, View
import numpy as np
import pytest

CAMERA = Camera('eye', 640, 360, np.array([[500, 0, 320], [0, 500, 180], [0, 0, 1.0]]))


def view_of(camera=CAMERA):
    """Look along z of the LiDAR frame."""
    rgb = np.zeros((camera.height, camera.width, 3), np.uint8)
    return View('front', Image(rgb, 0, 'eye'), camera, np.eye(4))


def cloud_of(*parts):
    """Join (N, 3) arrays to a cloud."""
    x, y, z = np.ascontiguousarray(np.concatenate(parts).astype(np.float32).T)
    return Cloud(0, 'lidar', x, y, z)


def plane(z, left, right, top, bottom, step):
    """Sample an upright rectangle."""
    x, y = np.meshgrid(np.arange(left, right + 1e-6, step), np.arange(top, bottom + 1e-6, step))
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], axis=1)


def proposals_of(ids):
    """Make proposals of which only the ids matter."""
    ids = np.asarray(ids, np.int32)
    none, none3 = np.zeros(0, np.float32), np.zeros((0, 3), np.float32)
    return Proposals(0, 'lidar', ids, np.zeros(0, np.int32), none3, none3, none3, none, none, '')


def box_px(z, left, right, top, bottom):
    """Project a rectangle: columns and rows."""
    return (320 + 500 * left / z, 320 + 500 * right / z,
            180 + 500 * top / z, 180 + 500 * bottom / z)


def test_a_car_before_a_wall_is_covered_and_does_not_bleed():
    """The car fills its silhouette to a pixel, and the wall goes on right beside it."""
    car, wall = plane(8, -1, 1, 0, 1.4, 0.05), plane(20, -10, 10, -3, 3, 0.1)
    ids = [1] * len(car) + [2] * len(wall)
    mask = proposal_mask(proposals_of(ids), cloud_of(car, wall), view_of())
    left, right, top, bottom = box_px(8, -1, 1, 0, 1.4)
    v, u = np.mgrid[0:360, 0:640]
    inside = (u > left + 1) & (u < right - 1) & (v > top + 6) & (v < bottom - 1)
    assert (mask[inside] == 1).mean() > 0.99
    outside = (u < left - 2) | (u > right + 2) | (v < top - 2) | (v > bottom + 2)
    assert not (mask[outside] == 1).any()
    wall_px = box_px(20, -10, 10, -3, 3)
    beside = (outside & (v > wall_px[2] + 2) & (v < wall_px[3] - 2)
              & (u > wall_px[0] + 2) & (u < wall_px[1] - 2))
    assert (mask[beside] == 2).mean() > 0.98


def test_the_nearest_proposal_of_a_pixel_wins():
    """On one ray, whatever the order of the points."""
    points = np.array([[0, 0, 10.0], [0, 0, 4.0]])
    for order in ([0, 1], [1, 0]):
        mask = proposal_mask(proposals_of(np.array([1, 2])[order]), cloud_of(points[order]),
                             view_of())
        assert mask[180, 320] == 2


def test_the_radius_shrinks_with_range_between_its_limits():
    """The metric radius holds in between; far and near points fill what the limits say."""
    config = MaskConfig(fill_m=0.2, least_deg=0.3, most_deg=2.0, drop_hidden=False)
    for z, radius_px in ((2.0, 500 * np.deg2rad(2.0)), (10.0, 10.0),
                         (100.0, 500 * np.deg2rad(0.3))):
        labels = np.array([5], np.uint8)
        mask = densify(labels, cloud_of(np.array([[0, 0, z]])), view_of(), config=config)
        v, u = np.mgrid[0:360, 0:640]
        expected = (u - 320) ** 2 + (v - 180) ** 2 <= radius_px ** 2
        np.testing.assert_array_equal(mask == 5, expected)
        assert (mask[~expected] == UNLABELLED).all()


def test_noise_keeps_its_pixels_to_itself():
    """A point of no proposal stops the fill of its neighbours and labels nothing."""
    points = np.array([[0, 0, 10], [0.1, 0, 10]])
    config = MaskConfig(hull=False)
    mask = proposal_mask(proposals_of([1, -1]), cloud_of(points), view_of(), config)
    assert mask[180, 321] == 1 and mask[180, 325] == -1
    alone = proposal_mask(proposals_of([1]), cloud_of(points[:1]), view_of(), config)
    assert alone[180, 325] == 1


def test_ground_is_filled_without_a_hull_and_objects_within_theirs():
    """A single point has no hull to fill but its own pixel; a ground point has none."""
    mask = proposal_mask(proposals_of([0, 1]), cloud_of(np.array([[0, 1, 10], [2, 1, 10.0]])),
                         view_of())
    assert (mask == 0).sum() > 100
    assert (mask == 1).sum() == 1
    free = proposal_mask(proposals_of([0, 1]), cloud_of(np.array([[0, 1, 10], [2, 1, 10.0]])),
                         view_of(), MaskConfig(hull=False))
    assert (free == 1).sum() > 100


def test_hidden_points_are_left_out():
    """Wall points that the LiDAR saw over a car do not make holes in it."""
    rng = np.random.default_rng(0)
    car = plane(8, -1, 1, 0, 1.4, 0.05)
    behind = np.stack([rng.uniform(-2, 2, 300), rng.uniform(0.5, 3, 300), np.full(300, 20)], 1)
    labels = np.array([1] * len(car) + [2] * len(behind), np.uint8)
    left, right, top, bottom = (int(p) for p in box_px(8, -0.9, 0.9, 0.2, 1.3))
    for drop, share in ((True, 0.999), (False, 0.98)):
        mask = densify(labels, cloud_of(car, behind), view_of(),
                       config=MaskConfig(drop_hidden=drop))
        assert ((mask[top:bottom, left:right] == 1).mean() > share) == drop


@pytest.mark.parametrize('seed', range(3))
def test_fill_is_the_nearest_point_by_brute_force(seed):
    """Every pixel's label is that of the nearest point, if it lies within that point's radius."""
    rng = np.random.default_rng(seed)
    points = np.unique(rng.integers(0, (60, 90), (150, 2)), axis=0)
    radius = rng.uniform(2, 12, len(points)).astype(np.float32)
    nearest = np.full((60, 90), -1, np.int32)
    nearest[points[:, 0], points[:, 1]] = np.arange(len(points))
    out = np.full((60, 90), -1, np.int32)
    none = np.zeros(len(points), np.int32)
    labels = np.arange(len(points), dtype=np.int32)
    fill(nearest, labels, radius, hull_spans(none, radius, radius), True, out)
    v, u = np.mgrid[0:60, 0:90]
    squared = (v[..., None] - points[:, 0]) ** 2 + (u[..., None] - points[:, 1]) ** 2
    least = squared.min(axis=2)
    filled = out >= 0
    got = np.take_along_axis(squared, np.maximum(out, 0)[..., None], axis=2)[..., 0]
    np.testing.assert_array_equal(got[filled], least[filled])
    assert (got[filled] <= radius[out[filled]] ** 2).all()
    certain = least > radius.max() ** 2
    assert not filled[certain].any()
    sure = (squared == least[..., None]) & (squared <= radius ** 2)
    one = (squared == least[..., None]).sum(axis=2) == 1
    np.testing.assert_array_equal(filled[one], sure.any(axis=2)[one])


def test_hulls_are_convex_and_tight():
    """The spans of random segments are the rows of their convex hulls."""
    from scipy.spatial import ConvexHull, Delaunay
    rng = np.random.default_rng(1)
    segment = np.repeat([1, 2, 0], 60).astype(np.int32)
    u = rng.uniform(0, 50, 180).astype(np.float32) + 60 * segment
    v = rng.integers(0, 40, 180).astype(np.float32)
    _, first_row, offset, left, right = hull_spans(segment, u, v)
    for s in (1, 2):
        corners = np.concatenate([np.stack([u[segment == s] + d, v[segment == s]], 1)
                                  for d in (-0.5, 0.5)])
        hull = Delaunay(corners[ConvexHull(corners).vertices])
        for row in range(offset[s + 1] - offset[s]):
            lo, hi = left[offset[s] + row], right[offset[s] + row]
            y = first_row[s] + row
            if hi - lo > 0.1:
                assert (hull.find_simplex([[lo + 0.05, y], [hi - 0.05, y]]) >= 0).all()
            assert (hull.find_simplex([[lo - 0.05, y], [hi + 0.05, y]]) < 0).all()


def test_scale_and_empty_clouds_and_bad_input():
    """Masks have the size of the scaled image; nothing gives nothing; misfits are errors."""
    empty = Cloud(0, 'lidar', *(np.zeros(0, np.float32) for _ in range(3)))
    assert (densify(np.zeros(0, np.uint8), empty, view_of(), 0.5) == UNLABELLED).all()
    mask = proposal_mask(proposals_of([]), empty, view_of(), MaskConfig(scale=0.25))
    assert mask.shape == (90, 160) and mask.dtype == np.int32 and (mask == -1).all()
    with pytest.raises(ValueError, match=r'labels are \(2,\), the cloud has 0 points'):
        densify(np.zeros(2, np.uint8), empty, view_of())
    with pytest.raises(ConfigError, match='most_deg: 0.1 is below least_deg 0.5'):
        MaskConfig(least_deg=0.5, most_deg=0.1)
    behind = cloud_of(plane(-5, -1, 1, -1, 1, 0.1))
    assert (densify(np.full(len(behind), 3, np.uint8), behind, view_of()) == UNLABELLED).all()


def test_labels_of_simulated_points_agree_with_the_simulated_mask(sim_bag):
    """What the points say is what the camera saw: 93 % of the labelled pixels, half of all."""
    agree, labelled, cars = [], [], np.zeros(2)
    with open_bag(sim_bag) as bag:
        truth = {stamp_ns(r.message.header): np.array(r.message.data).reshape(
            r.message.height, r.message.width) for r in bag.messages(['/sim/mask'])}
        image = next(t for t in bag.topics if t.startswith('/camera/front/image_raw'))
        topics = find_topics(bag, TopicsConfig(images=(image,)))
        for frame in frames(bag, topics).decoded():
            (view,) = frame.views
            expected = truth[view.image.stamp_ns]
            got = densify(frame.cloud.label, frame.cloud, view)
            known = (got != UNLABELLED) & (expected != UNLABELLED)
            agree.append((got == expected)[known].mean())
            labelled.append(known.mean())
            cars += [((got == 13) & (expected == 13)).sum(),
                     (((got == 13) | (expected == 13)) & known).sum()]
    assert len(agree) >= 9
    assert np.mean(agree) > 0.93 and min(agree) > 0.9
    assert np.mean(labelled) > 0.4
    assert cars[0] / cars[1] > 0.85


@pytest.mark.parametrize('path, motion, least', [
    ('kitti_drive', MotionConfig(), 0.45),
    ('pandaset_drive', MotionConfig(lidar_stamp='end', deskew=False), 0.25)])
def test_real_proposals_keep_to_their_boxes_in_the_image(shared_data, path, motion, least):
    """Every object's pixels lie within the rectangle of its points, and much is labelled."""
    extractor = ProposalExtractor(ProposalsConfig())
    with open_bag(shared_data / path) as bag:
        frame = next(frames(bag, find_topics(bag, TopicsConfig()), motion=motion).decoded())
    proposals = extractor(frame.cloud)
    for view in frame.views:
        mask = proposal_mask(proposals, frame.cloud, view, MaskConfig(scale=0.5))
        assert (mask >= 0).mean() > least
        seen = project_xyz(frame.cloud.x, frame.cloud.y, frame.cloud.z, scaled(view.camera, 0.5),
                           view.camera_T_lidar)
        ids = proposals.point_ids[seen.rows]
        shown = np.setdiff1d(np.unique(mask), [-1, 0])
        assert len(shown) > 15
        for i in shown:
            v, u = np.nonzero(mask == i)
            of_it = ids == i
            assert seen.u_px[of_it].min() - 1 <= u.min() and u.max() <= seen.u_px[of_it].max() + 1
            assert seen.v_px[of_it].min() - 1 <= v.min() and v.max() <= seen.v_px[of_it].max() + 1
