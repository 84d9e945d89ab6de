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

"""Pictures of pseudo-classes: what fell into each, for people to judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
from dseg_ros.geometry import hidden, project_xyz, scaled
from dseg_ros.pseudo.partial_labels import carry, image_of
from dseg_ros.types import Cloud, Proposals, UNLABELLED, View
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]

TILE_PX = 192
"""Side of a crop."""

_GAP_PX, _NAME_PX, _LINE_PX = 4, 116, 24
_WIDTH_PX = 960
"""Views are drawn at about this width."""
_LEAST_PX, _MOST_SHARE = 56, 0.25
"""A crop shows at least so much, and at most this share of the image's width."""


@dataclass
class ClassCrops:
    """
    Collects crops while samples pass by; each class keeps a fair draw of every drive.

    :param palette: (C, 3) uint8 of the classes.
    :param most: crops per class.
    :param rng: draws them.
    """

    palette: Rgb
    most: int
    rng: np.random.Generator
    _kept: dict[int, list[tuple[str, Rgb]]] = field(default_factory=dict)
    _seen: dict[tuple[int, str], int] = field(default_factory=dict)

    def add(self, drive: str, cloud: Cloud, proposals: Proposals, view: View,
            labels: NDArray[np.uint8], component: NDArray[np.int64]) -> None:
        """
        Offer what a camera saw: at most one crop per class.

        :param drive: where it was seen.
        :param cloud: N points.
        :param proposals: aligned with the cloud.
        :param view: the camera.
        :param labels: (N,) uint8 pseudo-class of each point.
        :param component: (N,) what the point belongs to; a crop is centred on one component.
        """
        scale = min(1.0, _WIDTH_PX / view.camera.width)
        camera = scaled(view.camera, scale)
        seen = project_xyz(cloud.x, cloud.y, cloud.z, camera, view.camera_T_lidar)
        clear = ~hidden(seen, camera)
        rows, uv = seen.rows[clear], np.stack([seen.u_px, seen.v_px], axis=1)[clear]
        image, mask = None, None
        for label in np.setdiff1d(labels[rows], UNLABELLED).tolist():
            place = self._place(label, drive)
            if place is None:
                continue
            if image is None or mask is None:
                image = image_of(view, scale)
                mask = carry(labels, cloud, proposals, view, scale)
            one = self.rng.choice(np.flatnonzero(labels[rows] == label))
            same = (labels[rows] == label) & (component[rows] == component[rows[one]])
            window = _window(uv[same], uv[one], (mask.shape[0], mask.shape[1]))
            crop = _cut(image, mask == label, *window, self.palette[label])
            self._put(label, place, (drive, crop))

    def of(self, label: int) -> list[tuple[str, Rgb]]:
        """Give the crops of a class with their drives, drives in turn."""
        of_drive: dict[str, int] = {}
        turns = []
        for drive, crop in self._kept.get(label, []):
            of_drive[drive] = of_drive.get(drive, 0) + 1
            turns.append((of_drive[drive], drive, crop))
        return [(drive, crop) for _, drive, crop in sorted(turns, key=lambda t: t[:2])]

    def views(self, label: int) -> int:
        """Count the views that a class was offered in."""
        return sum(n for (of, _), n in self._seen.items() if of == label)

    def _place(self, label: int, drive: str) -> int | None:
        """Draw where a view of a class goes, None for nowhere; drives with fewer crops win."""
        self._seen[label, drive] = self._seen.get((label, drive), 0) + 1
        kept = [d for d, _ in self._kept.get(label, [])]
        if len(kept) < self.most:
            return len(kept)
        richest = max(set(kept), key=lambda d: (kept.count(d), d))
        own = kept.count(drive)
        if own >= kept.count(richest):
            if self.rng.random() >= own / self._seen[label, drive]:
                return None
            richest = drive
        return int(self.rng.choice([i for i, d in enumerate(kept) if d == richest]))

    def _put(self, label: int, place: int, crop: tuple[str, Rgb]) -> None:
        kept = self._kept.setdefault(label, [])
        kept[place:place + 1] = [crop]


