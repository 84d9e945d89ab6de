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

"""Options of the nodes, which declare them as parameters."""

from __future__ import annotations

from dataclasses import dataclass
import re

from dseg_ros.config.dataset import SelectionConfig, StoreConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.config.masks import MaskConfig
from dseg_ros.config.runtime import EngineConfig
from dseg_ros.config.schema import Config, ConfigError, option, section
from dseg_ros.config.sync import MotionConfig, SyncConfig

CAMERA = '{camera}'
ROS_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_]*')
ROS_TOPIC = re.compile(r'(~?/)?[A-Za-z_]\w*(/[A-Za-z_]\w*)*', re.ASCII)


@dataclass(frozen=True)
class InputsConfig(Config):
    """The topics to read."""

    points: str = option('points', 'Topic of the LiDAR (sensor_msgs/PointCloud2).')
    image: str = option(
        'image', "Topic of the camera, {camera} standing for a camera's name; a name ending in "
        '/compressed is sensor_msgs/CompressedImage, any other sensor_msgs/Image.')
    camera_info: str = option('camera_info', 'Topic of its calibration, likewise.')
    cameras: tuple[str, ...] = option(
        ('front',), 'Names of the cameras; with several, outputs are called ~/<camera>/mask.')

    def check(self) -> None:
        """Reject names that cannot be used and cameras that would share a topic."""
        for camera in self.cameras:
            if not ROS_NAME.fullmatch(camera):
                raise ConfigError(f'cameras: {camera!r} cannot be part of a topic name')
        if not self.cameras:
            raise ConfigError('cameras: none is named')
        if len(set(self.cameras)) != len(self.cameras):
            raise ConfigError(f'cameras: {list(self.cameras)} names one twice')
        for name in ('points', 'image', 'camera_info'):
            topic = getattr(self, name)
            if not ROS_TOPIC.fullmatch(topic if name == 'points' else
                                       topic.replace(CAMERA, self.cameras[0])):
                raise ConfigError(f'{name}: {topic!r} is no name of a topic')
        for name in ('image', 'camera_info'):
            if len(self.cameras) > 1 and CAMERA not in getattr(self, name):
                raise ConfigError(f'{name}: {getattr(self, name)!r} has no {CAMERA}, but there '
                                  f'are {len(self.cameras)} cameras')

    def outputs(self, camera: str) -> str:
        """Name the prefix of what a node publishes about a camera."""
        return '~/' if len(self.cameras) == 1 else f'~/{camera}/'

    def image_topic(self, camera: str) -> str:
        """Name the image topic of a camera."""
        return self.image.replace(CAMERA, camera)

    def camera_info_topic(self, camera: str) -> str:
        """Name the camera_info topic of a camera."""
        return self.camera_info.replace(CAMERA, camera)


@dataclass(frozen=True)
class NodeConfig(Config):
    """What every node has."""

    autostart: bool = option(
        False, 'Configure and activate without being asked to by a lifecycle manager.')


@dataclass(frozen=True)
class ProposalsNodeConfig(NodeConfig):
    """Options of proposals_node."""

    inputs: InputsConfig = section(InputsConfig)
    motion: MotionConfig = section(MotionConfig)
    sync: SyncConfig = section(SyncConfig)
    proposals: ProposalsConfig = section(ProposalsConfig)
    mask: MaskConfig = section(MaskConfig)


@dataclass(frozen=True)
class OverlayConfig(Config):
    """How masks are shown to people."""

    opacity: float = option(0.5, 'Weight of the class colour in the overlay.', low=0.0, high=1.0)


@dataclass(frozen=True)
class SegmentationNodeConfig(NodeConfig):
    """Options of segmentation_node."""

    inputs: InputsConfig = section(InputsConfig)
    motion: MotionConfig = section(MotionConfig)
    sync: SyncConfig = section(SyncConfig)
    engine: EngineConfig = section(EngineConfig)
    overlay: OverlayConfig = section(OverlayConfig)


@dataclass(frozen=True)
class RecorderNodeConfig(NodeConfig):
    """Options of recorder_node."""

    inputs: InputsConfig = section(InputsConfig)
    motion: MotionConfig = section(MotionConfig)
    sync: SyncConfig = section(SyncConfig)
    proposals: ProposalsConfig = section(ProposalsConfig)
    selection: SelectionConfig = section(SelectionConfig)
    store: StoreConfig = section(StoreConfig)
    dataset: str = option('', 'Folder of the data set; made if it is not there, else continued.')
    drive: str = option('', 'Name of the drive in the data set; empty = date and time.')
    record_at_once: bool = option(True, 'Record from activation on, without a call of ~/start.')
    queue: int = option(8, 'Frames that may wait for the disk; more are dropped and counted.',
                        low=1, high=1000)
    min_free_gb: float = option(
        5.0, 'Recording stops, with an error, when the disk has less left [GB].', low=0.0)
