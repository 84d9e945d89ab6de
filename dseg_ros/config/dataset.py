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

from dseg_ros.config.bags import TopicsConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.config.schema import Config, option, section
from dseg_ros.config.sync import MotionConfig, SyncConfig
from dseg_ros.config.workers import WorkersConfig


@dataclass(frozen=True)
class SelectionConfig(Config):
    """Which of the matched frames become samples; all rules must agree."""

    every: int = option(1, 'Take every n-th matched frame.', low=1)
    min_interval_s: float = option(0.0, 'Shortest time between samples [s].', low=0.0)
    min_distance_m: float = option(
        0.0, 'Shortest way that the vehicle drives between samples [m]; needs odometry.',
        low=0.0)


@dataclass(frozen=True)
class StoreConfig(Config):
    """How samples lie on disk."""

    shard_mb: int = option(512, 'Size at which a shard is closed [MB].', low=1)
    compress: bool = option(
        False, 'Deflate the clouds: 45 to 75 % of the size, 20 to 35 ms more per sample.')
    raw_images: str = option(
        'png', 'How images are stored that were not recorded as JPEG or PNG; png loses nothing '
        'and takes some 40 ms per megapixel, jpeg 3 ms.',
        choices=('png', 'jpeg'))
    jpeg_quality: int = option(95, 'Quality of raw_images: jpeg.', low=1, high=100)
    sync_every: int = option(
        16, 'Samples after which the disk is told to keep them: what a power cut may cost. A '
        'killed process never loses one.', low=1)


@dataclass(frozen=True)
class HarvestConfig(WorkersConfig):
    """From bags to a data set."""

    bags: tuple[str, ...] = option((), 'The recordings: folders or files.')
    out: str = option('', 'Folder of the data set.')
    every_ring: int = option(1, 'Keep every n-th ring of the clouds, as a LiDAR with fewer beams '
                             'would: an ablation.', low=1, high=64)
    topics: TopicsConfig = section(TopicsConfig, 'What is read.')
    sync: SyncConfig = section(SyncConfig, 'How images are matched with clouds.')
    motion: MotionConfig = section(MotionConfig, 'How ego motion is taken into account.')
    selection: SelectionConfig = section(SelectionConfig, 'Which frames become samples.')
    proposals: ProposalsConfig = section(ProposalsConfig, 'How objects are found.')
    store: StoreConfig = section(StoreConfig, 'How samples are stored.')
