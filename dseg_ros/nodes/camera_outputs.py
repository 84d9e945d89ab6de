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

"""The outputs of one camera: its mask and everything made of it."""

from __future__ import annotations

from typing import Any

from dseg_ros.config.nodes import OverlayConfig
from dseg_ros.nodes.publish import header, ImagePublisher, label_info, LATCHED, RESULT
from dseg_ros.nodes.shell import Shell
from dseg_ros.painting import coloured, overlay
from dseg_ros.runtime.engine import ModelInfo
from dseg_ros.types import Image, LabelMap
import numpy as np
from numpy.typing import NDArray
import sensor_msgs.msg
from vision_msgs.msg import LabelInfo


class CameraOutputs:
    """Publishes what someone listens to."""

    def __init__(self, node: Shell[Any], prefix: str, palette: NDArray[np.uint8],
                 config: OverlayConfig) -> None:
        """
        Announce the topics.

        :param node: who publishes.
        :param prefix: '~/' or '~/<camera>/'.
        :param palette: (256, 3) uint8 RGB.
        :param config: of the overlay.
        """
        def images(name: str) -> ImagePublisher:
            return ImagePublisher(node.output(sensor_msgs.msg.Image, prefix + name, RESULT))

        self._mask, self._confidence = images('mask'), images('confidence')
        self._mask_color, self._overlay = images('mask_color'), images('overlay')
        self._label_info = node.output(LabelInfo, prefix + 'label_info', LATCHED)
        self._palette = palette
        self._opacity = config.opacity

    @property
    def wanted(self) -> bool:
        """Whether anyone listens to any of them."""
        return any(p.wanted for p in (self._mask, self._confidence, self._mask_color,
                                      self._overlay))

    def announce(self, info: ModelInfo) -> None:
        """Publish the legend of the mask, once for all who come later too."""
        self._label_info.publish(label_info(info.class_names))

    def publish(self, image: Image, labels: LabelMap) -> None:
        """Publish the mask of an image under the image's stamp and frame; the mask first."""
        about = header(image.stamp_ns, image.frame)
        if self._mask.wanted:
            self._mask.publish(labels.ids, 'mono8', about)
        if self._confidence.wanted:
            self._confidence.publish(labels.confidence, 'mono8', about)
        if self._mask_color.wanted:
            self._mask_color.publish(coloured(labels.ids, self._palette), 'rgb8', about)
        if self._overlay.wanted:
            painted = overlay(image.rgb, labels.ids, self._palette, self._opacity)
            self._overlay.publish(painted, 'rgb8', about)
