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

"""Options of the simulated drive."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, option

MASK_TOPIC = '/sim/mask'
"""Ground truth of the camera: mono8 trainIds at the stamps of the images."""

WEATHERS = ('day', 'night', 'fog', 'rain')


@dataclass(frozen=True)
class SimConfig(Config):
    """What the simulated drive shows and how its sensors see it."""

    seconds: float = option(10.0, 'Length of the drive [s]; a minute of street takes about half '
                            'a gigabyte of memory in every worker.', low=0.1, high=600.0)
    seed: int = option(1, 'Street, traffic and noise; equal seeds give equal drives.', low=0)
    weather: str = option('day', 'Light and weather.', choices=WEATHERS)
    speed_mps: float = option(8.0, 'Mean speed of the ego vehicle [m/s].', low=0.0, high=30.0)
    rate_hz: float = option(10.0, 'Images and sweeps per second [Hz].', low=1.0, high=30.0)
    every: int = option(1, 'Record every n-th image and sweep only: far apart, each shows '
                        'something new.', low=1)
    start_s: int = option(1_700_000_000, 'Stamp of the first sweep [s since 1970].', low=1)
    width: int = option(960, 'Image width [px].', low=16, high=4096)
    height: int = option(540, 'Image height [px].', low=16, high=4096)
    fov_deg: float = option(80.0, 'Horizontal field of view before distortion [deg].',
                            low=20.0, high=110.0)
    image_format: str = option('jpeg', 'How images are recorded.', choices=('jpeg', 'raw'))
    jpeg_quality: int = option(92, 'JPEG quality.', low=10, high=100)
    lidar_columns: int = option(2000, 'LiDAR firings per turn.', low=36, high=8192)
    lidar_range_m: float = option(120.0, 'Longest LiDAR range [m].', low=5.0, high=300.0)
    range_noise_m: float = option(0.02, 'Standard deviation of a LiDAR range [m].', low=0.0,
                                  high=1.0)
    tf_rate_hz: float = option(50.0, 'Rate of odom -> base_link [Hz].', low=10.0, high=1000.0)
    workers: int = option(0, 'Processes that render; 0 takes one per core, four at most.',
                          low=0, high=64)

    @property
    def frames(self) -> int:
        """Count the frames, at least one."""
        return max(1, round(self.seconds * self.rate_hz / self.every))
