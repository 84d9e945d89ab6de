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
Triangle meshes whose triangles know their class, material and instance.

A mesh is a soup of triangles: corners are not shared, so any number of them concatenate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from dseg_ros.classes import TRAIN_ID
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
_PLACES = np.array([1, 1 << 21, 1 << 42])


@dataclass(frozen=True)
class Surface:
    """
    What a triangle is made of.

    :param material: a member of materials.Material.
    :param label: Cityscapes class name.
    :param rgb: base colour, linear 0..1.
    :param style: row of the table of styles (facades, signs) that the material looks up.
    """

    material: int
    label: str
    rgb: tuple[float, float, float] = (0.5, 0.5, 0.5)
    style: int = 0


@dataclass(frozen=True, eq=False)
class Mesh:
    """
    T triangles.

    :param corners: (T, 3, 3) float32 [m].
    :param normals: (T, 3, 3) float32, one per corner, for shading.
    :param uv: (T, 3, 2) float32 texture coordinates, mostly [m].
    :param rgb: (T, 3) float32 linear base colour.
    :param material: (T,) uint8.
    :param label: (T,) uint8 trainId.
    :param instance: (T,) uint16, 0 = none.
    :param style: (T,) int32.
    """

    corners: F32
    normals: F32
    uv: F32
    rgb: F32
    material: NDArray[np.uint8]
    label: NDArray[np.uint8]
    instance: NDArray[np.uint16]
    style: NDArray[np.int32]

    def __len__(self) -> int:
        """Count the triangles."""
        return len(self.corners)

    def moved(self, pose: NDArray[np.float64]) -> Mesh:
        """
        Place the mesh.

        :param pose: (4, 4) dst_T_src; scale and mirroring are allowed.
        """
        linear = pose[:3, :3]
        corners = (self.corners @ linear.T + pose[:3, 3]).astype(np.float32)
        normals = self.normals @ np.linalg.inv(linear)
        return replace(self, corners=corners, normals=_unit(normals))

    def as_instance(self, instance: int) -> Mesh:
        """Give all triangles one instance id."""
        return replace(self, instance=np.full(len(self), instance, np.uint16))

    def painted(self, surface: Surface, rows: NDArray[np.bool_]) -> Mesh:
        """Give some triangles another surface."""
        mesh = replace(self, rgb=self.rgb.copy(), material=self.material.copy(),
                       label=self.label.copy(), style=self.style.copy())
        mesh.rgb[rows] = surface.rgb
        mesh.material[rows] = surface.material
        mesh.label[rows] = TRAIN_ID[surface.label]
        mesh.style[rows] = surface.style
        return mesh


def _unit(vectors: NDArray[Any]) -> F32:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)


def from_triangles(corners: NDArray[Any], surface: Surface, uv: NDArray[Any] | None = None,
                   crease_deg: float = 0.0) -> Mesh:
    """
    Make a mesh of one surface; degenerate triangles vanish.

    :param corners: (T, 3, 3) [m], counter-clockwise seen from outside.
    :param uv: (T, 3, 2); zeros if not given.
    :param crease_deg: corners are shaded smoothly where faces meet at less than this angle.
    """
    corners = np.asarray(corners, np.float64).reshape(-1, 3, 3)
    uv = np.zeros((len(corners), 3, 2)) if uv is None else np.asarray(uv).reshape(-1, 3, 2)
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    solid = np.linalg.norm(face, axis=1) > 1e-9
    corners, uv, face = corners[solid], uv[solid], face[solid]
    n = len(corners)
    return Mesh(corners.astype(np.float32), _corner_normals(corners, face, crease_deg),
                uv.astype(np.float32), np.tile(np.asarray(surface.rgb, np.float32), (n, 1)),
                np.full(n, surface.material, np.uint8),
                np.full(n, TRAIN_ID[surface.label], np.uint8), np.zeros(n, np.uint16),
                np.full(n, surface.style, np.int32))


def _corner_normals(corners: NDArray[Any], face: NDArray[Any], crease_deg: float) -> F32:
    flat = np.repeat(_unit(face)[:, None], 3, axis=1)
    if crease_deg <= 0 or not len(corners):
        return flat
    # A place to a tenth of a millimetre as one number; models are smaller than 100 m.
    keys = np.round(corners.reshape(-1, 3) * 1e4).astype(np.int64) @ _PLACES
    _, group = np.unique(keys, return_inverse=True)
    total = np.zeros((group.max() + 1, 3))
    np.add.at(total, group.ravel(), np.repeat(face, 3, axis=0))
    smooth = _unit(total)[group.ravel()].reshape(-1, 3, 3)
    same = (smooth * flat).sum(axis=2) > np.cos(np.radians(crease_deg))
    return np.where(same[..., None], smooth, flat).astype(np.float32)


def join(meshes: Iterable[Mesh]) -> Mesh:
    """Put meshes together, triangles in order."""
    parts = list(meshes)
    return Mesh(*(np.concatenate([getattr(m, name) for m in parts])
                  for name in Mesh.__dataclass_fields__))


def pose(x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0,
         scale: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> NDArray[np.float64]:
    """Compose scale, then rotation about z [rad], then translation [m] into a (4, 4)."""
    c, s = np.cos(yaw), np.sin(yaw)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * np.asarray(scale)
    matrix[:3, 3] = x, y, z
    return matrix
