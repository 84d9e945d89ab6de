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

"""The proposals as masks of the cameras' images, for whoever asks."""

from __future__ import annotations

from functools import partial
from typing import Any

from dseg_ros.nodes.handover import Backlog
from dseg_ros.nodes.inputs import image_kind, Shared
from dseg_ros.nodes.on_demand import Calibrations, OnDemand, Topic
from dseg_ros.nodes.pairing import Pair
from dseg_ros.nodes.publish import header, ImagePublisher, RESULT
from dseg_ros.nodes.shell import Shell
from dseg_ros.pseudo.masks import proposal_mask
from dseg_ros.types import Cloud, Image, Proposals, View
import numpy as np
import sensor_msgs.msg

NONE = 65535
"""Pixels without a proposal, in masks of 16 bits."""

NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


class ProposalMasks:
    """Pairs proposals with images, of which only stamp and calibration matter."""

    def __init__(self, node: Shell[Any]) -> None:
        """
        Announce the topics.

        :param node: the proposals node, being configured.
        """
        inputs = node.config.inputs
        self._node = node
        self._outputs = {name: ImagePublisher(node.output(
            sensor_msgs.msg.Image, inputs.outputs(name) + 'mask', RESULT))
            for name in inputs.cameras}

    @property
    def wanted(self) -> bool:
        """Whether anyone listens."""
        return any(output.wanted for output in self._outputs.values())

    def attend(self) -> None:
        """Prepare to listen, on activation."""
        node, inputs = self._node, self._node.config.inputs
        self._pairing = node.pairing(node.config.sync, node.config.motion, inputs.cameras)
        self._calibrations = Calibrations(node, inputs.cameras)
        self._images: Backlog[tuple[str, Shared[Image]]] = Backlog(node.worker.wake)
        OnDemand(node, self._calibrations.topics()).follow(True)  # may come once, and early
        topics = []
        for name in inputs.cameras:
            topic = inputs.image_topic(name)
            topics.append(Topic(f'image {name}', topic, image_kind(topic),
                                partial(self._take, name)))
        self._related = OnDemand(node, topics)

    def push(self, cloud: Cloud, proposals: Proposals) -> None:
        """Take the proposals of a cloud."""
        if self.wanted:
            self._pairing.push_cloud(cloud, proposals)

    def step(self) -> float | None:
        """Publish what has become possible; return when to be called again."""
        self._related.follow(self.wanted)
        for name, image in self._images.take():
            frame = str(image.message.header.frame_id)
            self._pairing.push_image(name, image.stamp_ns, frame, frame)
        self._calibrations.hand_to(self._pairing)
        for pair in self._pairing.ready():
            self._publish(pair)
        return self._pairing.again_s

    def _take(self, name: str, image: Shared[Image]) -> None:
        self._images.put((name, image))

    def _publish(self, pair: Pair) -> None:
        for name, sighting in pair.sightings.items():
            if self._outputs[name].wanted:
                view = View(name, Image(NO_PIXELS, sighting.stamp_ns, sighting.item),
                            sighting.camera, sighting.camera_T_lidar)
                mask = proposal_mask(pair.item, pair.cloud, view, self._node.config.mask)
                ids = np.where(mask == Proposals.NOISE, NONE, mask).astype(np.uint16)
                self._outputs[name].publish(ids, '16UC1', header(sighting.stamp_ns,
                                                                 sighting.item))
