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

"""From a sweep to object proposals, whole and ground alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dseg_ros.bench.anchors.clouds import dbscan, open3d_pipeline, patchworkpp
from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.rows import CPU, Limit, Row, Spec
from dseg_ros.bench.setting import POINTS, Setting
from dseg_ros.bench.timer import Candidate, compare, interleaved, Maker, prepare
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.lidar.patchwork import PatchworkGround
from dseg_ros.lidar.polar import polar
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.types import Cloud
import numpy as np
from numpy.typing import NDArray

OPEN3D, THINNED, DBSCAN, PATCHWORKPP = (
    'Open3D plane + DBSCAN + boxes', 'the same, thinned to voxels of 0.1 m',
    'scikit-learn DBSCAN, above the ground', 'pypatchworkpp, ground')
NARROW, WIDE, LEAST, GROUND = (
    '64 x 870, principal axes', '64 x 2048, principal axes', '64 x 870, least rectangles',
    'ground alone')
PER_SWEEP = 'ms_per_125k_points'


def _within(most: float) -> Limit:
    return Limit(PER_SWEEP, most=most, text=f'<= {most:g} ms per {POINTS // 1000} k points')


CHEAPER = Limit('ratio', least=100.0)
SPECS = (
    Spec('proposals', NARROW, OPEN3D, (_within(3.0), CHEAPER)),
    Spec('proposals, wide', WIDE, OPEN3D, (_within(4.0), CHEAPER)),
    Spec('proposals, rectangles', LEAST, OPEN3D, (_within(4.0), CHEAPER)),
    Spec('proposals / thinned', NARROW, THINNED),
    Spec('proposals / DBSCAN', NARROW, DBSCAN),
    Spec('proposals / pypatchworkpp', NARROW, PATCHWORKPP),
    Spec('ground', GROUND, PATCHWORKPP, (
        _within(2.0), Limit('agreement', least=0.99, text='agreement >= 0.99'))),
)


def extractor(sweeps: Sequence[Cloud], **options: object) -> Candidate:
    """Make all proposals with these options."""
    extract = ProposalExtractor(from_mapping(ProposalsConfig, options))
    return lambda number: extract(sweeps[number % len(sweeps)])


class Ground:
    """Polar coordinates and ground, as the extractor finds them."""

    def __init__(self) -> None:
        """Take the defaults."""
        self._find = PatchworkGround(ProposalsConfig().ground)
        self._room = [np.zeros(0, np.float32)] * 3

    def __call__(self, cloud: Cloud) -> NDArray[np.bool_]:
        """Find it."""
        if len(cloud) > len(self._room[0]):
            self._room = [np.zeros(len(cloud), np.float32) for _ in range(3)]
        turn, rho_m, range_m = (array[:len(cloud)] for array in self._room)
        ground = np.zeros(len(cloud), np.bool_)
        polar(cloud.x, cloud.y, cloud.z, turn, rho_m, range_m)
        self._find(cloud.x, cloud.y, cloud.z, turn, rho_m, ground)
        return ground


def run(setting: Setting) -> Iterator[Row]:
    """Take sweeps in turns."""
    sweeps, find_ground = setting.sweeps, Ground()
    above = [cloud.xyz[~find_ground(cloud)] for cloud in sweeps]

    def of_sweeps(make: Callable[[], Callable[[Cloud], object]]) -> Maker:
        def prepared() -> Candidate:
            work = make()
            return lambda number: work(sweeps[number % len(sweeps)])
        return prepared

    def points_above() -> Candidate:
        cluster = dbscan()
        return lambda number: cluster(above[number % len(above)])

    makers: dict[str, Maker] = {
        NARROW: lambda: extractor(sweeps, box='pca'),
        WIDE: lambda: extractor(sweeps, box='pca', **{'range_image.columns': 2048}),
        LEAST: lambda: extractor(sweeps, box='min_area'),
        GROUND: of_sweeps(lambda: find_ground), PATCHWORKPP: of_sweeps(patchworkpp),
        OPEN3D: of_sweeps(open3d_pipeline), THINNED: of_sweeps(lambda: open3d_pipeline(0.1)),
        DBSCAN: points_above}
    if setting.config.short:
        del makers[OPEN3D]  # seconds a sweep
    candidates, missing = prepare(makers)
    if setting.config.short:
        missing[OPEN3D] = 'not in --short'
    timings = interleaved(candidates, setting.pick(60, 10), most_s=setting.pick(5.0, 1.5))
    points = float(np.mean([len(cloud) for cloud in sweeps]))
    for spec in SPECS:
        figures: dict[str, Any] = {'points': points, PER_SWEEP: (
            timings[spec.ours].median_ms(CPU) * POINTS / points)}
        if spec.ours == GROUND and PATCHWORKPP in candidates:
            figures['agreement'] = agreement(sweeps, find_ground)
        yield compare(spec, timings, missing, **figures)


def agreement(sweeps: Sequence[Cloud], ground: Ground) -> float:
    """Give the share of points that we and pypatchworkpp call the same."""
    reference = patchworkpp()
    return float(np.mean([np.mean(ground(cloud) == reference(cloud)) for cloud in sweeps]))


BENCHMARK = Benchmark('a sweep of 64 beams to object proposals', SPECS, run, 70)
