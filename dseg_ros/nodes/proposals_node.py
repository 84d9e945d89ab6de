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

"""The proposals node: clouds in, 3D object proposals out."""

from __future__ import annotations

from array import array
import time

from dseg_ros.classes import distinct_palette
from dseg_ros.config.nodes import ProposalsNodeConfig
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.nodes.clouds import clusters, ground, packed, XYZ
from dseg_ros.nodes.demand import Demand
from dseg_ros.nodes.handover import Latest
from dseg_ros.nodes.inputs import POINTS, Shared
from dseg_ros.nodes.on_demand import OnDemand, Topic
from dseg_ros.nodes.pairing import warm_up_motion
from dseg_ros.nodes.proposal_masks import ProposalMasks
from dseg_ros.nodes.publish import (cloud_message, CloudPublisher, header, MarkersPublisher,
                                    ObjectsPublisher, RESULT, wanted)
from dseg_ros.nodes.running import main_of
from dseg_ros.nodes.shell import Shell, Surroundings
from dseg_ros.nodes.timing import Timing
from dseg_ros.types import Cloud, Dropped, Proposals
import numpy as np
from sensor_msgs.msg import PointCloud2
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import MarkerArray

COLOURS = distinct_palette(64)


class ProposalsNode(Shell[ProposalsNodeConfig]):
    """Publishes the object proposals of every cloud."""

    def __init__(self, shared: Surroundings | None = None) -> None:
        """Declare the parameters; see Shell."""
        super().__init__('proposals', ProposalsNodeConfig, shared)
        self._points: Latest[Shared[tuple[Cloud, Dropped]]] = Latest(self.worker.wake)
        self._palette = packed(COLOURS)

    def build(self) -> None:
        """Make the extractor and announce the outputs."""
        self._extract = ProposalExtractor(self.config.proposals)
        self._objects_publisher = self.output(Detection3DArray, '~/objects', RESULT)
        self._objects = ObjectsPublisher(self._objects_publisher)
        self._clusters = CloudPublisher(self.output(PointCloud2, '~/points_clusters', RESULT))
        self._ground = CloudPublisher(self.output(PointCloud2, '~/points_ground', RESULT))
        self._markers = MarkersPublisher(self.output(MarkerArray, '~/markers', RESULT), COLOURS)
        self._in_image = ProposalMasks(self)
        self._timing = Timing(self)
        self.diagnostics.add('processing', lambda: self._timing.health(self._points.replaced))

    def warm_up(self) -> None:
        """Work on a made-up sweep, with an extractor that is then thrown away with its sensor."""
        sweep, _ = POINTS.decode(made_up_sweep())
        ProposalExtractor(self.config.proposals)(sweep)
        warm_up_motion(self.config.motion)

    def attend(self) -> None:
        """Subscribe to the clouds; to the cameras when someone wants masks."""
        inputs = self.config.inputs
        OnDemand(self, [Topic('points', inputs.points, POINTS, self._points.put)]).follow(True)
        self._demand = Demand(self._wanted)
        self._in_image.attend()

    def step(self) -> float | None:
        """Work on the newest cloud, then on the masks that have become possible."""
        message = self._points.take()
        if message is not None and self._demand:
            self._propose(message)
        return self._in_image.step()

    def _wanted(self) -> bool:
        return wanted(self._objects_publisher) or self._in_image.wanted or any(
            p.wanted for p in (self._clusters, self._ground, self._markers))

    def _propose(self, message: Shared[tuple[Cloud, Dropped]]) -> None:
        begun_s = time.monotonic()
        try:
            cloud, _ = message.value()
            proposals = self._extract(cloud)
        except ValueError as error:
            self.troubles.add('points', error)
            return
        self._publish(cloud, proposals)
        self._timing.done(cloud.stamp_ns, message.received_s, begun_s)
        self._in_image.push(cloud, proposals)

    def _publish(self, cloud: Cloud, proposals: Proposals) -> None:
        about = header(cloud.stamp_ns, cloud.frame)
        self._objects.publish(proposals, about)
        if self._clusters.wanted:
            self._clusters.publish(clusters(cloud, proposals, self._palette), about)
        if self._ground.wanted:
            self._ground.publish(ground(cloud, proposals), about)
        if self._markers.wanted:
            self._markers.publish(proposals, about)


def made_up_sweep() -> PointCloud2:
    """Make what 16 numbered beams see of a flat road with a wall on one side."""
    azimuth, elevation = (a.ravel() for a in np.meshgrid(
        np.linspace(-np.pi, np.pi, 900, endpoint=False), np.radians(np.linspace(-20.0, 2.0, 16)),
        indexing='ij'))
    road_m = np.where(elevation < -0.02, 1.8 / np.maximum(np.sin(-elevation), 1e-3), 60.0)
    wall_m = np.where(np.cos(azimuth) > 0.3, 12.0 / np.maximum(np.cos(azimuth), 0.3), 60.0)
    range_m = np.minimum(np.minimum(road_m, wall_m), 60.0)
    points = np.zeros(len(range_m), [*XYZ, ('ring', np.uint16)])
    points['ring'] = np.arange(len(range_m)) % 16
    points['x'] = range_m * np.cos(elevation) * np.cos(azimuth)
    points['y'] = range_m * np.cos(elevation) * np.sin(azimuth)
    points['z'] = range_m * np.sin(elevation)
    return cloud_message(points, header(0, 'made_up'), array('B', points.tobytes()))


def main() -> None:
    """Run the node as a program."""
    main_of(lambda: [ProposalsNode()])


if __name__ == '__main__':
    main()
