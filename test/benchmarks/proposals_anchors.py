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

"""
Time proposals against their anchors, interleaved in one run: only ratios mean anything.

CPU time of the whole process, so that threads of the anchors count; medians over sweeps and
rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import time

from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.lidar.patchwork import PatchworkGround
from dseg_ros.lidar.polar import polar
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.types import Cloud
import numpy as np

Candidate = Callable[[Cloud], object]
OURS = 'proposals 64 x 870, principal axes'
GROUND = 'ground, patchwork-like'
OPEN3D = 'Open3D plane + DBSCAN + boxes'
OPEN3D_THIN = 'the same, thinned to voxels of 0.1 m'
PATCHWORKPP = 'pypatchworkpp ground'


@dataclass(frozen=True)
class Timing:
    """CPU time of a candidate, medians over sweeps and rounds."""

    name: str
    median_ms: float
    least_ms: float


def interleaved(candidates: dict[str, Candidate], clouds: Sequence[Cloud], rounds: int,
                slow: frozenset[str] = frozenset()) -> dict[str, Timing]:
    """
    Time candidates in turns, so that a change of the machine's speed meets all of them.

    :param candidates: functions of a sweep, by name; each but the slow ones is called once before.
    :param slow: those that are timed on the first two sweeps alone.
    """
    spent: dict[str, list[float]] = {name: [] for name in candidates}
    for name in set(candidates) - slow:
        candidates[name](clouds[0])
    for number in range(rounds * len(clouds)):
        cloud = clouds[number % len(clouds)]
        for name, function in candidates.items():
            if name not in slow or number < 2:
                start = time.process_time()
                function(cloud)
                spent[name].append(1e3 * (time.process_time() - start))
    return {name: Timing(name, float(np.median(ms)), min(ms)) for name, ms in spent.items()}


def ours(**options: object) -> Candidate:
    """Make an extractor with these options."""
    return ProposalExtractor(from_mapping(ProposalsConfig, options))


def ours_ground() -> Candidate:
    """Make polar coordinates and ground alone."""
    find = PatchworkGround(ProposalsConfig().ground)
    room: dict[int, list[np.ndarray]] = {}

    def run(cloud: Cloud) -> object:
        n = len(cloud)
        if n not in room:
            room[n] = [np.zeros(n, np.float32) for _ in range(3)] + [np.zeros(n, np.bool_)]
        turn, rho_m, range_m, ground = room[n]
        polar(cloud.x, cloud.y, cloud.z, turn, rho_m, range_m)
        return find(cloud.x, cloud.y, cloud.z, turn, rho_m, ground)
    return run


def patchworkpp() -> Candidate:
    """Make the C++ ground segmentation through its Python binding, as it comes."""
    import pypatchworkpp
    parameters = pypatchworkpp.Parameters()
    parameters.verbose = False
    find = pypatchworkpp.patchworkpp(parameters)

    def run(cloud: Cloud) -> object:
        intensity = np.zeros(len(cloud)) if cloud.intensity is None else cloud.intensity
        find.estimateGround(np.column_stack([cloud.xyz, intensity]).astype(np.float32))
        return find.getGroundIndices()
    return run


def open3d_pipeline(cloud: Cloud, voxel_m: float = 0.0) -> object:
    """
    Do what a user of Open3D does: plane by RANSAC, DBSCAN on the rest, oriented boxes.

    :param voxel_m: thin the points above the plane, which makes DBSCAN cheaper; 0 = do not [m].
    """
    import open3d
    points = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(cloud.xyz.astype(float)))
    _, ground = points.segment_plane(0.2, 3, 100)
    rest = points.select_by_index(ground, invert=True)
    rest = rest.voxel_down_sample(voxel_m) if voxel_m else rest
    label = np.asarray(rest.cluster_dbscan(0.5, 10))
    order = np.argsort(label, kind='stable')
    parts = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return [rest.select_by_index(part).get_oriented_bounding_box(robust=True)
            for part in parts if label[part[0]] >= 0 and len(part) >= 20]


def run(clouds: Sequence[Cloud], rounds: int = 15) -> dict[str, Timing]:
    """
    Time ours and the anchors on these sweeps.

    :param clouds: sweeps of one spinning LiDAR, with about 1e5 points each.
    """
    candidates: dict[str, Candidate] = {
        OURS: ours(box='pca'),
        'proposals 64 x 870, least rectangles': ours(box='min_area'),
        'proposals 64 x 2048, principal axes': ours(
            box='pca', **{'range_image.columns': 2048}),
        'proposals 64 x 870, column_angle': ours(**{'ground.method': 'column_angle'}),
        GROUND: ours_ground(), PATCHWORKPP: patchworkpp(), OPEN3D: open3d_pipeline,
        OPEN3D_THIN: lambda cloud: open3d_pipeline(cloud, 0.1)}
    return interleaved(candidates, clouds, rounds, frozenset([OPEN3D, OPEN3D_THIN]))


def table(timings: dict[str, Timing]) -> str:
    """Format the medians and their ratios to ours."""
    base = timings[OURS].median_ms
    lines = [f'{"CPU ms":44s}{"median":>8s}{"least":>8s}{"/ ours":>8s}']
    lines += [f'{t.name:44s}{t.median_ms:8.2f}{t.least_ms:8.2f}{t.median_ms / base:8.2f}'
              for t in timings.values()]
    return '\n'.join(lines)
