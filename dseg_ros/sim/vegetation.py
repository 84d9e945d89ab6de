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

"""Trees, bushes and hedges: trunks, and crowns of leaves around dark cores."""

from __future__ import annotations

from typing import Any

from dseg_ros.sim import materials as m
from dseg_ros.sim.mesh import from_triangles, join, Mesh, Surface
from dseg_ros.sim.solids import ball, box, tube
import numpy as np
from numpy.typing import NDArray

GREENS = ((0.085, 0.17, 0.035), (0.12, 0.20, 0.04), (0.06, 0.13, 0.04), (0.16, 0.21, 0.05),
          (0.10, 0.16, 0.07))
AUTUMN = ((0.32, 0.18, 0.03), (0.38, 0.24, 0.04), (0.28, 0.09, 0.03))


def _leaves(centres: NDArray[Any], radii: NDArray[Any], count: int, size_m: float,
            surface: Surface, rng: np.random.Generator) -> Mesh:
    """
    Scatter leaf clusters over blobs.

    :param centres: (B, 3) [m] of the blobs; radii (B,).
    :param size_m: of a cluster.
    """
    blob = rng.choice(len(centres), count, p=radii ** 2 / (radii ** 2).sum())
    out = rng.normal(size=(count, 3))
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    place = centres[blob] + out * (radii[blob] * rng.uniform(0.72, 1.12, count))[:, None]
    tilt = rng.normal(size=(count, 2, 3)) * size_m * 0.5
    corners = np.stack([place - tilt[:, 0] - tilt[:, 1], place + tilt[:, 0] - tilt[:, 1] * 0.6,
                        place + tilt[:, 1] * 1.3], axis=1)
    mesh = from_triangles(corners, surface)
    # Shaded as the blob's surface, not as single leaves: a crown reads as a volume.
    middle = centres.mean(axis=0)
    normal = out + 0.55 * (place - middle) / radii.max() + 0.35 * rng.normal(size=(count, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    kept = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0],
                                   corners[:, 2] - corners[:, 0]), axis=1) > 1e-9
    mesh.normals[:] = normal[kept][:, None]
    mesh.rgb[:] *= rng.uniform(0.75, 1.25, (len(mesh), 1)).astype(np.float32)
    return mesh


def tree(height_m: float, rng: np.random.Generator, detail: int = 3800) -> Mesh:
    """
    Grow a tree at the origin.

    :param height_m: to the top of the crown.
    :param detail: number of leaf clusters.
    """
    autumn = rng.random() < 0.1
    palette = AUTUMN if autumn else GREENS
    leaf = Surface(m.FOLIAGE, 'vegetation', palette[rng.integers(len(palette))])
    core = Surface(m.FOLIAGE, 'vegetation', (leaf.rgb[0] * .5, leaf.rgb[1] * .5, leaf.rgb[2] * .5))
    bark = Surface(m.BARK, 'vegetation', (0.13, 0.10, 0.075))
    if rng.random() < 0.10:
        return _conifer(height_m, core, leaf, bark, detail, rng)
    clear = height_m * rng.uniform(0.28, 0.38)
    radius = height_m * rng.uniform(0.022, 0.03)
    wobble = rng.normal(scale=0.05, size=(4, 2))
    trunk = np.array([[0, 0, -0.3], [*wobble[0], clear * .5], [*wobble[1], clear],
                      [*(2 * wobble[2]), height_m * 0.65]])
    parts = [tube(trunk, np.array([1.25, 1.0, 0.85, 0.35]) * radius, bark, 8)]
    count = int(rng.integers(7, 11))
    angle = rng.uniform(0, 2 * np.pi) + np.arange(count) * 2.4
    reach = height_m * rng.uniform(0.14, 0.24, count)
    level = np.linspace(clear + 0.12 * height_m, height_m * 0.86, count)
    reach *= np.where(level > height_m * 0.75, 0.5, 1.0)
    centres = np.stack([reach * np.cos(angle), reach * np.sin(angle), level], axis=1)
    radii = height_m * rng.uniform(0.11, 0.16, count)
    for i in range(0, count, 2):
        start = np.array([*wobble[1], clear * 0.95])
        parts.append(tube(np.array([start, (start + centres[i]) / 2 + [0, 0, -.1], centres[i]]),
                          np.array([0.5, 0.35, 0.15]) * radius, bark, 5))
    parts += [ball(c, r * 0.72, core, 5, 7) for c, r in zip(centres, radii)]
    parts.append(_leaves(centres, radii, detail, 0.028 * height_m, leaf, rng))
    return join(parts)


