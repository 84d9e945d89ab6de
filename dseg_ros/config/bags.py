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

"""Configuration of bags: which topics to take from one, and how to play one."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, ConfigError, option


@dataclass(frozen=True)
class TopicsConfig(Config):
    """Which topics of a recording are the drive's; what is not named is found by type."""

    points: str = option('', 'Topic of the point cloud; empty: the only PointCloud2 of the bag.')
    images: tuple[str, ...] = option(
        (), 'Image topics, one per camera; none: every camera of the bag.')
    camera_infos: tuple[str, ...] = option(
        (), 'CameraInfo topic of each of the images, in their order; none: by namespace or frame.')
    cameras: tuple[str, ...] = option(
        (), 'Names of the cameras, in the order of the images; none: from their topics.')

    def check(self) -> None:
        """Reject lists that do not match, or have nothing to match."""
        for name in ('camera_infos', 'cameras'):
            values = getattr(self, name)
            if values and len(values) != len(self.images):
                raise ConfigError(f'{name}: {len(values)} for {len(self.images)} images')
        if len(set(self.cameras)) != len(self.cameras):
            raise ConfigError(f'cameras: {list(self.cameras)} repeats a name')
