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

"""The camera-only baseline: patches that look alike are one cluster, wherever they are."""

from dseg_ros.pseudo.patches import describe_patches, FEATURES, fit_patches, place
from dseg_ros.pseudo.pseudo_classes import ClusterError
import numpy as np
import pytest


def picture(shift: int = 0) -> np.ndarray:
    """Show blue above grey, with a red box and vertical stripes."""
    rng = np.random.default_rng(shift)
    rgb = np.full((128, 192, 3), 110, np.uint8)
    rgb[:64] = (90, 140, 220)
    rgb[64:, 32 + shift:80 + shift] = (200, 30, 30)
    rgb[64:, 144:] = np.where(np.arange(48) // 4 % 2, 60, 180)[None, :, None]
    return (rgb + rng.integers(0, 6, rgb.shape)).astype(np.uint8)


def test_a_patch_is_described_by_colour_contrast_and_edges() -> None:
    """Flat patches have no edges; vertical stripes have horizontal gradients alone."""
    found = describe_patches(picture(), 128 * 192)
    assert found.shape == (8, 12, FEATURES) and np.isfinite(found).all()
    sky, red, stripes = found[1, 1], found[6, 3], found[6, 10]
    assert sky[2] < 0 < red[1]                            # b of blue, a of red
    assert stripes[3] > 5 * sky[3]                        # deviation of the lightness
    edges = stripes[6:]
    assert edges.argmax() in (0, 7) and edges.max() > 10 * sky[6:].max()


def test_light_on_the_whole_image_changes_little() -> None:
    """Lightness is relative to the image's."""
    dim = (picture() * 0.6).astype(np.uint8)
    bright, dark = (describe_patches(p, 128 * 192)[..., 0] for p in (picture(), dim))
    assert np.abs(bright - dark).mean() < 0.1 * np.ptp(bright)


def test_another_image_gets_the_same_clusters() -> None:
    """What is learned from one picture labels another one, at its own size."""
    features = describe_patches(picture(), 128 * 192)
    classes = fit_patches([features.reshape(-1, FEATURES)], 8, np.ones(FEATURES, np.float32), 4,
                          1)
    found = classes.predict(describe_patches(picture(16), 128 * 192), 256, 384)
    assert found.ids.shape == found.confidence.shape == (256, 384)
    sky, red, stripes, road = found.ids[40, 300], found.ids[200, 120], found.ids[200, 330], (
        found.ids[200, 230])
    assert len({sky, red, stripes, road}) == 4
    assert (found.ids[:96] == sky).mean() > 0.8


def test_drives_weigh_alike() -> None:
    """A drive of many patches does not decide alone where clusters are."""
    many, few = np.zeros((900, 1), np.float32), np.ones((100, 1), np.float32)
    classes = fit_patches([many, few], 1, np.ones(1, np.float32), 1, 1)
    assert classes.mean == pytest.approx(0.5)


def test_the_place_is_from_corner_to_corner() -> None:
    """Position features are those of patch centres."""
    assert place(2, 4).shape == (2, 4, 2)
    assert place(2, 4)[0, 0].tolist() == [-0.75, -0.5]
    assert place(2, 4)[1, 3].tolist() == [0.75, 0.5]


def test_fewer_patches_than_clusters_are_named() -> None:
    """Nothing is invented."""
    with pytest.raises(ClusterError, match='3 image patches for 4 clusters'):
        fit_patches([np.zeros((3, 2), np.float32)], 4, np.ones(2, np.float32), 1, 1)
