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

"""Proposals on the simulated drive, where ground and objects are known."""

from dseg_ros.bags.pointcloud2 import cloud_from_message
from dseg_ros.bags.reader import open_bag
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.evaluation.proposal_quality import ground_iou, object_coverage
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.sim.messages import POINT
import numpy as np
import pytest


@pytest.fixture(scope='module')
def sweeps(sim_bag):
    """Give every third sweep with the instances of its points."""
    with open_bag(sim_bag) as bag:
        messages = [record.message for record in bag.messages(['/lidar/points'])][::3]
    found = []
    for message in messages:
        points = np.frombuffer(bytes(message.data), POINT)
        cloud, dropped = cloud_from_message(message)
        assert dropped.total == 0 and len(cloud) == len(points)
        found.append((cloud, points['instance']))
    return found


def score(sweeps, **options):
    """Find proposals; give ground IoU, share of the objects covered, and how many there are."""
    extractor = ProposalExtractor(from_mapping(ProposalsConfig, options))
    ground, iou = [], []
    for cloud, instance in sweeps:
        ids = extractor(cloud).point_ids
        ground.append(ground_iou(ids, cloud.label))
        iou.append(object_coverage(ids, instance).iou)
    objects = np.concatenate(iou)
    return float(np.mean(ground)), float(np.mean(objects >= 0.5)), len(objects)


def test_ground_and_objects_are_found(sweeps):
    """The goal: ground IoU of 0.95, four of five objects of 50 points covered by one proposal."""
    ground, covered, objects = score(sweeps)
    print(f'\nsimulated drive: ground IoU {ground:.3f}, {covered:.1%} of {objects} objects')
    assert objects > 100
    assert ground >= 0.95
    assert covered >= 0.8


def test_alternatives_are_worse_but_work(sweeps):
    """Density and column angles, each with the rest as it is."""
    ground, covered, _ = score(sweeps, method='dbscan')
    assert ground >= 0.95 and covered >= 0.7
    ground, covered, _ = score(sweeps, **{'ground.method': 'column_angle'})
    assert ground >= 0.7 and covered >= 0.6
