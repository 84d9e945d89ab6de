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

"""The segmentation node: images in, masks out; with a LiDAR, labelled clouds too."""

from __future__ import annotations

import time

from dseg_ros.config.nodes import SegmentationNodeConfig
from dseg_ros.geometry import label_points, see
from dseg_ros.nodes.camera_outputs import CameraOutputs
from dseg_ros.nodes.clouds import packed, semantic
from dseg_ros.nodes.demand import Demand
from dseg_ros.nodes.diagnostics import ERROR, Health
from dseg_ros.nodes.handover import Backlog, Latest
from dseg_ros.nodes.inputs import image_kind, POINTS, Shared
from dseg_ros.nodes.on_demand import Calibrations, OnDemand, Topic
from dseg_ros.nodes.pairing import Pair, warm_up_motion
from dseg_ros.nodes.publish import CloudPublisher, header, RESULT
from dseg_ros.nodes.resources import model_path
from dseg_ros.nodes.running import main_of
from dseg_ros.nodes.shell import Shell, Surroundings
from dseg_ros.nodes.timing import Timing
from dseg_ros.painting import full_palette, overlay
from dseg_ros.runtime.engine import Engine, EngineError
from dseg_ros.runtime.loading import load_or_fall_back
from dseg_ros.types import Camera, Cloud, Dropped, Image
import numpy as np
from sensor_msgs.msg import PointCloud2


