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

"""How cost grows: against points, image size, cameras, bags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dseg_ros.bags.jpeg import decode_jpeg
from dseg_ros.bags.pointcloud2 import cloud_from_message
from dseg_ros.bench.decoding import message
from dseg_ros.bench.harvest import harvested
from dseg_ros.bench.projection import camera, CAMERA_T_LIDAR, street
from dseg_ros.bench.setting import Setting
from dseg_ros.bench.timer import Candidate, interleaved
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.config.runtime import EngineConfig
from dseg_ros.config.sync import SyncConfig
from dseg_ros.geometry import label_points, see, visible_raster
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.painting import full_palette, overlay
from dseg_ros.runtime.loading import load_engine
from dseg_ros.sync import NearestMatcher
from dseg_ros.types import Cloud, LabelMap
import numpy as np

POINTS = (16_000, 32_000, 64_000, 125_000, 260_000)
HEIGHTS = (360, 720, 1080, 1440, 2160)
CAMERAS = (1, 2, 3, 4, 5, 6)
BAGS = (1, 2, 3, 4)

SUPER_LINEAR = 1.1
"""An exponent above this is one."""

_CACHE = 'a guess, not measured: each step is passes over its arrays, and these leave the cache: '
WHY = {
    'projection and z-buffer': _CACHE + 'the sweep beside a full-HD raster of 8 MB',
    'proposals': _CACHE + 'the stages touch 16 to 21 MB per sweep of 125 k points',
    'decoding': _CACHE + '125 k points are 2 MB in and 2 MB out',
    'overlay': _CACHE + 'a 4K image is 25 MB',
    'JPEG': _CACHE + 'a 4K image is 25 MB',
    'model': _CACHE + 'the network sees as many pixels at any size; resize and labels grow',
    'matching 30 sweeps': 'counted: an image can make other cameras late, so each asks all that '
                          'have not decided yet; 2.0 decisions per sweep and camera are tried '
                          'with one camera, 4.6 with six',
}
"""What a super-linear curve comes from; each says whether that is a guess or was counted."""


@dataclass(frozen=True)
class Curve:
    """
    What something costs, by size.

    :param name: of the step, a key of WHY where it might not be linear.
    :param against: what x counts.
    :param points: (x, CPU ms), x rising.
    """

    name: str
    against: str
    points: tuple[tuple[float, float], ...]

    @property
    def exponent(self) -> float:
        """Fit cost = a * x ** exponent, least squares of the logarithms."""
        x, y = np.log(np.asarray(self.points, float)).T
        return float(np.polyfit(x, y, 1)[0])

    @property
    def explanation(self) -> str:
        """Say why, if it is super-linear."""
        if self.exponent <= SUPER_LINEAR:
            return ''
        return WHY.get(self.name, 'super-linear, and no cause is known')

    def as_values(self) -> dict[str, Any]:
        """Write as plain values."""
        return {'name': self.name, 'against': self.against, 'exponent': round(self.exponent, 3),
                'explanation': self.explanation,
                'points': [[x, float(f'{y:.4g}')] for x, y in self.points]}


def grow(setting: Setting, progress: Callable[[int, int, str], None]) -> list[Curve]:
    """
    Measure all curves.

    :param progress: told what begins, as by `running.run`.
    """
    parts = {'points': of_points, 'image pixels': of_sizes, 'cameras': of_cameras,
             'bags': of_bags}
    curves: list[Curve] = []
    for number, (name, part) in enumerate(parts.items()):
        progress(number, len(parts), f'growth with {name}')
        curves += part(setting)
    progress(len(parts), len(parts), '')
    return curves


def _curves(against: str, steps: Mapping[str, Mapping[float, Candidate]],
            rounds: int) -> Iterator[Curve]:
    """Time all sizes of a step in turns."""
    for name, by_size in steps.items():
        timings = interleaved({str(x): run for x, run in by_size.items()}, rounds, most_s=3.0)
        yield Curve(name, against, tuple(
            (x, timings[str(x)].median_ms('CPU')) for x in by_size))


def of_points(setting: Setting) -> list[Curve]:
    """Decode, project, propose."""
    counts = setting.pick(POINTS, POINTS[:3])
    eye, sweeps = camera(), {n: street(n) for n in counts}
    messages = {n: message(n) for n in counts}
    clouds = {n: Cloud(0, 'lidar', *xyz) for n, xyz in sweeps.items()}
    extractors = {n: ProposalExtractor(ProposalsConfig()) for n in counts}
    out = np.empty((eye.height, eye.width), np.int32)
    return list(_curves('points', {
        'decoding': {n: lambda _, m=m: cloud_from_message(m)  # type: ignore[misc]
                     for n, m in messages.items()},
        'projection and z-buffer': {
            n: lambda _, p=p: visible_raster(*p, eye, CAMERA_T_LIDAR, out=out)  # type: ignore
            for n, p in sweeps.items()},
        'proposals': {n: lambda _, n=n: extractors[n](clouds[n])  # type: ignore[misc]
                      for n in counts}}, setting.pick(15, 3)))


def of_sizes(setting: Setting) -> list[Curve]:
    """Decode, segment, paint, from 360p to 4K."""
    import cv2
    engine = load_engine(setting.model, EngineConfig())
    seen = decode_jpeg(setting.jpegs[0], 'image')
    heights = setting.pick(HEIGHTS, HEIGHTS[:3])
    images = {h * h * 16 // 9: np.asarray(cv2.resize(seen, (h * 16 // 9, h)), np.uint8)
              for h in heights}
    files = {n: cv2.imencode('.jpg', image[..., ::-1])[1].reshape(-1)
             for n, image in images.items()}
    masks = {n: engine.infer(image).ids for n, image in images.items()}
    palette = full_palette(engine.info.palette)
    return list(_curves('image pixels', {
        'JPEG': {n: lambda _, f=f: decode_jpeg(f, 'image')  # type: ignore[misc]
                 for n, f in files.items()},
        'model': {n: lambda _, i=i: engine.infer(i)  # type: ignore[misc]
                  for n, i in images.items()},
        'overlay': {n: lambda _, n=n: overlay(images[n], masks[n], palette, 0.5)  # type: ignore
                    for n in images}}, setting.pick(8, 3)))


def of_cameras(setting: Setting) -> list[Curve]:
    """Label a sweep by one to six cameras, and match their images with it."""
    eye, xyz = camera(), street(setting.pick(125_000, 16_000))
    cloud = Cloud(0, 'lidar', *xyz)
    labels = LabelMap(*np.zeros((2, eye.height, eye.width), np.uint8))

    def label(count: int) -> Candidate:
        return lambda _: label_points(len(cloud), [
            see(cloud, eye, CAMERA_T_LIDAR, labels) for _ in range(count)])

    def match(count: int) -> Candidate:
        names = [f'camera_{i}' for i in range(count)]

        def play(_: int) -> None:
            matcher = NearestMatcher(SyncConfig(), names)
            for sweep in range(30):
                matcher.push_cloud(sweep * 100_000_000, sweep)
                for i, name in enumerate(names):
                    matcher.push_image(name, sweep * 100_000_000 + i * 1_000_000, sweep)
        return play

    return list(_curves('cameras', {
        'labelling a sweep': {n: label(n) for n in CAMERAS},
        'matching 30 sweeps': {n: match(n) for n in CAMERAS}}, setting.pick(10, 3)))


def of_bags(setting: Setting) -> list[Curve]:
    """Harvest one to four bags by one worker; CPU time of reading, making and writing."""
    taken = []
    for count in setting.pick(BAGS, BAGS[:2]):
        bags = setting.copies(count)
        out = setting.scratch / f'grown_{count}'
        config = HarvestConfig(bags=tuple(map(str, bags)), out=str(out), workers=1)
        cpu_s, _, _ = harvested(config)
        taken.append((float(count), 1e3 * cpu_s))
    return [Curve('harvest', 'bags', tuple(taken))]


def listing(curves: Sequence[Curve]) -> str:
    """Write the exponents, and why where one is above linear."""
    lines = [f'{"cost of":26s}{"against":14s}{"exponent":>9s}   CPU ms']
    for curve in curves:
        (x0, y0), (x1, y1) = curve.points[0], curve.points[-1]
        lines.append(f'{curve.name:26s}{curve.against:14s}{curve.exponent:9.2f}   '
                     f'{y0:.3g} at {x0:g} to {y1:.3g} at {x1:g}')
        if curve.explanation:
            lines.append(f'    above linear: {curve.explanation}')
    return '\n'.join(lines)
