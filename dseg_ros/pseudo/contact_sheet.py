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

"""A picture per pseudo-class: what fell into it, for people to judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
from dseg_ros.geometry import hidden, project_xyz
from dseg_ros.types import Cloud, UNLABELLED, View
import numpy as np
from numpy.typing import NDArray

_TILE_PX = 112
_NAME_PX = 110


@dataclass
class ContactSheet:
    """
    Collects crops while the samples pass by; each class keeps a fair draw of what it saw.

    :param names: of the classes.
    :param palette: (C, 3) uint8.
    :param columns: crops per class.
    :param rng: draws them.
    """

    names: Sequence[str]
    palette: NDArray[np.uint8]
    columns: int
    rng: np.random.Generator
    _tiles: dict[int, list[NDArray[np.uint8]]] = field(default_factory=dict)
    _seen: dict[int, int] = field(default_factory=dict)

    def add(self, cloud: Cloud, view: View, labels: NDArray[np.uint8],
            component: NDArray[np.int64]) -> None:
        """
        Offer what a camera saw: at most one crop per class.

        :param cloud: N points.
        :param view: the camera.
        :param labels: (N,) uint8 pseudo-class of each point.
        :param component: (N,) what the point belongs to; crops show one component.
        """
        seen = project_xyz(cloud.x, cloud.y, cloud.z, view.camera, view.camera_T_lidar)
        clear = ~hidden(seen, view.camera)
        rows, uv = seen.rows[clear], np.stack([seen.u_px, seen.v_px], axis=1)[clear]
        for label in np.unique(labels[rows]):
            if label != UNLABELLED and self._wanted(int(label)):
                one = rows[self.rng.choice(np.flatnonzero(labels[rows] == label))]
                same = (labels[rows] == label) & (component[rows] == component[one])
                self._keep(int(label), self._tile(view, uv[same], uv[rows == one][0], label))

    def picture(self) -> NDArray[np.uint8]:
        """Draw the sheet: (H, W, 3) uint8, a row per class."""
        size = (len(self.names) * _TILE_PX, _NAME_PX + self.columns * _TILE_PX, 3)
        sheet = np.full(size, 24, np.uint8)
        for i, name in enumerate(self.names):
            row = sheet[i * _TILE_PX:(i + 1) * _TILE_PX - 2]
            row[:, :_NAME_PX - 4] = self.palette[i]
            _write(row, name, (6, 40))
            _write(row, f'{self._seen.get(i, 0)} views', (6, 64))
            for j, tile in enumerate(self._tiles.get(i, [])):
                left = _NAME_PX + j * _TILE_PX
                row[:, left:left + _TILE_PX - 2] = tile[:_TILE_PX - 2, :_TILE_PX - 2]
        return sheet

    def _wanted(self, label: int) -> bool:
        """Draw fairly: the n-th view of a class is kept with probability columns / n."""
        self._seen[label] = self._seen.get(label, 0) + 1
        return bool(self.rng.random() < self.columns / self._seen[label])

    def _keep(self, label: int, tile: NDArray[np.uint8]) -> None:
        tiles = self._tiles.setdefault(label, [])
        if len(tiles) < self.columns:
            tiles.append(tile)
        else:
            tiles[int(self.rng.integers(self.columns))] = tile

    def _tile(self, view: View, uv: NDArray[np.float32], centre: NDArray[np.float32],
              label: int) -> NDArray[np.uint8]:
        """Cut a square around a point that shows its component where that is small enough."""
        low, high = np.percentile(uv, 2, axis=0), np.percentile(uv, 98, axis=0)
        limit = view.camera.width / 5
        side = float(np.clip((high - low).max() * 1.3, 40, limit))
        middle = (low + high) / 2 if (high - low).max() * 1.3 <= limit else centre
        scale = _TILE_PX / side
        place = np.column_stack([np.eye(2) * scale, _TILE_PX / 2 - scale * middle])
        tile = np.asarray(cv2.warpAffine(view.image.rgb, place, (_TILE_PX, _TILE_PX),
                                         flags=cv2.INTER_AREA), np.uint8)
        for u, v in (uv * scale + place[:, 2]).astype(int):
            if 0 <= u < _TILE_PX and 0 <= v < _TILE_PX:
                tile[v, u] = self.palette[label]
        return tile


def _write(canvas: NDArray[np.uint8], text: str, place: tuple[int, int]) -> None:
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1,
                cv2.LINE_AA)
