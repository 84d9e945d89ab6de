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

from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.types import Cloud
import numpy as np


def test_an_empty_cloud_gives_no_proposals():
    """Nothing in, nothing out."""
    none = np.zeros(0, np.float32)
    found = ProposalExtractor(ProposalsConfig())(Cloud(5, 'lidar', none, none, none))
    assert len(found) == 0 and len(found.point_ids) == 0 and found.stamp_ns == 5