def overview(crops: ClassCrops, names: Sequence[str], columns: int) -> Rgb:
    """Draw a row per class, (H, W, 3) uint8: its colour and name, then crops."""
    side = TILE_PX + _GAP_PX
    sheet = np.full((len(names) * side, _NAME_PX + columns * side, 3), 24, np.uint8)
    for i, name in enumerate(names):
        row = sheet[i * side:(i + 1) * side - _GAP_PX]
        row[:, :_NAME_PX - _GAP_PX] = crops.palette[i]
        _write(row, name, (6, 80))
        _write(row, f'{crops.views(i)} views', (6, 104))
        for j, (_, crop) in enumerate(crops.of(i)[:columns]):
            row[:, _NAME_PX + j * side:_NAME_PX + j * side + TILE_PX] = crop
    return sheet


def class_sheet(crops: ClassCrops, label: int, columns: int, caption: Sequence[str]) -> Rgb:
    """
    Draw what fell into one class.

    :param crops: of all classes.
    :param label: the class.
    :param columns: crops in a row.
    :param caption: lines above them.
    :returns: (H, W, 3) uint8; every crop under the name of its drive.
    """
    of_class = crops.of(label)
    rows = max(1, -(-len(of_class) // columns))
    height, width = TILE_PX + _LINE_PX + _GAP_PX, TILE_PX + _GAP_PX
    head = (len(caption) + 1) * _LINE_PX
    sheet = np.full((head + rows * height, columns * width, 3), 24, np.uint8)
    sheet[:_LINE_PX // 2] = crops.palette[label]
    for i, line in enumerate(caption):
        _write(sheet, line, (6, (i + 2) * _LINE_PX - 8))
    for i, (drive, crop) in enumerate(of_class):
        top, left = head + i // columns * height, i % columns * width
        _write(sheet[top:top + _LINE_PX, left:left + TILE_PX], drive, (2, _LINE_PX - 8))
        sheet[top + _LINE_PX:top + _LINE_PX + TILE_PX, left:left + TILE_PX] = crop
    return sheet


def _window(uv: NDArray[np.float32], centre: NDArray[np.float32],
            shape: tuple[int, int]) -> tuple[NDArray[np.float64], float]:
    """Choose middle and side of a square in an image that shows a component, if it fits."""
    low, high = np.percentile(uv, 2, axis=0), np.percentile(uv, 98, axis=0)
    wanted, most = float((high - low).max()) * 1.6, min(shape[1] * _MOST_SHARE, *shape)
    middle = (low + high) / 2 if wanted <= most else centre.astype(np.float64)
    side = float(np.clip(wanted, min(_LEAST_PX, most), most))
    size = np.array([shape[1], shape[0]], np.float64)
    return np.clip(middle, side / 2, size - side / 2), side


def _cut(image: Rgb, member: NDArray[np.bool_], middle: NDArray[np.float64], side: float,
         colour: NDArray[np.uint8]) -> Rgb:
    """Cut a square and outline what is of the class in it."""
    scale = TILE_PX / side
    place = np.column_stack([np.eye(2) * scale, TILE_PX / 2 - scale * middle])
    size = (TILE_PX, TILE_PX)
    tile = np.asarray(cv2.warpAffine(image, place, size, flags=cv2.INTER_LINEAR), np.uint8)
    inside = cv2.warpAffine(member.astype(np.uint8), place, size, flags=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(tile, outlines, -1, (0, 0, 0), 3)
    cv2.drawContours(tile, outlines, -1, tuple(int(c) for c in colour), 1)
    return tile


def _write(canvas: Rgb, text: str, place: tuple[int, int]) -> None:
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, thickness,
                    cv2.LINE_AA)
