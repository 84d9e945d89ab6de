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

"""Clouds as a LiDAR with fewer beams would have made them, to find out what density brings."""

from __future__ import annotations

from dataclasses import replace

from dseg_ros.dataset.sample import DatasetError
from dseg_ros.types import Cloud
import numpy as np


def keep_rings(cloud: Cloud, every: int) -> Cloud:
    """
    Keep every n-th ring; the others were never there, so rings are numbered anew.

    :param cloud: the sweep.
    :param every: 1 keeps all.
    :raises DatasetError: for a cloud without rings.
    """
    if every == 1:
        return cloud
    if cloud.ring is None:
        raise DatasetError(f'every_ring: {every}, but the cloud {cloud.frame!r} at '
                           f'{cloud.stamp_ns} ns has no ring field')
    thin = cloud.select(cloud.ring % every == 0)
    assert thin.ring is not None
    return replace(thin, ring=(thin.ring // every).astype(np.uint16))
