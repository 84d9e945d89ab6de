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

"""A tree of frames through time, as tf2 keeps it, for work without ROS."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from dseg_ros.geometry.rigid import interpolate, invert
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
DEEPEST = 1000  # links from a frame to its root; more is a loop


class TransformError(LookupError):
    """Two frames that cannot be related; the message names them and the stamps."""


@dataclass(eq=False)
class _Link:
    """From a frame to its parent: one matrix, or many in time."""

    parent: str
    static: bool
    stamps_ns: list[int] = field(default_factory=list)
    parent_T_child: list[Matrix] = field(default_factory=list)


class TransformTree:
    """
    Frames and how they move.

    :param extrapolate_ns: how far beyond the first or last transform of a link constant velocity
        is believed.
    :param history_ns: how much of the past a link keeps; all of it if None.
    :param jump_back_ns: a transform this much before the newest of its link means that the clock
        was set back: the link starts anew; never if None.
    """

    def __init__(self, extrapolate_ns: int = 0, history_ns: int | None = None,
                 jump_back_ns: int | None = None) -> None:
        """Start without any frame."""
        self.extrapolate_ns = extrapolate_ns
        self.history_ns = history_ns
        self.jump_back_ns = jump_back_ns
        self._links: dict[str, _Link] = {}

    @property
    def frames(self) -> tuple[str, ...]:
        """All known frames, sorted."""
        return tuple(sorted(set(self._links) | {link.parent for link in self._links.values()}))

    def add(self, parent: str, child: str, parent_T_child: Matrix, stamp_ns: int = 0,
            static: bool = False) -> None:
        """
        Take one transform; a static one replaces what was known of the child.

        :param parent: frame, a leading slash (ROS 1) is ignored.
        :param child: frame.
        :param parent_T_child: (4, 4).
        :param stamp_ns: when it holds; of no meaning for a static one.
        :param static: it holds always.
        :raises TransformError: for a frame that would be its own parent.
        """
        parent, child = parent.lstrip('/'), child.lstrip('/')
        if parent == child:
            raise TransformError(f'frame {child!r} cannot be its own parent')
        link = self._links.get(child)
        if (link is None or link.parent != parent or static or link.static
                or self._is_set_back(link, stamp_ns)):
            link = self._links[child] = _Link(parent, static)
        where = bisect_left(link.stamps_ns, stamp_ns)
        if where < len(link.stamps_ns) and link.stamps_ns[where] == stamp_ns:
            link.parent_T_child[where] = parent_T_child
        else:
            link.stamps_ns.insert(where, stamp_ns)
            link.parent_T_child.insert(where, parent_T_child)
        self._forget(link)

    def _is_set_back(self, link: _Link, stamp_ns: int) -> bool:
        return (self.jump_back_ns is not None
                and stamp_ns < link.stamps_ns[-1] - self.jump_back_ns)

    def _forget(self, link: _Link) -> None:
        if self.history_ns is None or link.static:
            return
        old = bisect_left(link.stamps_ns, link.stamps_ns[-1] - self.history_ns)
        del link.stamps_ns[:old], link.parent_T_child[:old]

    def lookup(self, target: str, target_ns: int, source: str, source_ns: int,
               fixed: str | None = None) -> Matrix:
        """
        Relate two frames at two moments through a frame that does not move (tf2's full lookup).

        :param target: destination frame ...
        :param target_ns: ... at this moment.
        :param source: source frame ...
        :param source_ns: ... at this moment.
        :param fixed: the frame that stands still between the moments ('odom'); None takes both
            frames at one moment, which must then be the same for both.
        :returns: target_T_source, (4, 4).
        :raises TransformError: for an unknown frame, unconnected frames, or a moment too far
            outside what is known.
        """
        if fixed is None:
            if target_ns != source_ns:
                raise TransformError(f'{target!r} at {_s(target_ns)} from {source!r} at '
                                     f'{_s(source_ns)} needs a fixed frame')
            return self._at(target, source, source_ns)
        return self._at(target, fixed, target_ns) @ self._at(fixed, source, source_ns)

    def static_lookup(self, target: str, source: str) -> Matrix:
        """
        Relate two frames by the newest transforms of each link, whatever their stamps.

        :raises TransformError: for an unknown frame or unconnected frames.
        """
        return self._at(target, source, None)

    def moves(self, target: str, source: str) -> bool:
        """Tell whether any link between two frames changes with time."""
        up, down = self._path(target, source)
        return any(not self._links[frame].static for frame in up + down)

    def latest_ns(self, target: str, source: str) -> int | None:
        """
        Find up to which moment two frames can be related without extrapolation.

        :returns: stamp [ns], None if nothing between them moves.
        :raises TransformError: for an unknown frame or unconnected frames.
        """
        up, down = self._path(target, source)
        ends = [self._links[frame].stamps_ns[-1] for frame in up + down
                if not self._links[frame].static]
        return min(ends) if ends else None

    def _at(self, target: str, source: str, stamp_ns: int | None) -> Matrix:
        from_source, from_target = self._path(source, target)
        meeting_T_source, meeting_T_target = np.eye(4), np.eye(4)
        for frame in from_source:
            meeting_T_source = self._link_at(frame, stamp_ns) @ meeting_T_source
        for frame in from_target:
            meeting_T_target = self._link_at(frame, stamp_ns) @ meeting_T_target
        return invert(meeting_T_target) @ meeting_T_source

    def _path(self, a: str, b: str) -> tuple[list[str], list[str]]:
        """List the frames below the common ancestor, from each end upwards."""
        chain_a, chain_b = self._chain(a), self._chain(b)
        known = {frame: i for i, frame in enumerate(chain_a)}
        for j, frame in enumerate(chain_b):
            if frame in known:
                return chain_a[:known[frame]], chain_b[:j]
        raise TransformError(f'frames {a!r} and {b!r} are not connected: their roots are '
                             f'{chain_a[-1]!r} and {chain_b[-1]!r}')

    def _chain(self, frame: str) -> list[str]:
        chain = [frame.lstrip('/')]
        if chain[0] not in self.frames:
            raise TransformError(f'unknown frame {frame!r}; known are {list(self.frames)}')
        while chain[-1] in self._links:
            chain.append(self._links[chain[-1]].parent)
            if len(chain) > DEEPEST:
                raise TransformError(f'the frames above {frame!r} form a loop')
        return chain

    def _link_at(self, child: str, stamp_ns: int | None) -> Matrix:
        link = self._links[child]
        stamps, poses = link.stamps_ns, link.parent_T_child
        if link.static or stamp_ns is None:
            return poses[-1]
        after = bisect_left(stamps, stamp_ns)
        if after < len(stamps) and stamps[after] == stamp_ns:
            return poses[after]
        beyond = max(stamps[0] - stamp_ns, stamp_ns - stamps[-1], 0)
        if beyond > self.extrapolate_ns:
            raise TransformError(
                f'{child!r} in {link.parent!r} is known from {_s(stamps[0])} to '
                f'{_s(stamps[-1])}, not at {_s(stamp_ns)} (extrapolation up to '
                f'{self.extrapolate_ns / 1e6:g} ms)')
        if len(stamps) == 1:
            return poses[0]
        after = min(max(after, 1), len(stamps) - 1)
        share = (stamp_ns - stamps[after - 1]) / (stamps[after] - stamps[after - 1])
        return interpolate(poses[after - 1], poses[after], share)


def _s(stamp_ns: int) -> str:
    return f'{stamp_ns // 10**9}.{stamp_ns % 10**9:09d} s'
