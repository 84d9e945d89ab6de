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

"""One frame of a recording becomes a sample: what a worker does for a harvest."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from types import SimpleNamespace
from typing import Any

from dseg_ros.bags.shot import Shot
from dseg_ros.config.dataset import StoreConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.dataset.builder import SampleBuilder
from dseg_ros.dataset.codec import encode
from dseg_ros.dataset.shard import pack, Packed
from dseg_ros.lidar.sensor import Sensor
from dseg_ros.types import Cloud, Dropped


@dataclass(frozen=True, eq=False)
class Job:
    """
    A frame to make a sample of.

    :param key: the sample's name.
    :param source: the drive's.
    :param cloud: the sweep.
    :param shots: the images that belong to it.
    :param sensor: what the drive's first sweep was taken for; the same for all its sweeps, so
        that the result does not depend on who works on which.
    """

    key: str
    source: str
    cloud: Cloud
    shots: tuple[Shot, ...]
    sensor: Sensor | None


@dataclass(frozen=True, eq=False)
class Made:
    """
    A finished job: a sample, or else why there is none.

    :param packed: the sample, None if nothing of the frame can be used.
    :param dropped: if there is no sample, what was left out.
    :param problems: the same in words.
    """

    packed: Packed | None
    dropped: Dropped = field(default_factory=Dropped)
    problems: tuple[str, ...] = ()


class Maker:
    """What one worker does."""

    def __init__(self, proposals: ProposalsConfig, store: StoreConfig) -> None:
        """Prepare."""
        self._build = SampleBuilder(proposals, store)
        self._compress = store.compress
        self._sensors: dict[str, Sensor | None] = {}

    def __call__(self, job: Job) -> Made:
        """Make a sample and encode it."""
        sensor = self._sensors.setdefault(job.source, job.sensor)
        self._build.extractor.adopt(sensor, job.cloud)
        built = self._build(job.source, job.cloud, job.shots)
        if built.sample is None:
            return Made(None, built.dropped, built.problems)
        return Made(pack(job.key, encode(built.sample, self._compress), built.dropped))


def plain(message: Any) -> Any:
    """Copy a message of rosbags, whose classes cannot be pickled, into one that can."""
    if not is_dataclass(message):
        return message
    return SimpleNamespace(**{f.name: plain(getattr(message, f.name)) for f in fields(message)})
