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

"""Speed of the proposals: `python -m pytest test/benchmarks -s` prints the table."""

from dseg_ros.bags.pointcloud2 import cloud_from_message
from dseg_ros.bags.reader import open_bag
from proposals_anchors import GROUND, OPEN3D, OPEN3D_THIN, OURS, PATCHWORKPP, run, table
import pytest
from recordings import SHARED_DATA

REAL = 'kitti_drive'


@pytest.fixture(scope='module')
def clouds(request):
    """Give five real sweeps, or simulated ones where this machine has no recordings."""
    real = SHARED_DATA / REAL
    bag_path = real if real.is_dir() else request.getfixturevalue('sim_bag')
    with open_bag(bag_path) as bag:
        messages = [record.message for record in bag.messages(['/lidar/points'])]
    return [cloud_from_message(message)[0] for message in messages[::max(len(messages) // 5, 1)]]


def test_proposals_are_faster_than_their_anchors(clouds):
    """Ratios with a wide margin: the measured ones are several times as large."""
    pytest.importorskip('pypatchworkpp')
    timings = run(clouds)
    points = sum(map(len, clouds)) / len(clouds)
    print(f'\n{len(clouds)} sweeps of {points:.0f} points\n{table(timings)}')
    ours = timings[OURS].median_ms
    assert timings[OPEN3D].median_ms > timings[OPEN3D_THIN].median_ms > 20 * ours
    assert timings[PATCHWORKPP].median_ms > 2 * timings[GROUND].median_ms
    assert timings[PATCHWORKPP].median_ms > ours
