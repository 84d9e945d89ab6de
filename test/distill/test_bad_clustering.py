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

"""Data sets that give no pseudo-classes: the error names them, and why."""

from dataclasses import replace
from pathlib import Path

from dseg_ros.config.dataset import HarvestConfig, SelectionConfig, StoreConfig
from dseg_ros.config.pseudo import ClusterConfig
from dseg_ros.dataset.harvest import harvest
from dseg_ros.dataset.sample import Sample
from dseg_ros.dataset.store import Dataset, DatasetWriter
from dseg_ros.distill.clustering import assignments, cluster
from dseg_ros.pseudo.pseudo_classes import ClusterError
from dseg_ros.types import Dropped, Proposals
import numpy as np
import pytest


@pytest.fixture(scope='module')
def sample(sim_bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Give one sample of a drive."""
    out = tmp_path_factory.mktemp('one') / 'set'
    dataset = Dataset(harvest(HarvestConfig(bags=(str(sim_bag),), out=str(out), workers=1,
                                            selection=SelectionConfig(every=10))))
    return dataset[dataset.keys()[0]]


def written(path: Path, *samples: Sample) -> Path:
    """Write a data set."""
    with DatasetWriter(path, {'made_by': 'test'}, StoreConfig()) as writer:
        source = writer.begin_source('x.mcap', 'drive', 'sha256:x')
        for one in samples:
            writer.append(one)
        writer.settle_source(source, Dropped())
    return path


def run(data: Path, out: Path, **options: object) -> Path:
    """Cluster with few classes."""
    config = ClusterConfig(**{'objects': 3, 'grounds': 1, 'inits': 1, **options})
    return cluster(data, out, config, lambda done, of: None)


def test_nothing_in_it(tmp_path: Path) -> None:
    """An empty data set is named."""
    with pytest.raises(ClusterError, match='set: holds no samples'):
        run(written(tmp_path / 'set'), tmp_path / 'out')


def test_no_camera_sees_a_point(sample: Sample, tmp_path: Path) -> None:
    """Cameras that look elsewhere: no described element, and that is why."""
    away = np.eye(4)
    away[2, 3] = -1e4                                # everything lies behind the camera
    views = tuple(replace(view, camera_T_lidar=away) for view in sample.views)
    data = written(tmp_path / 'set', replace(sample, source='drive', views=views))
    with pytest.raises(ClusterError, match='set: ground: 0 described elements for 1 clusters: '
                                           'no camera sees any'):
        run(data, tmp_path / 'out')


def test_more_clusters_than_elements(sample: Sample, tmp_path: Path) -> None:
    """Both numbers are named, in a sweep the option, too."""
    rows = np.flatnonzero(sample.proposals.point_ids != Proposals.GROUND)[:40]
    rows = np.concatenate([rows, np.flatnonzero(sample.proposals.point_ids == 0)])
    few = replace(sample, source='drive', cloud=sample.cloud.select(rows), proposals=replace(
        sample.proposals, point_ids=sample.proposals.point_ids[rows]))
    data = written(tmp_path / 'set', few)
    for objects, message in ((200, r'objects: \d+ described elements for 200 clusters'),
                             (0, 'objects: .* too few to try 30 clusters: lower sweep.counts')):
        with pytest.raises(ClusterError, match=message):
            run(data, tmp_path / f'out{objects}', objects=objects, fit_points=1)


def test_images_without_proposals_are_clustered(sample: Sample, tmp_path: Path) -> None:
    """Points of no proposal have descriptions of their own: nothing is lost."""
    ids = np.where(sample.proposals.point_ids == Proposals.GROUND, Proposals.GROUND,
                   Proposals.NOISE).astype(np.int32)
    none, none3 = np.zeros(0, np.float32), np.zeros((0, 3), np.float32)
    bare = replace(sample.proposals, point_ids=ids, count=np.zeros(0, np.int32),
                   centroid_m=none3, box_centre_m=none3, box_size_m=none3, box_yaw_rad=none,
                   range_m=none)
    data = written(tmp_path / 'set', replace(sample, source='drive', proposals=bare))
    (_, labels), = assignments(run(data, tmp_path / 'out', noise=0.0))
    assert set(np.unique(labels)) >= {0, 1, 2, 3}
