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

"""The nearest-stamp matcher."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dseg_ros.config.schema import ConfigError
from dseg_ros.config.sync import SyncConfig
from dseg_ros.sync.assignment import nearest
from dseg_ros.sync.streams import Clock, Source, WaitingCloud, WaitingImage
from dseg_ros.types import Dropped

MS = 1_000_000
NO_IMAGE = 'cloud without enough images within tolerance'
NO_CLOUD = 'image without a cloud within tolerance'
SUPERSEDED = 'image superseded by a nearer one'
OUT_OF_ORDER = 'out of order'
REPEATED = 'stamp repeated'
JUMPED = 'clock jumped back'
OVERFLOW = 'queue full'


@dataclass(frozen=True, eq=False)
class Match:
    """
    A cloud with its images.

    :param stamp_ns: of the cloud.
    :param cloud: what was pushed.
    :param images: what was pushed, by source; a source without image is absent.
    :param stamps_ns: stamps of the images, by source.
    """

    stamp_ns: int
    cloud: Any
    images: Mapping[str, Any]
    stamps_ns: Mapping[str, int]


class NearestMatcher:
    """
    Matches clouds with the nearest image of each camera; for one thread at a time.

    Items are opaque. Every push returns the matches that it completed, in the order of their
    stamps. A stamp well before its predecessor in the same stream means that the clock was set
    back: what is waiting is matched as after `flush`, and everything starts anew.
    """

    def __init__(self, config: SyncConfig, sources: Sequence[str]) -> None:
        """
        Start empty.

        :param config: tolerances, offsets, patience.
        :param sources: names of the cameras.
        :raises ConfigError: if there are neither one nor as many tolerances or offsets as
            cameras, or more images are demanded than there are cameras.
        """
        self.missing: Counter[str] = Counter()
        """Matches without an image of a source, by source."""
        self._config = config
        self._drops: Counter[str] = Counter()
        tolerances = _per_source('tolerance_ms', config.tolerance_ms, sources)
        offsets = _per_source('offset_ms', config.offset_ms, sources)
        if config.min_images > len(sources):
            raise ConfigError(f'min_images: {config.min_images} of {len(sources)} cameras')
        self._sources = {name: Source(int(tolerance * MS), int(offset * MS))
                         for name, tolerance, offset in zip(sources, tolerances, offsets)}
        self._cloud_clock = Clock()
        self._clouds: list[WaitingCloud] = []
        self._released_ns: int | None = None
        self._now_ns: int | None = None
        self._jump_ns: tuple[int, int] | None = None

    @property
    def dropped(self) -> Dropped:
        """Clouds and images that were left out, by reason."""
        return Dropped({reason: n for reason, n in self._drops.items() if n})

    def push_cloud(self, stamp_ns: int, item: Any) -> list[Match]:
        """
        Take a cloud.

        :param stamp_ns: the moment to be matched (see geometry.sweep_middle_ns).
        :param item: what to return with the match.
        """
        matches = self._jump(self._cloud_clock, stamp_ns)
        if self._is_stale(stamp_ns):
            return matches
        waiting = WaitingCloud(stamp_ns, item, {
            name: camera.clock.latest_ns for name, camera in self._sources.items()
            if camera.clock.latest_ns is not None})
        place = bisect_left(self._clouds, waiting)
        if place < len(self._clouds) and self._clouds[place] == waiting or (
                stamp_ns == self._released_ns):
            self._drops[REPEATED] += 1
        elif self._is_too_late(stamp_ns, place):
            self._drops[OUT_OF_ORDER] += 1
        else:
            self._clouds.insert(place, waiting)
            self._tick(self._cloud_clock, stamp_ns)
        return matches + self._settle(force=len(self._clouds) > self._config.queue)

    def push_image(self, source: str, stamp_ns: int, item: Any) -> list[Match]:
        """
        Take an image.

        :param source: its camera, one of those given to the constructor.
        :param stamp_ns: time of exposure.
        :param item: what to return with the match.
        """
        camera = self._sources[source]
        matches = self._jump(camera.clock, stamp_ns)
        if self._is_stale(stamp_ns):
            return matches
        image = WaitingImage(stamp_ns, item)
        place = bisect_left(camera.images, image)
        if (place < len(camera.images) and camera.images[place] == image
                or stamp_ns == camera.clock.latest_ns):
            self._drops[REPEATED] += 1
            return matches
        insort(camera.images, image)
        self._tick(camera.clock, stamp_ns)
        matches += self._settle()
        if len(camera.images) > self._config.queue:
            del camera.images[0]
            self._drops[OVERFLOW] += 1
        return matches

    def flush(self) -> list[Match]:
        """Match what is waiting as if nothing more would come; use it at the end."""
        matches = self._settle(force=True)
        for camera in self._sources.values():
            self._drop_images(camera, len(camera.images), None)
        return matches

    def _tick(self, clock: Clock, stamp_ns: int) -> None:
        clock.tick(stamp_ns)
        self._now_ns = stamp_ns if self._now_ns is None else max(self._now_ns, stamp_ns)

    def _jump(self, clock: Clock, stamp_ns: int) -> list[Match]:
        """Start anew if the clock was set back; returns what was waiting."""
        back_ns = int(self._config.jump_back_ms * MS)
        if clock.latest_ns is None or stamp_ns >= clock.latest_ns - back_ns:
            return []
        matches = self._settle(force=True)
        for camera in self._sources.values():
            self._drops[JUMPED] += len(camera.images)
            camera.images.clear()
            camera.clock = Clock()
        self._cloud_clock = Clock()
        self._jump_ns = None if self._now_ns is None else (self._now_ns, stamp_ns)
        self._now_ns, self._released_ns = stamp_ns, None
        return matches

    def _is_stale(self, stamp_ns: int) -> bool:
        """Drop what was sent before the clock was set back and comes shortly after."""
        if self._jump_ns is None or self._now_ns is None:
            return False
        before, after = self._jump_ns
        if self._now_ns - after > self._config.wait_ms * MS:
            self._jump_ns = None
            return False
        leap, leapable = stamp_ns - self._now_ns, int(self._config.jump_back_ms * MS)
        stale = leap > max(leapable, 2 * (before - stamp_ns)) and stamp_ns <= before + leapable
        self._drops[JUMPED] += stale
        return stale

    def _is_too_late(self, stamp_ns: int, place: int) -> bool:
        """Tell whether a later cloud was decided before this one came."""
        return (self._released_ns is not None and stamp_ns < self._released_ns
                or any(camera.decided > place for camera in self._sources.values()))

    def _is_late(self, cloud: WaitingCloud, target_ns: int, own: Source) -> bool:
        """Tell whether a stream is far beyond a cloud; clocks of other cameras may be wrong."""
        ways_ns = [(self._cloud_clock.latest_ns or cloud.stamp_ns) - cloud.stamp_ns]
        for name, camera in self._sources.items():
            if (latest_ns := camera.clock.latest_ns) is not None:
                since_ns = cloud.seen_ns.setdefault(name, latest_ns)
                ways_ns.append(latest_ns - (target_ns if camera is own else since_ns))
        return max(ways_ns) >= self._config.wait_ms * MS

    def _settle(self, force: bool = False) -> list[Match]:
        """Decide what can be decided and release the clouds that all cameras have decided."""
        for name, camera in self._sources.items():
            while camera.decided < len(self._clouds) and self._decide(name, camera, force):
                pass
        matches = []
        while self._clouds and all(c.decided > 0 for c in self._sources.values()):
            matches += self._release()
        return matches

    def _release(self) -> list[Match]:
        cloud = self._clouds.pop(0)
        self._released_ns = cloud.stamp_ns
        for name, camera in self._sources.items():
            camera.decided -= 1
            self.missing[name] += name not in cloud.images
        if len(cloud.images) < self._config.min_images:
            self._drops[NO_IMAGE] += 1
            return []
        return [Match(cloud.stamp_ns, cloud.item,
                      {name: image.item for name, image in cloud.images.items()},
                      {name: image.stamp_ns for name, image in cloud.images.items()})]

    def _decide(self, name: str, camera: Source, force: bool) -> bool:
        """Choose the image of the oldest undecided cloud if the choice is final."""
        undecided = self._clouds[camera.decided:]
        targets = [cloud.stamp_ns + camera.offset_ns for cloud in undecided]
        stamps = [image.stamp_ns for image in camera.images]
        # Without those to come, the last clouds would seem to need the images of earlier ones.
        to_come = [] if force else camera.clock.predicted_ns(len(targets))
        index = nearest(targets, stamps + to_come, camera.tolerance_ns)[0]
        late = self._is_late(undecided[0], targets[0], camera)
        if index is not None and index >= len(stamps):
            if not late:
                return False
            index = nearest(targets, stamps, camera.tolerance_ns)[0]
        chosen_ns = None if index is None else stamps[index]
        if not (force or late or self._is_final(camera, targets, chosen_ns)):
            return False
        if index is None:
            gone = bisect_left(stamps, targets[0] - camera.tolerance_ns)
            self._drop_images(camera, gone, None)
        else:
            self._drop_images(camera, index, targets[0])
            undecided[0].images[name] = camera.images.pop(0)
        camera.decided += 1
        return True

    def _is_final(self, camera: Source, targets: Sequence[int], chosen_ns: int | None) -> bool:
        target = targets[0]
        cost = camera.tolerance_ns if chosen_ns is None else abs(chosen_ns - target)
        image_ns = camera.clock.next_ns()
        if image_ns is None or image_ns - target < cost:
            return False  # an image still to come may be nearer
        if any(abs(image.stamp_ns - target) < cost for image in camera.images):
            return False  # a later cloud took the nearest: what comes may settle it otherwise
        if chosen_ns is None or chosen_ns <= target:
            return True
        if len(targets) > 1:
            return targets[1] - chosen_ns >= cost
        cloud_ns = self._cloud_clock.next_ns() if self._cloud_clock.gaps_ns else None
        return cloud_ns is not None and cloud_ns + camera.offset_ns - chosen_ns >= cost

    def _drop_images(self, camera: Source, count: int, target_ns: int | None) -> None:
        """Drop the oldest images of a camera; those near the target lost against another."""
        for image in camera.images[:count]:
            near = target_ns is not None and (
                abs(image.stamp_ns - target_ns) <= camera.tolerance_ns)
            self._drops[SUPERSEDED if near else NO_CLOUD] += 1
        del camera.images[:count]


def _per_source(name: str, values: Sequence[float], sources: Sequence[str]) -> Sequence[float]:
    if len(values) == 1:
        return list(values) * len(sources)
    if len(values) != len(sources):
        raise ConfigError(f'{name}: {len(values)} values for {len(sources)} cameras')
    return values
