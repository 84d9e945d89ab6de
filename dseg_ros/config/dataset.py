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

"""Options of the data set: what is taken, how it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, option


@dataclass(frozen=True)
class SelectionConfig(Config):
    """Which of the matched frames become samples; all rules must agree."""

    every: int = option(1, 'take every n-th matched frame', low=1)
    min_interval_s: float = option(0.0, 'shortest time between samples [s]', low=0.0)
    min_distance_m: float = option(
        0.0, 'shortest way that the vehicle drives between samples [m]; needs odometry',
        low=0.0)


@dataclass(frozen=True)
class StoreConfig(Config):
    """How samples lie on disk."""

    shard_mb: int = option(512, 'size at which a shard is closed [MB]', low=1)
    compress: bool = option(
        False, 'deflate the clouds: 45 to 75 % of the size, 20 to 35 ms more per sample')
    raw_images: str = option(
        'png', 'how images are stored that were not recorded as JPEG or PNG',
        choices=('png', 'jpeg'))
    jpeg_quality: int = option(95, 'quality of raw_images: jpeg', low=1, high=100)
    check_images: bool = option(
        True, 'decode every JPEG and PNG once, so that no broken image is recorded')
    sync_every: int = option(
        16, 'samples after which the disk is told to keep them; a killed process loses none in '
        'any case, a power cut at most these', low=1)
