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

"""Fewer beams: as if the others had never been there."""

from pathlib import Path

from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.dataset.harvest import harvest
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.dataset.store import Dataset
from dseg_ros.dataset.thinning import keep_rings
from dseg_ros.types import Cloud
import numpy as np
import pytest


def cloud(ring: np.ndarray | None) -> Cloud:
    """Make a cloud of eight points."""
    x = np.arange(8, dtype=np.float32)
    return Cloud(5, 'lidar', x, x, x, ring=ring, label=np.arange(8, dtype=np.uint8))


def test_every_second_ring_stays_and_is_numbered_anew() -> None:
    """Points keep what belongs to them."""
    thin = keep_rings(cloud(np.array([0, 1, 2, 3, 0, 1, 2, 3], np.uint16)), 2)
    assert thin.ring.tolist() == [0, 1, 0, 1] and thin.ring.dtype == np.uint16
    assert thin.x.tolist() == [0, 2, 4, 6] and thin.label.tolist() == [0, 2, 4, 6]


def test_a_cloud_without_rings_cannot_be_thinned() -> None:
    """The option is named."""
    assert keep_rings(cloud(None), 1).ring is None
    with pytest.raises(DatasetError, match="every_ring: 4, but the cloud 'lidar' at 5 ns has no"):
        keep_rings(cloud(None), 4)


def test_a_harvest_finds_proposals_in_what_is_left(sim_bag: Path, tmp_path: Path) -> None:
    """A quarter of the beams: a quarter of the points, and proposals all the same."""
    counts = []
    for every in (1, 4):
        out = tmp_path / str(every)
        harvest(HarvestConfig((str(sim_bag),), str(out), workers=1, every_ring=every))
        sample = next(iter(Dataset(out)))
        assert len(sample.proposals) > 3 and sample.cloud.ring.max() < 64 / every
        counts.append(len(sample.cloud))
    assert counts[1] == pytest.approx(counts[0] / 4, rel=0.1)
