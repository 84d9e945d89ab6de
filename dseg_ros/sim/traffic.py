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

"""Who moves in the street: the ego vehicle, other vehicles, cyclists, people on foot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dseg_ros.sim import people, vehicles
from dseg_ros.sim.mesh import Mesh
from dseg_ros.sim.raycast import Motion, Mover
from dseg_ros.sim.street import RUN_UP_M, Street
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
WALKERS, RIDERS = 6, 3
"""How many different people walk and ride in a street."""


@dataclass(frozen=True, eq=False)
class Ego:
    """
    The drive of the ego vehicle: down its lane with a slowly changing speed.

    :param speed_mps: mean speed.
    """

    street: Street
    speed_mps: float
    ripple: float
    period_s: float
    phase_rad: float

    def along(self, t_s: Array) -> Array:
        """Way along the street [m] at times [s]."""
        w = 2 * np.pi / self.period_s
        sway = self.speed_mps * self.ripple / w
        return np.asarray(RUN_UP_M + self.speed_mps * t_s - sway * (
            np.cos(w * t_s + self.phase_rad) - np.cos(self.phase_rad)))

    def world_T_base(self, t_s: float) -> Array:
        """Pose of base_link (ground below the middle of the rear axle) at a time, (4, 4)."""
        t = np.array(t_s)
        s = self.along(t)
        lane = -(self.street.lanes - 0.5) * self.street.lane_m
        weave = 0.12 * np.sin(2 * np.pi * t_s / 7.3 + self.phase_rad)
        turn = 0.12 * 2 * np.pi / 7.3 * np.cos(2 * np.pi * t_s / 7.3 + self.phase_rad) / max(
            self.speed_mps, 4.0)
        place = self.street.pose(float(s), lane + weave, 0.0, turn)
        pitch = -np.arctan(self.street.slope(float(s))) + 0.004 * np.sin(9.1 * t_s)
        roll = 0.006 * np.sin(5.3 * t_s + 1.0)
        c, n, cr, nr = np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
        tilt = np.eye(4)
        tilt[:3, :3] = np.array([[c, 0, n], [0, 1, 0], [-n, 0, c]]) @ np.array(
            [[1, 0, 0], [0, cr, -nr], [0, nr, cr]])
        return np.asarray(place @ tilt)


def draw_ego(street: Street, speed_mps: float, rng: np.random.Generator) -> Ego:
    """Choose how the ego vehicle's speed changes."""
    return Ego(street, speed_mps, float(rng.uniform(0.08, 0.2)), float(rng.uniform(7.0, 12.0)),
               float(rng.uniform(0.0, 2 * np.pi)))


@dataclass(frozen=True, eq=False)
class Along:
    """
    Motion along the street.

    :param along: way along the street [m] at times [s].
    :param offset_m: left of the centre line.
    :param height_m: above the road.
    :param turn_rad: 0 along the street, pi against it.
    """

    street: Street
    along: Callable[[Array], Array]
    offset_m: float
    height_m: float
    turn_rad: float

    def __call__(self, t_s: Array) -> Array:
        """Give (T, 4) x, y, z [m], yaw [rad]."""
        s = self.along(t_s)
        yaw = self.street.centre(s)[:, 3] + self.turn_rad
        return np.concatenate([self.street.world(s, self.offset_m, self.height_m),
                               yaw[:, None]], axis=1)


