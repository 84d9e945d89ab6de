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

"""The number of clusters: heaps that can be counted are counted."""

from dataclasses import replace

from dseg_ros.config.pseudo import ClusterConfig, SweepConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.pseudo.choosing import choose, sweep, Trial
from dseg_ros.pseudo.clusters import ClusterError
from dseg_ros.pseudo.sweep_picture import sweep_picture
import numpy as np
import pytest

COLUMNS = (('height', 'height'), ('top', 'open_top'))
SMALL = SweepConfig(counts=(2, 3, 4, 5, 6, 8), elements=300, judged=200, splits=1, inits=2,
                    stable=0.99)
CONFIG = ClusterConfig(objects=0, sweep=SMALL)
CRITERIA = ('knee', 'stability', 'silhouette', 'calinski_harabasz', 'davies_bouldin')


def heaps(count: int, points: int = 150) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give heaps on a circle, in two drives of different length."""
    rng = np.random.default_rng(count)
    angle = 2 * np.pi * rng.integers(0, count, count * points) / count
    x = np.stack([np.cos(angle), np.sin(angle)], 1) + rng.normal(0, 0.06, (len(angle), 2))
    weight = np.ones(len(x), np.float32)
    cut = len(x) // 3
    return [(x[:cut].astype(np.float32), weight[:cut]), (x[cut:].astype(np.float32), weight[cut:])]


@pytest.mark.parametrize('count', [4, 5])
def test_clear_heaps_are_counted(count: int) -> None:
    """Whatever the criterion; a second sweep is the same to the last digit."""
    trials = sweep(heaps(count), COLUMNS, CONFIG)
    assert [t.clusters for t in trials] == [2, 3, 4, 5, 6, 8]
    for criterion in CRITERIA:
        assert choose(trials, replace(SMALL, criterion=criterion)) == count, criterion
    few = replace(CONFIG, sweep=replace(SMALL, counts=(2, 3, 4)))
    again = sweep(heaps(count), COLUMNS, few)
    assert again == trials[:3]
    assert sweep(heaps(count), COLUMNS, replace(few, seed=2)) != again


def test_stability_takes_the_most_that_halves_agree_about() -> None:
    """The last one above the limit, or the best where none is."""
    trials = [Trial(k, 1.0 / k, s, 0, 0, 0) for k, s in ((2, 0.8), (5, 0.95), (7, 0.9), (9, 0.3))]
    for limit, chosen in ((0.85, 7), (0.25, 9), (0.99, 5)):
        assert choose(trials, replace(SMALL, criterion='stability', stable=limit)) == chosen


def test_too_few_elements_or_counts_are_named() -> None:
    """The elements there are, the clusters that were to be tried, the option to change."""
    with pytest.raises(ClusterError, match='12 different described .* 8 clusters.*sweep.counts'):
        sweep(heaps(4, 3), COLUMNS, CONFIG)
    for counts in ((4, 5), (4, 4, 5), (1, 2, 3)):
        with pytest.raises(ConfigError, match='counts'):
            SweepConfig(counts=counts)


def test_the_picture_marks_what_was_chosen() -> None:
    """A red line in every panel, where the number is; another number, another place."""
    trials = [Trial(k, 1.0 / k, 0.5 + k % 2, 0.1 * k, k * k, 0) for k in (2, 4, 8, 9)]
    columns = []
    for chosen in (4, 8):
        picture = sweep_picture(trials, chosen).astype(int)
        red = (picture[..., 0] > 180) & (picture[..., 1:] < 80).all(-1)
        assert red.sum(0).max() > 5 * 100
        columns.append(int(red.sum(0).argmax()))
    assert columns[0] < columns[1]
