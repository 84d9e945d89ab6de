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

"""Clustering by what a network sees: from a weights file to classes, kept and gone on with."""

from dataclasses import replace
import io
from pathlib import Path
import shutil

from dseg_ros.config.backbone import BackboneConfig
from dseg_ros.config.dataset import HarvestConfig, SelectionConfig
from dseg_ros.config.image_features import ImageFeaturesConfig
from dseg_ros.config.pseudo import ClusterConfig, FeatureWeightsConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.config.workers import WorkersConfig
from dseg_ros.dataset.harvest import harvest
from dseg_ros.dataset.store import Dataset, DatasetError
from dseg_ros.distill.clustering import assignments, cluster, load_classes
from dseg_ros.distill.describing import describe_sample, Descriptions
from dseg_ros.distill.image_features import described_only, ImageDescriber, ObjectDescriptions
from dseg_ros.models.weights_file import BackboneError
from dseg_ros.pseudo.geometry_features import Elements, OBJECT_FEATURES
from dseg_ros.pseudo.pseudo_classes import element_weights, fit
from dseg_ros.types import Proposals, UNLABELLED
import numpy as np
import pytest
from safetensors.torch import save_file
import timm
import torch


@pytest.fixture(scope='module')
def data(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data set of two samples."""
    out = tmp_path_factory.mktemp('data') / 'set'
    return harvest(HarvestConfig(bags=(str(sim_bag),), out=str(out), workers=1,
                                 selection=SelectionConfig(every=5)))


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageFeaturesConfig:
    """Give options with timm's test ViT, its random weights in a file."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('weights') / 'vit.safetensors'
    save_file(timm.create_model('test_vit', num_classes=0).state_dict(), path)
    return ImageFeaturesConfig(crop_px=32, image_pixels=96 * 160, backbone=BackboneConfig(
        name='test_vit', weights=str(path), device='cpu'))


def clustered(data: Path, out: Path, images: ImageFeaturesConfig, *modes: str) -> dict:
    """Cluster in these modes and read the labels."""
    cluster(data, out, config(images, *modes), lambda done, of: None)
    return dict(assignments(out))


def config(images: ImageFeaturesConfig, *modes: str) -> ClusterConfig:
    """Give a small recipe."""
    return ClusterConfig(objects=4, inits=2, feature_modes=modes, images=images)


def test_geometry_alone_is_what_it_was(data: Path, images: ImageFeaturesConfig,
                                       tmp_path: Path) -> None:
    """Its centroids are, to the bit, k-means over what describe gives; no backbone is loaded."""
    missing = replace(images, backbone=BackboneConfig(weights='none.pth'))
    cluster(data, tmp_path / 'out', config(missing, 'geometry'), lambda done, of: None)
    recipe, samples = config(images, 'geometry'), []
    dataset = Dataset(data)
    for key in dataset.keys():
        voxels, _ = describe_sample(dataset[key], dataset[key].frame().views, recipe)
        size = np.bincount(voxels.component, voxels.points)
        rows = np.isfinite(voxels.features[:, 12]) & (
            size[voxels.component] >= recipe.fit_points)
        samples.append((voxels.features[rows],
                        element_weights(voxels, recipe.component_power)[rows]))
    features, weight = (np.concatenate(a) for a in zip(*samples))
    grounds = sum(np.isfinite(c.features[:, 1]).sum() for c in (
        describe_sample(dataset[k], dataset[k].frame().views, recipe)[1]
        for k in dataset.keys()))
    rng = np.random.default_rng(recipe.seed)
    rng.permutation(grounds)                              # the ground is thinned first
    chosen = rng.permutation(len(features))[:recipe.samples_per_drive]
    expected = fit([(features[chosen], weight[chosen])], OBJECT_FEATURES, 4, recipe)
    found = load_classes(tmp_path / 'out')[0].objects
    assert np.array_equal(found.centroids, expected.centroids)
    assert not data.with_name('set.features').exists()


@pytest.mark.parametrize('mode', ['cls_crop', 'patch_pool'])
def test_a_proposal_takes_one_class(data: Path, images: ImageFeaturesConfig, mode: str,
                                    tmp_path: Path) -> None:
    """Points of a described proposal agree; what no camera sees is unlabelled."""
    labels = clustered(data, tmp_path / 'out', images, mode)
    dataset = Dataset(data)
    classes = load_classes(tmp_path / 'out')[0]
    assert classes.objects.centroids.shape == (4, 64)
    used = set()
    for key, label in labels.items():
        proposals = dataset[key].proposals
        for i in range(1, len(proposals) + 1):
            found = np.unique(label[(proposals.point_ids == i) & (label != UNLABELLED)])
            assert len(found) <= 1
            used |= set(found.tolist())
        assert (label[proposals.point_ids == Proposals.NOISE] == UNLABELLED).mean() > 0.9
    assert len(used) == 4


def test_modes_side_by_side(data: Path, images: ImageFeaturesConfig, tmp_path: Path) -> None:
    """Columns of all modes are there; weight 0 leaves geometry as it is, weight 9 does not."""
    alone = clustered(data, tmp_path / 'alone', images, 'geometry')
    for weight, least, most in ((0.0, 0.999, 1.0), (9.0, 0.0, 0.95)):
        recipe = replace(config(images, 'geometry', 'patch_pool', 'cls_crop'),
                         weights=FeatureWeightsConfig(cls_crop=weight, patch_pool=weight))
        out = tmp_path / f'{weight}'
        cluster(data, out, recipe, lambda done, of: None)
        assert load_classes(out)[0].objects.centroids.shape == (4, len(OBJECT_FEATURES) + 128)
        together = dict(assignments(out))
        same = np.mean([np.mean(together[k] == alone[k]) for k in alone])
        assert least <= same <= most


def test_descriptions_are_kept_and_gone_on_with(data: Path, images: ImageFeaturesConfig,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """What is described stays; a damaged or missing file alone is made again; equal bytes."""
    dataset = Dataset(data)
    keys = list(dataset.keys())
    describer = ImageDescriber(data, 'hash', 'patch_pool', images)
    voxels = [describe_sample(dataset[k], dataset[k].frame().views, ClusterConfig())[0]
              for k in keys]
    first = [describer.features(dataset, k, v) for k, v in zip(keys, voxels)]
    assert all(np.isfinite(f).any() and f.shape == (len(v.features), 64)
               for f, v in zip(first, voxels))
    files = [describer.folder / f'{k}.npz' for k in keys]
    files[1].write_bytes(files[1].read_bytes()[:50])
    again = ImageDescriber(data, 'hash', 'patch_pool', images)
    made = []
    describe = again.describe
    monkeypatch.setattr(again, 'describe', lambda *a: made.append(1) or describe(*a))
    for k, v, f in zip(keys, voxels, first):
        assert np.array_equal(again.features(dataset, k, v), f, equal_nan=True)
    assert len(made) == 1
    other = ImageDescriber(data, 'hash', 'patch_pool', replace(images, image_pixels=64 * 96))
    assert other.folder != describer.folder


def test_undescribed_elements_are_left_out() -> None:
    """Points of the rest keep their element under its new number."""
    features = np.array([[1, 1], [np.nan, np.nan], [np.nan, 3]], np.float32)
    of_point = np.array([0, 1, 2, -1, 2], np.int32)
    zero = np.zeros(3)
    out = described_only(Elements(of_point, features, np.array([1, 1, 2]), np.array([0, 1, 1]),
                                  zero, zero))
    assert out.of_point.tolist() == [0, -1, 1, -1, 1]
    assert out.component.tolist() == [0, 1] and len(out.features) == len(out.long_m) == 2


def test_impossible_modes_are_named(data: Path, images: ImageFeaturesConfig,
                                    tmp_path: Path) -> None:
    """No mode, one twice, an unknown one, a backbone that is not there."""
    for modes, message in (((), r'feature_modes: \[\]'), (('geometry',) * 2, 'different ones'),
                           (('dino',), "feature_modes: 'dino' is not one of")):
        with pytest.raises(ConfigError, match=message):
            ClusterConfig(feature_modes=modes)
    missing = replace(images, backbone=BackboneConfig(weights='none.pth'))
    with pytest.raises(BackboneError, match='none.pth: no such weights file'):
        cluster(data, tmp_path / 'out', config(missing, 'cls_crop'), lambda done, of: None)


def files_of(data: Path, out: Path, images: ImageFeaturesConfig, workers: WorkersConfig,
             told: list[tuple[int, int]]) -> dict[str, bytes]:
    """Describe in two modes; returns what is kept beside the data set, which is then removed."""
    kept = data.with_name(data.name + '.features')
    shutil.rmtree(kept, ignore_errors=True)
    samples = Descriptions(data, 'hash', out, config(images, 'cls_crop', 'patch_pool'))
    samples.complete(workers, lambda *a: told.append(a))
    return {str(p.relative_to(kept)): p.read_bytes() for p in sorted(kept.rglob('*.npz'))}


@pytest.mark.parametrize('engine', ['local', 'ray'])
def test_workers_change_nothing(data: Path, images: ImageFeaturesConfig, tmp_path: Path,
                                engine: str) -> None:
    """Every worker has the network: the same files, by processes and by a Ray cluster."""
    told: list[tuple[int, int]] = []
    alone = files_of(data, tmp_path / '1', images, WorkersConfig(workers=1), told)
    assert told == [(0, 4), (1, 4), (2, 4), (2, 4), (3, 4), (4, 4)]
    many = files_of(data, tmp_path / '2', images, WorkersConfig(
        workers=2, engine=engine, ray_address='local' if engine == 'ray' else ''), told)
    assert many.keys() == alone.keys() and len(many) == 4
    for name, packed in many.items():   # one thread sums in another order than two
        one, two = (np.load(io.BytesIO(content)) for content in (alone[name], packed))
        assert all(np.array_equal(one[part], two[part]) for part in ('point_ids', 'ids'))
        np.testing.assert_allclose(one['features'], two['features'], atol=2e-3)


def test_a_worker_with_other_weights_is_told(data: Path, images: ImageFeaturesConfig,
                                             tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """On another machine the file of the same name may be another: nothing of it is kept."""
    samples = Descriptions(data, 'other', tmp_path, config(images, 'patch_pool'))
    monkeypatch.setattr(ObjectDescriptions, 'one', lambda self, job: (job.key, {'else': b''}))
    with pytest.raises(DatasetError, match='other weights than patch_pool-'):
        samples.complete(WorkersConfig(workers=1), lambda *a: None)
