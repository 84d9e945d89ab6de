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

"""The camera models against OpenCV, and where they must see nothing."""

import cv2
from dseg_ros.geometry import (
    CalibrationError, check_size, from_quaternion, project, project_xyz, scaled, transform,
    unproject)
from dseg_ros.types import Camera
import numpy as np
import pytest

K = np.array([[1000, 0, 960], [0, 1010, 540], [0, 0, 1.0]])
RATIONAL = [.1, .02, .001, .002, .003, .2, .05, .01]
MODELS = {
    'none': ('plumb_bob', []),
    'plumb_bob 4': ('plumb_bob', [-.3, .1, .001, -.002]),
    'plumb_bob 5': ('plumb_bob', [-.3, .1, .001, -.002, .02]),
    'rational': ('rational_polynomial', RATIONAL),
    'thin prism': ('rational_polynomial', [*RATIONAL, .001, .002, .003, .001]),
    'tilted': ('rational_polynomial', [*RATIONAL, .001, .002, .003, .001, .02, -.03]),
    'fisheye': ('equidistant', [.01, .002, -.003, .0001]),
}
CAMERA_T_LIDAR = from_quaternion((.1, .2, .3), (.1, .2, .05, .9))


def camera_of(name, intrinsics=K, width=1920, height=1080):
    """Build the camera of a model in MODELS."""
    model, distortion = MODELS[name]
    return Camera('eye_optical', width, height, intrinsics, np.array(distortion, float), model)


def opencv(points_camera, camera):
    """Project with OpenCV: (N, 2)."""
    d = camera.distortion if len(camera.distortion) else None
    function = cv2.fisheye.projectPoints if camera.model == 'equidistant' else cv2.projectPoints
    zero = np.zeros(3)
    return function(points_camera[:, None], zero, zero, camera.intrinsics, d)[0][:, 0]


def random_points(count=20000, seed=0):
    """Draw points all around the camera [m]."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(-1, 1, (count, 3)) * [30, 30, 40]).astype(np.float32)


@pytest.mark.parametrize('name', MODELS)
def test_same_pixels_as_opencv(name):
    """Every pixel is OpenCV's, and every point that belongs into the image is there."""
    camera, points = camera_of(name), random_points()
    uv, depth_m = project(points, camera, CAMERA_T_LIDAR)
    in_camera = transform(CAMERA_T_LIDAR, points.astype(np.float64))
    seen = ~np.isnan(uv[:, 0])
    assert seen.sum() > 1000
    np.testing.assert_allclose(uv[seen], opencv(in_camera, camera)[seen], atol=2e-3)
    expected_depth = (np.linalg.norm(in_camera, axis=1) if name == 'fisheye' else in_camera[:, 2])
    np.testing.assert_allclose(depth_m[seen], expected_depth[seen], rtol=1e-5)
    # Near the axis no distortion folds: whatever OpenCV puts into the image must be seen.
    tangent = np.linalg.norm(in_camera[:, :2], axis=1) / np.maximum(in_camera[:, 2], 1e-9)
    reference = opencv(in_camera, camera)
    inside = ((tangent < 0.8) & (reference >= 0).all(axis=1)
              & (reference < [1919, 1079]).all(axis=1))
    assert inside.sum() > 1000
    assert seen[inside].all()


@pytest.mark.parametrize('name', MODELS)
def test_unproject_is_the_inverse(name):
    """The ray of a pixel meets the point that was projected there."""
    camera, points = camera_of(name), random_points(5000)
    uv, _ = project(points, camera, CAMERA_T_LIDAR)
    seen = ~np.isnan(uv[:, 0])
    in_camera = transform(CAMERA_T_LIDAR, points[seen].astype(np.float64))
    rays = in_camera / np.linalg.norm(in_camera, axis=1, keepdims=True)
    np.testing.assert_allclose(unproject(uv[seen], camera), rays, atol=1e-5)


