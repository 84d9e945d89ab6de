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

"""A contact sheet: what some samples of a data set look like, to be judged by eye."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
from dseg_ros.classes import distinct_palette
from dseg_ros.dataset.sample import DatasetError, Sample
from dseg_ros.dataset.store import Dataset
from dseg_ros.geometry import project_xyz, scaled
from dseg_ros.pseudo.masks import proposal_mask
from dseg_ros.types import Camera, Cloud, Proposals, View
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
TILE_PX = {1: 640, 2: 480, 3: 320}
"""Width of a picture by cameras in a row."""
GAP_PX = 6
TITLE_PX = 26
GROUND_RGB = (128, 64, 128)
NOISE_RGB = (150, 150, 150)
PAPER, INK = 255, (20, 20, 20)


def contact_sheet(data: Dataset, out: Path, samples: int = 6, source: str | None = None) -> Path:
    """
    Draw samples: per camera the clusters on the image and the partial labels they give.

    :param data: the data set.
    :param out: the picture; the suffix tells the format.
    :param samples: how many, spread evenly over the drives and over each drive.
    :param source: one drive only.
    :returns: `out`.
    :raises DatasetError: if there is nothing to show or the picture cannot be written.
    """
    keys = choose(data, samples, source)
    if not keys:
        raise DatasetError(f'{data.path}: no samples'
                           f'{f" of {source!r}, but of {data.sources}" if source else ""}')
    sheet = _stacked([block(data[key]) for key in keys], 3 * GAP_PX)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        written = cv2.imwrite(str(out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    except cv2.error:
        written = False
    if not written:
        raise DatasetError(f'{out}: cannot be written as a picture')
    return out


def choose(data: Dataset, samples: int, source: str | None = None) -> list[str]:
    """Choose keys, the same number of every drive as far as it has them."""
    drives = [data.keys(name) for name in ([source] if source else data.sources)]
    share = -(-samples // max(len(drives), 1))
    picked = [[keys[i] for i in np.linspace(0, len(keys) - 1, min(share, len(keys))).astype(int)]
              for keys in drives]
    return [key for keys in picked for key in keys][:max(samples, len(drives))]


def block(sample: Sample) -> Rgb:
    """Draw one sample under its name: its cameras, one to three in a row."""
    proposals = sample.proposals
    across = {1: 1, 2: 1, 4: 2}.get(len(sample.views), 3)
    largest = proposals.count.max(initial=0)
    title = (f'{sample.key}   {len(sample.cloud)} points, {len(proposals)} proposals by '
             f'{proposals.method}, largest {largest} points')
    tiles = [_tile(sample, view, TILE_PX[across]) for view in sample.frame().views]
    rows = [_beside(tiles[i:i + across]) for i in range(0, len(tiles), across)]
    return _stacked([_titled(title, rows[0].shape[1]), *rows], 0)


def _tile(sample: Sample, view: View, width: int) -> Rgb:
    """Draw one camera: clusters, partial labels, and when it saw them."""
    dt_ms = (view.image.stamp_ns - sample.cloud.stamp_ns) / 1e6
    motion = 'ego motion known' if view.ego_motion_known else 'static extrinsics'
    pair = _beside([_clusters(sample.cloud, sample.proposals, view, width),
                    _partial_labels(sample.cloud, sample.proposals, view, width)])
    return _stacked([pair, _titled(f'{view.name}: image {dt_ms:+.1f} ms, {motion}',
                                   pair.shape[1])], 0)


def colours(count: int) -> Rgb:
    """Colour point ids: NOISE grey, GROUND as roads are drawn, proposals apart; (M + 2, 3)."""
    return np.concatenate([np.array([NOISE_RGB, GROUND_RGB], np.uint8), distinct_palette(count)])


def _clusters(cloud: Cloud, proposals: Proposals, view: View, width: int) -> Rgb:
    """Draw the points on the darkened image, near ones over far ones."""
    small = scaled(view.camera, width / view.camera.width)
    picture = _small(view.image.rgb, small) // np.uint8(2)
    seen = project_xyz(cloud.x, cloud.y, cloud.z, small, view.camera_T_lidar)
    order = np.argsort(-seen.depth_m)
    ids = proposals.point_ids[seen.rows][order]
    u, v = np.rint(seen.u_px[order]).astype(int), np.rint(seen.v_px[order]).astype(int)
    tint = colours(len(proposals))[ids + 1]
    for du, dv in ((0, 0), (1, 0), (0, 1), (1, 1)):
        picture[np.minimum(v + dv, small.height - 1), np.minimum(u + du, small.width - 1)] = tint
    return picture


def _partial_labels(cloud: Cloud, proposals: Proposals, view: View, width: int) -> Rgb:
    """Lay the dense proposal mask over the image."""
    small = scaled(view.camera, width / view.camera.width)
    mask = np.asarray(cv2.resize(proposal_mask(proposals, cloud, view),
                                 (small.width, small.height), interpolation=cv2.INTER_NEAREST))
    picture = _small(view.image.rgb, small)
    labelled = mask != Proposals.NOISE
    tint = colours(len(proposals))[mask[labelled] + 1]
    picture[labelled] = (0.45 * picture[labelled] + 0.55 * tint).astype(np.uint8)
    return picture


def _small(rgb: Rgb, camera: Camera) -> Rgb:
    return np.asarray(cv2.resize(rgb, (camera.width, camera.height),
                                 interpolation=cv2.INTER_AREA))


def _titled(text: str, width: int) -> Rgb:
    strip = np.full((TITLE_PX, width, 3), PAPER, np.uint8)
    return np.asarray(cv2.putText(strip, text, (4, TITLE_PX - 8), cv2.FONT_HERSHEY_SIMPLEX,
                                  0.5, INK, 1, cv2.LINE_AA))


def _beside(pictures: Sequence[Rgb]) -> Rgb:
    """Put pictures side by side on paper."""
    return _stacked([p.transpose(1, 0, 2) for p in pictures], GAP_PX).transpose(1, 0, 2)


def _stacked(pictures: Sequence[Rgb], gap_px: int) -> Rgb:
    """Put pictures below each other on paper, with a gap after each but the last."""
    width = max(p.shape[1] for p in pictures)
    height = sum(len(p) + gap_px for p in pictures) - gap_px
    paper = np.full((height, width, 3), PAPER, np.uint8)
    top = 0
    for picture in pictures:
        paper[top:top + len(picture), :picture.shape[1]] = picture
        top += len(picture) + gap_px
    return paper