def _conifer(height_m: float, core: Surface, leaf: Surface, bark: Surface, detail: int,
             rng: np.random.Generator) -> Mesh:
    level = np.linspace(0.24, 0.96, 9) * height_m
    radii = (1.04 - level / height_m) * height_m * 0.17 + 0.1
    centres = np.stack([np.zeros(9), np.zeros(9), level], axis=1)
    dark = Surface(m.FOLIAGE, 'vegetation', (0.045, 0.10, 0.045))
    return join([tube(np.array([[0, 0, -0.3], [0, 0, height_m * 0.9]]),
                      np.array([0.03, 0.008]) * height_m, bark, 7),
                 *(ball(c, (r * 0.75, r * 0.75, r * 0.5), core, 4, 8)
                   for c, r in zip(centres, radii)),
                 _leaves(centres, radii, detail, 0.028 * height_m, dark, rng)])


def bush(size_m: float, rng: np.random.Generator) -> Mesh:
    """Grow a round bush at the origin."""
    leaf = Surface(m.FOLIAGE, 'vegetation', GREENS[rng.integers(len(GREENS))])
    core = Surface(m.FOLIAGE, 'vegetation', (leaf.rgb[0] * .5, leaf.rgb[1] * .5, leaf.rgb[2] * .5))
    centres = np.concatenate([rng.normal(scale=0.28 * size_m, size=(4, 2)),
                              rng.uniform(0.2, 0.45, (4, 1)) * size_m], axis=1)
    radii = rng.uniform(0.3, 0.45, 4) * size_m
    return join([*(ball(c, r * 0.8, core, 5, 7) for c, r in zip(centres, radii)),
                 _leaves(centres, radii, 260, 0.16, leaf, rng)])


def hedge(length_m: float, height_m: float, rng: np.random.Generator) -> Mesh:
    """Grow a hedge along x, centred at the origin."""
    leaf = Surface(m.FOLIAGE, 'vegetation', GREENS[rng.integers(len(GREENS))])
    core = Surface(m.FOLIAGE, 'vegetation', (leaf.rgb[0] * .6, leaf.rgb[1] * .6, leaf.rgb[2] * .6))
    body = box((0, 0, height_m / 2), (length_m, 0.55, height_m), core)
    count = int(170 * length_m)
    place = rng.uniform(-0.5, 0.5, (count, 3)) * [length_m, 0.62, height_m]
    face = rng.integers(0, 3, count)
    place[face == 0, 1] = 0.3
    place[face == 1, 1] = -0.3
    place[face == 2, 2] = height_m / 2
    normal = np.stack([np.zeros(count), (face == 0) * 1.0 - (face == 1), (face == 2) * 1.0], 1)
    tilt = rng.normal(size=(count, 2, 3)) * 0.07
    place[:, 2] += height_m / 2
    leaves = from_triangles(np.stack([place - tilt[:, 0], place + tilt[:, 0],
                                      place + tilt[:, 1]], axis=1), leaf)
    normal = normal + 0.35 * rng.normal(size=(count, 3))
    if len(leaves) == count:
        leaves.normals[:] = (normal / np.linalg.norm(normal, axis=1, keepdims=True))[:, None]
    leaves.rgb[:] *= rng.uniform(0.7, 1.3, (len(leaves), 1)).astype(np.float32)
    return join([body, leaves])