@dataclass(frozen=True, eq=False)
class Across:
    """
    Motion along one sidewalk, over a zebra crossing and along the other sidewalk.

    :param s_m: where the crossing is.
    :param walk_m: the sidewalks' distance from the centre line; kerb_m that of the kerbs.
    :param away: +1 or -1, the direction along s that leads away from the cross street.
    :param middle_s: time in the middle of the road.
    :param speed_mps: positive to the left.
    """

    street: Street
    s_m: float
    walk_m: float
    kerb_m: float
    away: int
    middle_s: float
    speed_mps: float

    def __call__(self, t_s: Array) -> Array:
        """Give (T, 4) x, y, z [m], yaw [rad]."""
        way = self.speed_mps * (t_s - self.middle_s)
        d = np.clip(way, -self.walk_m, self.walk_m)
        beyond = np.abs(way) - self.walk_m
        s = self.s_m + self.away * np.maximum(beyond, 0.0)
        forward = np.sign(self.speed_mps)
        leaving = np.sign(way) == forward
        along = np.where(leaving == (self.away > 0), 0.0, np.pi)
        turn = np.where(beyond > 0, along, forward * np.pi / 2)
        height = np.where(np.abs(d) > self.kerb_m, self.street.kerb_height_m, 0.02)
        yaw = self.street.centre(s)[:, 3] + turn
        return np.concatenate([self.street.world(s, d, height), yaw[:, None]], axis=1)


@dataclass(frozen=True)
class Uniform:
    """Way at a constant speed."""

    start_m: float
    speed_mps: float

    def __call__(self, t_s: Array) -> Array:
        """Give the way [m] at times [s]."""
        return self.start_m + self.speed_mps * np.asarray(t_s, np.float64)


@dataclass(frozen=True, eq=False)
class Following:
    """Way of a vehicle that keeps its distance to the ego vehicle, give or take."""

    ego: Ego
    gap_m: float
    sway_m: float

    def __call__(self, t_s: Array) -> Array:
        """Give the way [m] at times [s]."""
        t = np.asarray(t_s, np.float64)
        sway = self.sway_m * np.sin(0.4 * t + self.gap_m)
        return np.asarray(self.ego.along(t) + self.gap_m + sway)