def test_points_that_the_polynomial_would_fold_back_are_outside():
    """Barrel distortion maps points far off the axis into the image again: OpenCV shows them."""
    camera = Camera('eye', 1920, 1080, K, np.array([-.3, 0, 0, 0, 0]))
    tangent = np.linspace(0, 6, 2000)
    points = np.stack([tangent, 0 * tangent, 1 + 0 * tangent], axis=1).astype(np.float32)
    u_opencv = opencv(points.astype(np.float64), camera)[:, 0]
    folded = (tangent > 1.1) & (u_opencv > 0) & (u_opencv < 1920)
    assert folded.sum() > 50, 'the example does not fold'
    uv, _ = project(points, camera, np.eye(4))
    assert np.isnan(uv[folded]).all()
    u = uv[~np.isnan(uv[:, 0]), 0]
    assert (np.diff(u) > 0).all() and u.max() > 1500


def test_fisheye_sees_beside_and_behind():
    """A 200 degree lens sees points with negative z and no point straight behind."""
    camera = Camera('eye', 1200, 1200, np.array([[320, 0, 600], [0, 320, 600], [0, 0, 1.0]]),
                    np.zeros(4), 'equidistant')
    angle = np.deg2rad([0, 45, 89, 95, 100, 130, 180])
    points = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=1) * 10
    uv, range_m = project(points.astype(np.float32), camera, np.eye(4))
    np.testing.assert_allclose(uv[:5, 0], 600 + 320 * angle[:5], atol=1e-3)
    assert np.isnan(uv[5:]).all()
    np.testing.assert_allclose(range_m[:5], 10, rtol=1e-6)


def test_nothing_behind_the_camera_or_outside_the_image():
    """Points behind, on the image plane and beyond the border are NaN."""
    camera = camera_of('none')
    points = np.array([[0, 0, -5], [0, 0, 0], [0, 0, 5], [100, 0, 5], [0, -100, 5]], np.float32)
    uv, depth_m = project(points, camera, np.eye(4))
    assert np.isnan(uv[[0, 1, 3, 4]]).all() and np.isnan(depth_m[[0, 1, 3, 4]]).all()
    np.testing.assert_allclose(uv[2], [960, 540])
    assert len(project(points[:0], camera, np.eye(4))[0]) == 0
    with pytest.raises(ValueError, match=r'\(3, 5\)'):
        project(points.T, camera, np.eye(4))


def test_projection_keeps_the_rows_together():
    """The compact form names the points that it kept."""
    camera, points = camera_of('plumb_bob 5'), random_points(3000)
    uv, depth_m = project(points, camera, CAMERA_T_LIDAR)
    x, y, z = np.ascontiguousarray(points.T)
    seen = project_xyz(x, y, z, camera, CAMERA_T_LIDAR)
    np.testing.assert_array_equal(seen.rows, np.flatnonzero(~np.isnan(uv[:, 0])))
    np.testing.assert_array_equal(np.stack([seen.u_px, seen.v_px], axis=1), uv[seen.rows])
    np.testing.assert_array_equal(seen.depth_m, depth_m[seen.rows])


def test_scaled_camera_projects_into_the_resized_image():
    """At half scale the corner of the image stays a corner."""
    camera, points = camera_of('plumb_bob 5'), random_points(3000)
    uv, _ = project(points, camera, CAMERA_T_LIDAR)
    half = scaled(camera, 0.5)
    assert (half.width, half.height) == (960, 540)
    uv_half, _ = project(points, half, CAMERA_T_LIDAR)
    np.testing.assert_allclose(uv_half, (uv + 0.5) / 2 - 0.5, atol=1e-3)


def test_a_calibration_of_another_size_is_refused():
    """The error names the camera and both sizes."""
    check_size(camera_of('none'), 1920, 1080, 'front')
    with pytest.raises(CalibrationError, match=r"'front'.*1280x720 px.*1920x1080 px"):
        check_size(camera_of('none'), 1280, 720, 'front')


def test_a_scaled_camera_is_one_object():
    """What is derived from it, like the domain of its lens, takes longer than a projection."""
    camera = Camera('optical', 64, 48, np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]]))
    assert scaled(camera, 0.5) is scaled(camera, 0.5)
    assert scaled(camera, 0.5) is not scaled(camera, 0.25)
