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

"""People on foot and on bicycles; x forward, y left, z up, feet on z = 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dseg_ros.sim import materials as m
from dseg_ros.sim.mesh import join, Mesh, pose, Surface
from dseg_ros.sim.solids import ball, box, capsule, ring_tube, rod, tube
import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.float64]
CLOTHES = ((0.02, 0.02, 0.025), (0.03, 0.05, 0.14), (0.30, 0.03, 0.04), (0.45, 0.43, 0.40),
           (0.09, 0.11, 0.07), (0.24, 0.16, 0.10), (0.50, 0.34, 0.05), (0.10, 0.24, 0.33),
           (0.60, 0.60, 0.62), (0.16, 0.16, 0.17), (0.40, 0.12, 0.25), (0.05, 0.22, 0.12))
SKINS = ((0.55, 0.36, 0.27), (0.42, 0.26, 0.18), (0.24, 0.13, 0.08), (0.60, 0.42, 0.33))
HAIR = ((0.03, 0.02, 0.015), (0.12, 0.07, 0.03), (0.30, 0.20, 0.08), (0.30, 0.29, 0.28))
CAST = 16
"""How many different people there are."""
PHASES = 8
"""Meshes per stride (or turn of the pedals)."""
STRIDE_M = 1.45
"""Length of two steps [m]."""


@dataclass(frozen=True)
class Dress:
    """What a person wears and carries."""

    skin: Surface
    hair: Surface
    top: Surface
    trousers: Surface
    shoes: Surface
    bag: Surface | None
    helmet: Surface | None
    coat: bool


def draw_dress(label: str, rng: np.random.Generator) -> Dress:
    """Choose clothes; the surfaces carry the class 'person' or 'rider'."""
    def cloth(rgb: tuple[float, float, float]) -> Surface:
        return Surface(m.CLOTH, label, rgb)
    top = CLOTHES[rng.integers(len(CLOTHES))]
    return Dress(Surface(m.SKIN, label, SKINS[rng.integers(len(SKINS))]),
                 cloth(HAIR[rng.integers(len(HAIR))]), cloth(top),
                 cloth(CLOTHES[rng.choice([0, 1, 4, 5, 9])]), cloth((0.03, 0.025, 0.02)),
                 cloth(CLOTHES[rng.integers(len(CLOTHES))]) if rng.random() < 0.4 else None,
                 cloth(CLOTHES[rng.integers(len(CLOTHES))]) if rng.random() < 0.6 else None,
                 bool(rng.random() < 0.35 and label == 'person'))


def _head(neck: Point, dress: Dress) -> list[Mesh]:
    x, y, z = neck
    parts = [capsule((x, y, z - 0.04), (x + 0.01, y, z + 0.08), 0.055, 0.055, dress.skin, 8),
             ball((x + 0.02, y, z + 0.17), (0.095, 0.078, 0.12), dress.skin, 8, 10),
             ball((x - 0.008, y, z + 0.20), (0.098, 0.086, 0.105), dress.hair, 7, 10)]
    if dress.helmet is not None:
        parts.append(ball((x, y, z + 0.225), (0.125, 0.10, 0.095), dress.helmet, 6, 10))
    return parts


def _torso(hip: Point, chest: Point, neck: Point, dress: Dress) -> list[Mesh]:
    path = np.array([hip - (chest - hip) * (0.55 if dress.coat else 0.12), hip,
                     (hip + chest) / 2, chest, chest + (neck - chest) * 0.6, neck])
    parts = [tube(path, np.array([0.165 if dress.coat else 0.15, 0.155, 0.145, 0.185, 0.155,
                                  0.06]), dress.top, 12, flatten=(0.66, 1.08))]
    if dress.bag is not None:
        middle = (hip + 2 * chest) / 3
        parts.append(ball((middle[0] - 0.19, 0, middle[2] + 0.02), (0.11, 0.15, 0.22), dress.bag,
                          6, 8))
    return parts


def person(phase: float, dress: Dress, height_m: float) -> Mesh:
    """
    Build a person in mid-stride.

    :param phase: 0..1 through two steps; negative stands still.
    """
    swing = np.sin(2 * np.pi * phase) if phase >= 0 else 0.08
    hip, chest, neck = np.array([0, 0, .93]), np.array([.02, 0, 1.30]), np.array([.03, 0, 1.50])
    parts = [*_head(neck, dress), *_torso(hip, chest, neck, dress)]
    for side, s in ((1.0, swing), (-1.0, -swing)):
        lift = max(0.0, np.cos(2 * np.pi * phase) * side) if phase >= 0 else 0.0
        joint = np.array([0.0, 0.095 * side, 0.92])
        knee = joint + np.array([0.24 * s + 0.10 * lift, 0, -0.43 + 0.03 * lift])
        ankle = knee + np.array([0.20 * s - 0.18 * lift, 0, -0.41 + 0.08 * lift])
        ankle[2] = max(ankle[2], 0.08)
        parts += [capsule(joint, knee, 0.088, 0.062, dress.trousers),
                  capsule(knee, ankle, 0.062, 0.045, dress.trousers),
                  ball(ankle + [0.06, 0, -0.04], (0.135, 0.05, 0.05), dress.shoes, 5, 8)]
        shoulder = np.array([0.02, 0.205 * side, 1.40])
        elbow = shoulder + np.array([-0.16 * s, 0.035 * side, -0.27])
        hand = elbow + np.array([-0.10 * s + 0.08, 0.0, -0.24])
        parts += [capsule(shoulder, elbow, 0.055, 0.045, dress.top),
                  capsule(elbow, hand, 0.044, 0.034, dress.top),
                  ball(hand + [0.01, 0, -0.06], (0.045, 0.03, 0.07), dress.skin, 5, 7)]
    k = height_m / 1.79
    return join(parts).moved(pose(scale=(k, k, k)))


@lru_cache(maxsize=64)
def bicycle(rgb: tuple[float, float, float]) -> Mesh:
    """Build a bicycle at the origin."""
    frame = Surface(m.CAR_PAINT, 'bicycle', rgb)
    tyre = Surface(m.RUBBER, 'bicycle', (0.02, 0.02, 0.02))
    steel = Surface(m.METAL, 'bicycle', (0.35, 0.35, 0.36))
    rear, front = np.array([-0.50, 0, 0.34]), np.array([0.55, 0, 0.34])
    crank, seat, head = (np.array([-0.05, 0, 0.30]), np.array([-0.22, 0, 0.86]),
                         np.array([0.38, 0, 0.88]))
    parts = [ring_tube(hub, 0.32, 0.026, tyre, 20, 5) for hub in (rear, front)]
    for hub in (rear, front):
        for a in np.linspace(0, np.pi, 5)[:-1]:
            spoke = 0.31 * np.array([np.cos(a), 0, np.sin(a)])
            parts.append(rod(hub - spoke, hub + spoke, 0.006, steel, 4))
    for a, b, r in ((crank, seat, .02), (seat * [1, 1, .93], head, .02), (crank, head, .024),
                    (crank, rear, .014), (seat * [1, 1, .9], rear, .012), (head, front, .018),
                    (head, head + [-.03, 0, .14], .016)):
        parts.append(rod(a, b, r, frame, 6))
    bar = head + [-0.02, 0, 0.14]
    parts += [rod(bar + [0, -0.27, 0], bar + [0, 0.27, 0], 0.014, steel, 5),
              ball(seat + [0, 0, 0.06], (0.14, 0.07, 0.035), tyre, 5, 8),
              rod(crank + [0.12, 0.1, -0.1], crank + [-0.12, -0.1, 0.1], 0.012, steel, 5),
              box(rear + [-0.05, 0, 0.40], (0.34, 0.12, 0.02), steel)]
    return join(parts)


def cyclist(phase: float, dress: Dress, rgb: tuple[float, float, float]) -> Mesh:
    """
    Build a rider on a bicycle.

    :param phase: 0..1 through a turn of the pedals.
    """
    hip, chest, neck = (np.array([-0.20, 0, 0.98]), np.array([0.00, 0, 1.30]),
                        np.array([0.10, 0, 1.47]))
    parts = [bicycle(rgb), *_head(neck, dress), *_torso(hip, chest, neck, dress)]
    for side in (1.0, -1.0):
        turn = 2 * np.pi * phase + (0 if side > 0 else np.pi)
        foot = np.array([-0.05 + 0.16 * np.cos(turn), 0.12 * side, 0.32 - 0.16 * np.sin(turn)])
        joint = hip + [0, 0.10 * side, -0.03]
        middle, gap = (joint + foot) / 2, float(np.linalg.norm(joint - foot))
        bend = np.sqrt(max(0.0, 0.44 ** 2 - (gap / 2) ** 2))
        along = (foot - joint) / gap
        knee = middle + bend * np.array([-along[2], 0, along[0]])
        parts += [capsule(joint, knee, 0.085, 0.06, dress.trousers),
                  capsule(knee, foot, 0.06, 0.042, dress.trousers),
                  ball(foot + [0.05, 0, -0.02], (0.13, 0.045, 0.045), dress.shoes, 5, 8)]
        shoulder, hand = chest + [0.05, 0.19 * side, 0.08], np.array([0.36, 0.25 * side, 1.04])
        elbow = (shoulder + hand) / 2 + [-0.02, 0.06 * side, -0.07]
        parts += [capsule(shoulder, elbow, 0.052, 0.044, dress.top),
                  capsule(elbow, hand, 0.042, 0.032, dress.top),
                  ball(hand, (0.05, 0.035, 0.035), dress.skin, 5, 7)]
    return join(parts)


def _who(identity: int, label: str) -> tuple[Dress, np.random.Generator]:
    rng = np.random.default_rng([identity, len(label)])
    return draw_dress(label, rng), rng


@lru_cache(maxsize=None)
def walker(identity: int) -> tuple[Mesh, ...]:
    """Build one of the CAST walking people: a mesh per phase of the stride."""
    dress, rng = _who(identity, 'person')
    height = float(rng.uniform(1.55, 1.92))
    return tuple(person(p / PHASES, dress, height) for p in range(PHASES))


@lru_cache(maxsize=None)
def bystander(identity: int) -> tuple[Mesh]:
    """Build one of the CAST people, standing."""
    dress, rng = _who(identity, 'person')
    return (person(-1.0, dress, float(rng.uniform(1.55, 1.92))),)


@lru_cache(maxsize=None)
def rider(identity: int) -> tuple[Mesh, ...]:
    """Build one of the CAST riders with bicycle: a mesh per phase of the pedals."""
    dress, rng = _who(identity, 'rider')
    rgb = CLOTHES[rng.integers(len(CLOTHES))]
    return tuple(cyclist(p / PHASES, dress, rgb) for p in range(PHASES))


@lru_cache(maxsize=64)
def motorcycle(rgb: tuple[float, float, float]) -> Mesh:
    """Build a motorcycle at the origin."""
    paint = Surface(m.CAR_PAINT, 'motorcycle', rgb)
    dark = Surface(m.PLASTIC, 'motorcycle', (0.02, 0.02, 0.02))
    steel = Surface(m.METAL, 'motorcycle', (0.30, 0.30, 0.31))
    parts = [ring_tube((x, 0, 0.32), 0.25, 0.07, dark, 18, 6) for x in (-0.68, 0.72)]
    parts += [ball((0.05, 0, 0.48), (0.34, 0.20, 0.24), steel, 6, 8),
              ball((0.16, 0, 0.82), (0.32, 0.17, 0.16), paint, 6, 10),
              ball((-0.42, 0, 0.80), (0.42, 0.15, 0.08), dark, 5, 8),
              ball((-0.78, 0, 0.80), (0.22, 0.13, 0.10), paint, 5, 8),
              ball((0.52, 0, 0.90), (0.14, 0.16, 0.16), paint, 6, 8),
              rod((-0.68, 0.12, 0.32), (0.0, 0.12, 0.42), 0.04, steel, 6),
              rod((-0.9, -0.16, 0.36), (0.1, -0.16, 0.36), 0.05, steel, 7),
              rod((0.44, -0.36, 1.02), (0.44, 0.36, 1.02), 0.018, dark, 6)]
    parts += [rod((0.44, y, 1.0), (0.72, y, 0.32), 0.03, steel, 6) for y in (-0.1, 0.1)]
    return join(parts)
