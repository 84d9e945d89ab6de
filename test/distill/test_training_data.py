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

"""Images with partial labels of a real chain: workers, stale stores, odd data sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
from dseg_ros.config.dataset import HarvestConfig, SelectionConfig
from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.config.student import MergeConfig, RefineConfig
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.harvest import harvest
from dseg_ros.dataset.store import Dataset, DatasetWriter, Sample
from dseg_ros.distill.clustering import cluster
from dseg_ros.distill.merging import merge_classes
from dseg_ros.distill.refining import dense_images, Sources
from dseg_ros.distill.teacher import train_teacher
from dseg_ros.distill.training_data import load_images, TrainingDataError
from dseg_ros.distill.training_image import TrainingImage
from dseg_ros.geometry import scaled
from dseg_ros.pseudo.pseudo_classes import ClusterError
from dseg_ros.types import Proposals
import numpy as np
import pytest

RECIPE = ClusterConfig(objects=4, inits=1)
Told = list[tuple[int, int]]


def silent(done: int, total: int) -> None:
    """Tell nobody of progress."""


def tars(folder: Path) -> dict[str, bytes]:
    """Return the bytes of a store's shards and index."""
    return {p.name: p.read_bytes() for p in folder.rglob('*') if p.suffix in ('.tar', '.json')}


def with_rear(sample: Sample) -> Sample:
    """Add a camera of another size."""
    front = sample.views[0]
    camera = scaled(front.camera, 0.5)
    image = cv2.resize(front.decoded().image.rgb, (camera.width, camera.height))
    data = cv2.imencode('.png', image[..., ::-1])[1].tobytes()
    return replace(sample, views=(front, replace(front, name='rear', camera=camera, suffix='png',
                                                 data=data)))


def without_proposals(sample: Sample) -> Sample:
    """Take away every object and the ground."""
    old = sample.proposals
    names = ('count', 'centroid_m', 'box_centre_m', 'box_size_m', 'box_yaw_rad', 'range_m')
    return replace(sample, proposals=replace(
        old, point_ids=np.full_like(old.point_ids, Proposals.NOISE),
        **{n: getattr(old, n)[:0] for n in names}))


@pytest.fixture(scope='module')
def data(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give four samples: two cameras, the second has no proposal, the third the front alone."""
    here = tmp_path_factory.mktemp('data')
    plain = Dataset(harvest(HarvestConfig(bags=(str(sim_bag),), out=str(here / 'plain'), workers=1,
                                          selection=SelectionConfig(every=3))))
    samples = list(plain)
    made = [with_rear(samples[0]), without_proposals(samples[1]), samples[2],
            with_rear(samples[3])]
    with DatasetWriter(here / 'set', {'made_by': 'test'}) as writer:
        source = writer.begin_source('drive', samples[0].source)
        for sample in made:
            writer.append(sample)
        writer.settle_source(source)
    return here / 'set'


@pytest.fixture(scope='module')
def classes(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cluster the data set."""
    return cluster(data, tmp_path_factory.mktemp('classes'), RECIPE, silent)


def test_cameras_of_several_sizes_and_images_without_proposals(
        data: Path, classes: Path, tiny: TrainingConfig, tmp_path: Path) -> None:
    """All images are there at sizes of their own, and a teacher learns from them."""
    images = load_images(data, classes, tiny, silent)
    sizes = [image.rgb.shape[:2] for image in images.images()]
    assert len(images) == 1 and len(sizes) in (5, 6)     # without proposals: sky alone, or nothing
    assert len(set(sizes)) <= 2 and all(abs(h / w - 9 / 16) < 0.02 for h, w in sizes)
    path = train_teacher(data, classes, tmp_path / 'run', replace(tiny, steps=2), silent, silent)
    assert path.exists()


def test_workers_change_nothing(data: Path, classes: Path, tiny: TrainingConfig,
                                tmp_path: Path) -> None:
    """Partial and dense labels by two processes are, to the bit, those by one."""
    config = replace(tiny, steps=2)
    run = train_teacher(data, classes, tmp_path / 'run', config, silent, silent).parent
    merged = merge_classes(data, classes, run, MergeConfig(0), silent)
    sources = Sources(data, classes, run, merged, RefineConfig(superpixels=30), config)
    before = tars(classes / 'images')
    for path in (classes / 'images').rglob('*'):
        if path.is_file():
            path.unlink()
    load_images(data, classes, config, silent, WorkersConfig(workers=2))
    assert tars(classes / 'images') == before and len(before) >= 2
    for workers in (1, 2):
        dense_images(sources, tmp_path / str(workers), silent, WorkersConfig(workers=workers))
    one, two = tars(tmp_path / '1'), tars(tmp_path / '2')
    assert one == two and len(one) == 2


def test_a_finished_store_is_used_again_and_a_stale_one_is_not(
        data: Path, classes: Path, tiny: TrainingConfig) -> None:
    """Other sizes make another store beside it; what does not matter makes none."""
    load_images(data, classes, tiny, silent)
    stores = set((classes / 'images').iterdir())
    told: Told = []
    load_images(data, classes, replace(tiny, seed=99, steps=3), lambda *a: told.append(a))
    assert told == [(4, 4)] and set((classes / 'images').iterdir()) == stores
    load_images(data, classes, replace(tiny, stored_magnification=1.0), silent)
    assert len(set((classes / 'images').iterdir()) - stores) == 1


def test_other_rules_for_the_sky_make_another_store(data: Path, tiny: TrainingConfig,
                                                    tmp_path: Path) -> None:
    """The classes of points are the same then, the images are not."""
    for grow in (True, False):
        cluster(data, tmp_path, replace(RECIPE, grow=grow), silent)
        load_images(data, tmp_path, tiny, silent)
    assert len(list((tmp_path / 'images').iterdir())) == 2


def test_nothing_labelled_is_an_error(data: Path, classes: Path, tiny: TrainingConfig,
                                      monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty data set is refused before; one without a label here."""
    with DatasetWriter(tmp_path / 'empty', {}) as writer:
        writer.begin_source('drive', 'drive')
    with pytest.raises(ClusterError, match='empty: holds no samples'):
        cluster(tmp_path / 'empty', tmp_path / 'out', RECIPE, silent)
    monkeypatch.setattr(
        'dseg_ros.distill.training_data.partial_labels', lambda sample, view, *rest:
        TrainingImage(view.image.rgb, np.full(view.image.rgb.shape[:2], 255, np.uint8), 'drive'))
    with pytest.raises(TrainingDataError, match='not one pixel of 4 samples is labelled'):
        load_images(data, classes, replace(tiny, stored_magnification=0.9), silent)
