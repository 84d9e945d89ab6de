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

"""Contact sheets: every class, fairly from every drive, what is of it outlined."""

from dseg_ros.config.pseudo import GeometryFeaturesConfig
from dseg_ros.pseudo.appearance import look
from dseg_ros.pseudo.class_means import ClassMeans
from dseg_ros.pseudo.contact_sheet import class_sheet, ClassCrops, overview, TILE_PX
from dseg_ros.pseudo.geometry_features import describe, OBJECT_FEATURES
from dseg_ros.pseudo.pseudo_classes import palette
from dseg_ros.types import Cloud, Proposals, UNLABELLED, View
import numpy as np

Street = tuple[Cloud, Proposals, View, np.ndarray]
NAMES = ('ground_0', 'object_0', 'object_1', 'object_2')


def crops_of(street: Street, most: int, *drives: str) -> ClassCrops:
    """Offer the street once for every drive; poles have no class."""
    cloud, proposals, view, kind = street
    labels = np.where(kind == 3, UNLABELLED, kind).astype(np.uint8)
    crops = ClassCrops(palette(NAMES), most, np.random.default_rng(0))
    for drive in drives:
        crops.add(drive, cloud, proposals, view, labels, kind.astype(np.int64))
    return crops


def test_overview_has_a_row_per_class(street: Street) -> None:
    """Each class that is seen gets crops; unseen ones an empty row."""
    picture = overview(crops_of(street, 4, *'aabbcc'), NAMES, 4)
    rows = picture.reshape(4, -1, picture.shape[1], 3)[:, :, 120:]
    background = (rows == 24).all(axis=-1).mean(axis=(1, 2))
    assert (background[:3] < 0.1).all() and background[3] == 1.0


def test_every_drive_has_its_share(street: Street) -> None:
    """One long drive does not push out three short ones, whenever they come."""
    for order in (['long'] * 40 + ['a', 'b', 'c'], ['a', 'b', 'c'] + ['long'] * 40):
        crops = crops_of(street, 6, *order)
        drives = [drive for drive, _ in crops.of(1)]
        assert len(drives) == 6 and {'a', 'b', 'c'} < set(drives) and drives.count('long') == 3
        assert len(set(drives[:4])) == 4, 'drives come in turn'
        assert crops.views(1) == 43 and crops.views(3) == 0


def test_members_are_outlined(street: Street) -> None:
    """The class's colour is a thin line in its crops: neither everywhere nor nowhere."""
    crops = crops_of(street, 3, 'a', 'b', 'c')
    for label in (1, 2):
        for _, crop in crops.of(label):
            share = (crop == crops.palette[label]).all(-1).mean()
            assert crop.shape == (TILE_PX, TILE_PX, 3) and 0.002 < share < 0.3


def test_class_sheet_holds_its_caption_and_crops(street: Street) -> None:
    """Crops below the lines, as many rows as are needed; a class without any is a picture too."""
    crops = crops_of(street, 5, *'abcde')
    sheet = class_sheet(crops, 1, 3, ('one', 'two'))
    assert sheet.shape == (3 * 24 + 2 * (TILE_PX + 28), 3 * (TILE_PX + 4), 3)
    assert (sheet[12:72] > 150).any()
    assert class_sheet(crops, 3, 3, ('none',)).shape[1] == sheet.shape[1]


def test_captions_say_what_members_are_like(street: Street) -> None:
    """Shares add up to all; a car is lower than a wall, and a wall is a plane."""
    cloud, proposals, view, kind = street
    voxels, cells = describe(cloud, proposals, look(cloud, view), GeometryFeaturesConfig())
    means = ClassMeans(NAMES, OBJECT_FEATURES)
    for _ in range(2):
        means.add(kind.astype(np.uint8), voxels, cells)
    captions = [means.caption(i) for i in range(4)]
    shares = [float(first.split(': ')[1].split(' %')[0]) for first, _ in captions]
    assert abs(sum(shares) - 100) < 0.3 and shares[0] == round(100 * (kind == 0).mean(), 1)
    words = [text for _, text in captions]
    assert 'log roughness +0.00' in words[0] and 'height' not in words[0]

    def value(text: str, word: str) -> float:
        return float(text[text.index(word) + len(word):].split()[0].rstrip(','))

    assert value(words[1], 'height ') < value(words[2], 'height ')
    assert value(words[1], 'up to ') < 2.5 < value(words[2], 'up to ')
    assert value(words[2], 'planarity ') > 0.5 and value(words[3], 'linearity ') > 0.8


def test_captions_leave_out_what_no_column_tells(street: Street) -> None:
    """A network's features have no unit."""
    cloud, proposals, view, kind = street
    voxels, cells = describe(cloud, proposals, look(cloud, view), GeometryFeaturesConfig())
    means = ClassMeans(NAMES, [('cls_crop_0', 'cls_crop')])
    means.add(kind.astype(np.uint8), voxels, cells)
    assert means.caption(1)[1] == ''
