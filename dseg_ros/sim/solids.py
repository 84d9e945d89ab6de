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

"""Solids that everything in the street is built from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dseg_ros.sim.mesh import from_triangles, Mesh, Surface
import numpy as np
from numpy.typing import NDArray

Vector = Sequence[float] | NDArray[Any]


def quads(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any], d: NDArray[Any]) -> NDArray[Any]:
    """Split quads into triangles: four (Q, K) corners, counter-clockwise -> (2 Q, 3, K)."""
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


def grid(points: NDArray[Any], surface: Surface, uv: NDArray[Any] | None = None,
         crease_deg: float = 0.0) -> Mesh:
    """
    Close the cells of a grid of points.

    :param points: (R, C, 3) [m]; seen from outside, columns run right and rows run up.
    :param uv: (R, C, 2).
    """
    def cells(p: NDArray[Any]) -> NDArray[Any]:
        k = p.shape[-1]
        return quads(p[:-1, :-1].reshape(-1, k), p[:-1, 1:].reshape(-1, k),
                     p[1:, 1:].reshape(-1, k), p[1:, :-1].reshape(-1, k))
    return from_triangles(cells(points), surface, None if uv is None else cells(uv), crease_deg)


def panel(corners: Sequence[Vector] | NDArray[Any], surface: Surface,
          uv: Sequence[Vector] | NDArray[Any] | None = None) -> Mesh:
    """Make one quad of four corners, counter-clockwise from outside."""
    p = np.asarray(corners, np.float64)[:, None]
    t = None if uv is None else quads(*np.asarray(uv, np.float64)[:, None])
    return from_triangles(quads(*p), surface, t)


def box(centre: Vector, size: Vector, surface: Surface) -> Mesh:
    """Make a box; uv runs in metres along every face, v upwards on the sides."""
    h = np.asarray(size, np.float64) / 2
    faces = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            right, up = ((1, 2), (0, 2), (0, 1))[axis]
            n, r, u = np.zeros(3), np.zeros(3), np.zeros(3)
            n[axis], u[up] = sign * h[axis], h[up]
            r[right] = h[right] * sign * (-1.0 if axis == 1 else 1.0)
            corner = np.stack([n - r - u, n + r - u, n + r + u, n - r + u])
            w, v = 2 * h[right], 2 * h[up]
            faces.append((corner, np.array([[0, 0], [w, 0], [w, v], [0, v]])))
    p = np.stack([f[0] for f in faces]) + np.asarray(centre, np.float64)
    t = np.stack([f[1] for f in faces])
    return from_triangles(quads(*p.swapaxes(0, 1)), surface, quads(*t.swapaxes(0, 1)))


def tube(path: NDArray[Any], radii: NDArray[Any] | float, surface: Surface, sides: int = 8,
         flatten: tuple[float, float] = (1.0, 1.0), capped: bool = True) -> Mesh:
    """
    Sweep a ring along a path.

    :param path: (K, 3) [m].
    :param radii: (K,) [m].
    :param flatten: scale of the ring along its two axes, to make it an ellipse.
    :param capped: close both ends by a point.
    """
    path = np.asarray(path, np.float64)
    radius = np.broadcast_to(np.asarray(radii, np.float64), (len(path),))
    if capped:
        path = np.concatenate([path[:1], path, path[-1:]])
        radius = np.concatenate([[0.0], radius, [0.0]])
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    if capped:
        along[0], along[-1] = along[1], along[-2]
    mean = path[-1] - path[0]
    guess = np.array([0.0, 1.0, 0.0]) if abs(mean[1]) <= np.linalg.norm(mean) * 0.8 \
        else np.array([0.0, 0.0, 1.0])
    side = np.cross(guess, along)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    other = np.cross(along, side)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    ring = (flatten[0] * np.cos(angle)[None, :, None] * side[:, None]
            + flatten[1] * np.sin(angle)[None, :, None] * other[:, None])
    points = path[:, None] + radius[:, None, None] * ring
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    uv = np.stack(np.broadcast_arrays(angle[None] * radius.max(), length[:, None]), axis=-1)
    return grid(points, surface, uv, crease_deg=60.0)


def rod(start: Vector, end: Vector, radius: float, surface: Surface, sides: int = 8,
        end_radius: float | None = None) -> Mesh:
    """Make a straight, possibly tapered cylinder."""
    path = np.array([start, end], np.float64)
    return tube(path, np.array([radius, radius if end_radius is None else end_radius]), surface,
                sides)


def capsule(start: Vector, end: Vector, radius: float, end_radius: float, surface: Surface,
            sides: int = 8) -> Mesh:
    """Make a limb: a tapered cylinder with rounded ends."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    u = (b - a) / max(float(np.linalg.norm(b - a)), 1e-9)
    path = [a - u * radius * 0.7, a - u * radius * 0.4, a, b, b + u * end_radius * 0.4,
            b + u * end_radius * 0.7]
    radii = [radius * 0.4, radius * 0.8, radius, end_radius, end_radius * 0.8, end_radius * 0.4]
    return tube(np.array(path), np.array(radii), surface, sides)


def ring_tube(centre: Vector, radius: float, thickness: float, surface: Surface,
              segments: int = 20, sides: int = 6) -> Mesh:
    """Make a torus that stands upright in the x-z plane (a wheel's tyre)."""
    a = np.linspace(0, 2 * np.pi, segments + 1)[:, None]
    b = np.linspace(0, 2 * np.pi, sides + 1)[None]
    r = radius + thickness * np.cos(b)
    points = np.stack(np.broadcast_arrays(r * np.cos(a), thickness * np.sin(b), r * np.sin(a)),
                      axis=-1)
    return grid(points + np.asarray(centre), surface, crease_deg=80.0)


def ball(centre: Vector, radii: Vector | float, surface: Surface, rings: int = 8,
         sides: int = 10) -> Mesh:
    """Make an ellipsoid."""
    lat = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)[:, None]
    lon = np.linspace(0, 2 * np.pi, sides + 1)[None]
    points = np.stack(np.broadcast_arrays(np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon),
                                          np.sin(lat)), axis=-1)
    return grid(points * np.broadcast_to(np.asarray(radii), (3,)) + np.asarray(centre), surface,
                crease_deg=80.0)


def disc(centre: Vector, radius: float, facing: Vector, surface: Surface, sides: int = 14,
         turn: float = 0.0) -> Mesh:
    """Make a flat regular polygon; uv is -1..1 across it, v upwards."""
    n = np.asarray(facing, np.float64) / np.linalg.norm(facing)
    up = np.array([0.0, 0.0, 1.0]) if abs(n[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(up, n)
    right /= np.linalg.norm(right)
    up = np.cross(n, right)
    angle = np.linspace(0, 2 * np.pi, sides + 1) + turn
    uv = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rim = np.asarray(centre) + radius * (uv[:, :1] * right + uv[:, 1:] * up)
    hub = np.broadcast_to(np.asarray(centre, np.float64), (sides, 3))
    corners = np.stack([hub, rim[:-1], rim[1:]], axis=1)
    return from_triangles(corners, surface, np.stack([np.zeros((sides, 2)), uv[:-1], uv[1:]], 1))