class TrafficBuilder:
    """
    Populate a street.

    :param seconds: how long the drive is; traffic is spread so that it is met all the way.
    :param first_instance: instance ids up to this one are taken.
    """

    def __init__(self, street: Street, ego: Ego, seconds: float, first_instance: int,
                 rng: np.random.Generator) -> None:
        """Choose the density of the traffic."""
        self.street, self.ego, self.seconds, self.rng = street, ego, seconds, rng
        self.instances = first_instance
        self.movers: list[Mover] = []
        self.busy = float(rng.uniform(0.6, 1.6))
        who = rng.permutation(people.CAST)
        self.walking = [people.walker(int(i)) for i in who[:WALKERS]]
        self.standing = [people.bystander(int(i)) for i in who[WALKERS:WALKERS + 2]]
        self.riding = [people.rider(int(i)) for i in who[-RIDERS:]]

    def build(self) -> list[Mover]:
        """Send everyone on their way."""
        self._ahead()
        self._oncoming()
        for side in (0, 1):
            self._cyclists(side)
            self._walkers(side)
        self._crossing_people()
        return self.movers

    def _add(self, shapes: Sequence[Mesh], motion: Motion, gait_m: float = 0.0,
             speed_mps: float = 0.0) -> None:
        self.instances += 1
        self.movers.append(Mover(tuple(shapes), motion, self.instances, gait_m, speed_mps,
                                 float(self.rng.random())))

    def _paint(self) -> tuple[float, float, float]:
        return vehicles.PAINTS[self.rng.integers(len(vehicles.PAINTS))]

    def _vehicle(self) -> Mesh:
        rng = self.rng
        kind = rng.random()
        if kind < 0.13:
            return vehicles.truck(self._paint(), self._paint(), float(rng.uniform(6.0, 8.5)),
                                  str(rng.choice(['box', 'tipper'])))
        if kind < 0.21:
            return vehicles.bus(((0.5, 0.38, 0.03), (0.5, 0.04, 0.04), (0.05, 0.2, 0.4),
                                 (0.1, 0.32, 0.14))[rng.integers(4)])
        return vehicles.car(str(rng.choice(['sedan', 'hatch', 'suv', 'van', 'sedan'])),
                            self._paint())

    def _ahead(self) -> None:
        street, rng = self.street, self.rng
        gap = float(rng.uniform(14.0, 30.0))
        for lane in range(street.lanes):
            offset = -(lane + 0.5) * street.lane_m
            own = lane == street.lanes - 1
            at = gap if own else float(rng.uniform(-10.0, 10.0))
            while at < 120.0:
                # A car right ahead: behind a bus there would be little to see all the way.
                model = vehicles.car('hatch', self._paint()) if own and at == gap \
                    else self._vehicle()
                self._add([model], Along(street, Following(self.ego, at, 2.0), offset, 0.02, 0.0))
                at += float(rng.uniform(20.0, 45.0)) / self.busy
            if own:
                self._add([vehicles.car('sedan', self._paint())],
                          Along(street, Following(self.ego, -14.0, 1.5), offset, 0.02, 0.0))

    def _oncoming(self) -> None:
        street, rng = self.street, self.rng
        for lane in range(street.lanes):
            speed = float(rng.uniform(0.7, 1.2)) * max(self.ego.speed_mps, 5.0)
            s = RUN_UP_M - 25.0 + float(rng.uniform(0, 25))
            while s < street.length_m + speed * self.seconds:
                self._add([self._vehicle()], Along(street, Uniform(s, -speed),
                                                   (lane + 0.5) * street.lane_m, 0.02, np.pi))
                s += float(rng.uniform(18.0, 55.0)) / self.busy

    def _cyclists(self, index: int) -> None:
        side, rng = self.street.sides[index], self.rng
        speed = float(rng.uniform(3.6, 5.2))
        s = RUN_UP_M + float(rng.uniform(0, 18))
        offset = side.sign * (side.lane_m + 0.7)
        while s < self.street.length_m - 20:
            shapes = self.riding[rng.integers(len(self.riding))]
            start, ahead = (s, speed) if side.sign < 0 else (s, -speed)
            self._add(shapes, Along(self.street, Uniform(start, ahead), offset, 0.0,
                                    0.0 if side.sign < 0 else np.pi), 5.0, speed)
            s += float(rng.uniform(22.0, 70.0)) / self.busy

    def _walkers(self, index: int) -> None:
        side, rng, street = self.street.sides[index], self.rng, self.street
        s = RUN_UP_M - 10.0 + float(rng.uniform(0, 10))
        near = max(side.verge_m, side.kerb_m + 1.2) + 0.4
        while s < street.length_m - 10:
            for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
                speed = float(rng.uniform(0.9, 1.6)) if rng.random() < 0.85 else 0.0
                way = 1.0 if rng.random() < 0.5 else -1.0
                out = float(rng.uniform(near, max(near + 0.1, side.walk_m - 1.9)))
                turn = 0.0 if way > 0 else np.pi
                cast = self.walking if speed > 0 else self.standing
                self._add(cast[rng.integers(len(cast))], Along(
                    street, Uniform(s + float(rng.uniform(-1.5, 1.5)), way * speed),
                    side.sign * out, street.kerb_height_m, turn), people.STRIDE_M, speed)
            s += float(rng.uniform(7.0, 24.0)) / self.busy

    def _crossing_people(self) -> None:
        """Cross on the zebras, well before or after the ego vehicle comes by."""
        street, rng = self.street, self.rng
        times = np.arange(0.0, self.seconds + 20.0, 0.1)
        kerb = max(side.kerb_m for side in street.sides)
        for centre, half in street.crossings:
            for way in (-1, 1):
                s = centre + way * (half + 2.6)
                passing = float(times[np.abs(self.ego.along(times) - s).argmin()])
                for _ in range(int(rng.integers(1, 4))):
                    speed = float(rng.uniform(1.0, 1.5))
                    clear = kerb / speed + 1.5 + float(rng.uniform(0.0, 5.0))
                    motion = Across(street, s + float(rng.uniform(-1.2, 1.2)), kerb + 1.3, kerb,
                                    way, passing + float(rng.choice([-clear, -clear, clear])),
                                    speed * float(rng.choice([-1, 1])))
                    self._add(self.walking[rng.integers(WALKERS)], motion, people.STRIDE_M, speed)