class SegmentationNode(Shell[SegmentationNodeConfig]):
    """Publishes the mask of every camera's newest image, and of clouds what the masks show."""

    def __init__(self, shared: Surroundings | None = None) -> None:
        """Declare the parameters; see Shell."""
        super().__init__('segmentation', SegmentationNodeConfig, shared)
        self._engine: Engine | None = None
        self._fell_back: EngineError | None = None
        self._images: dict[str, Latest[Shared[Image]]] = {}
        self._clouds: Backlog[Shared[tuple[Cloud, Dropped]]] = Backlog(self.worker.wake)
        self.diagnostics.add('engine', self._engine_health)

    def build(self) -> None:
        """Load the engine and announce the outputs."""
        config, cameras = self.config, self.config.inputs.cameras
        path = model_path(config.engine.model)
        loaded = load_or_fall_back(path, config.engine, self.get_logger().info, self._fall_back)
        self._engine = loaded.engine
        info = self._engine.info
        self.get_logger().info(f'{path}: {len(info.class_names)} classes, made by {info.version}')
        self.get_logger().info('; '.join(filter(None, (self._engine.runs_on, loaded.why))))
        if loaded.trouble is not None:
            self._fall_back(loaded.trouble)
        palette = full_palette(info.palette)
        self._outputs_of = {
            name: CameraOutputs(self, config.inputs.outputs(name), palette, config.overlay)
            for name in cameras}
        self._points_semantic = CloudPublisher(
            self.output(PointCloud2, '~/points_semantic', RESULT))
        self._packed_palette = packed(palette)
        self._images = {name: Latest(self.worker.wake) for name in cameras}
        self._timing = Timing(self)
        self.diagnostics.add('processing', lambda: self._timing.health(
            sum(slot.replaced for slot in self._images.values())))

    def warm_up(self) -> None:
        """Run everything once that takes time the first time."""
        height, width = self._loaded().typical_size
        image = np.zeros((height, width, 3), np.uint8)
        labels = self._loaded().infer(image)
        overlay(image, labels.ids, full_palette(self._loaded().info.palette), 0.5)
        intrinsics = np.array([[width, 0.0, width / 2], [0.0, width, height / 2], [0.0, 0.0, 1.0]])
        point = Cloud(0, 'made_up', *np.ones((3, 1), np.float32))
        for lens in ('plumb_bob', 'equidistant'):
            camera = Camera('made_up', width, height, intrinsics, np.full(4, 1e-3), lens)
            label_points(1, [see(point, camera, np.eye(4), labels)])
        warm_up_motion(self.config.motion)

    def attend(self) -> None:
        """Subscribe to the cameras; to the rest when someone wants labelled clouds."""
        inputs = self.config.inputs
        self._pairing = self.pairing(self.config.sync, self.config.motion, inputs.cameras)
        self._calibrations = Calibrations(self, inputs.cameras)
        OnDemand(self, self._calibrations.topics()).follow(True)  # may come once, and early
        self._related = OnDemand(self, [Topic('points', inputs.points, POINTS, self._clouds.put)])
        self._demand = Demand(self._wanted)
        for name, slot in self._images.items():
            self._outputs_of[name].announce(self._loaded().info)
            topic = inputs.image_topic(name)
            OnDemand(self, [Topic(f'image {name}', topic, image_kind(topic), slot.put)]
                     ).follow(True)

    def step(self) -> float | None:
        """Work on the newest image of each camera, then on what has become a pair."""
        self._related.follow(self._points_semantic.wanted)
        fresh = {name: message for name, slot in self._images.items()
                 if (message := slot.take()) is not None}
        # one after the other, or the first would wait for the last; a batch costs as one image
        together = self._loaded().info.batched
        for group in [fresh] if together else [{name: fresh[name]} for name in fresh]:
            if group and self._demand:
                self._segment(group)
        self._calibrations.hand_to(self._pairing)
        self._take_clouds()
        for pair in self._pairing.ready():
            self._label(pair)
        return self._pairing.again_s

    def release(self) -> None:
        """Free the engine."""
        self._engine = self._fell_back = None

    def _loaded(self) -> Engine:
        assert self._engine is not None, 'only called while configured'
        return self._engine

    def _fall_back(self, trouble: EngineError) -> None:
        self._fell_back = trouble
        self.troubles.add('engine', trouble)

    def _wanted(self) -> bool:
        return self._points_semantic.wanted or any(
            outputs.wanted for outputs in self._outputs_of.values())

    def _segment(self, messages: dict[str, Shared[Image]]) -> None:
        begun_s = time.monotonic()
        images: dict[str, Image] = {}
        for name, message in messages.items():
            try:
                images[name] = message.value()
            except ValueError as error:
                self.troubles.add(f'image {name}', error)
        found = self._loaded().infer_many([image.rgb for image in images.values()])
        for (name, image), labels in zip(images.items(), found):
            self._outputs_of[name].publish(image, labels)
            self._timing.done(image.stamp_ns, messages[name].received_s, begun_s)
            if self._points_semantic.wanted:
                self._pairing.push_image(name, image.stamp_ns, image.frame, labels)

    def _take_clouds(self) -> None:
        for message in self._clouds.take():
            try:
                self._pairing.push_cloud(message.value()[0])
            except ValueError as error:
                self.troubles.add('points', error)

    def _label(self, pair: Pair) -> None:
        views = []
        for name, sighting in pair.sightings.items():
            try:
                views.append(see(pair.cloud, sighting.camera, sighting.camera_T_lidar,
                                 sighting.item))
            except ValueError as error:
                self.troubles.add(f'camera {name}', error)
        labels = label_points(len(pair.cloud), views)
        cloud = pair.original
        self._points_semantic.publish(semantic(cloud, *labels, self._packed_palette),
                                      header(cloud.stamp_ns, cloud.frame))

    def _engine_health(self) -> Health:
        if self._engine is None:
            return Health(ERROR if self.troubles.total else Health().level, 'no model is loaded')
        info = self._engine.info
        values = {'classes': len(info.class_names), 'version': info.version,
                  'network_pixels': info.network_pixels, 'runs_on': self._engine.runs_on}
        if self._fell_back is not None:
            return Health(ERROR, f'ONNX Runtime has to do it: {self._fell_back}', values)
        return Health(values=values)


def main() -> None:
    """Run the node as a program."""
    main_of(lambda: [SegmentationNode()])


if __name__ == '__main__':
    main()
