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

"""The recorder node: what the vehicle sees becomes a data set while it drives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from dseg_ros.bags.shot import Shot
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.nodes import RecorderNodeConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.dataset.selection import Selector
from dseg_ros.nodes.diagnostics import ERROR, Health, WARN
from dseg_ros.nodes.handover import Backlog
from dseg_ros.nodes.inputs import CAMERA, image_kind, Kind, POINTS, Shared
from dseg_ros.nodes.on_demand import OnDemand, Topic
from dseg_ros.nodes.pairing import Pair, warm_up_motion
from dseg_ros.nodes.recording import free_gb, QUEUE_FULL, Recording, Taken
from dseg_ros.nodes.running import main_of
from dseg_ros.nodes.shell import Shell, Surroundings
from std_srvs.srv import Trigger

INBOX = 64
"""Messages that wait to be paired, which takes no time."""


class RecorderNode(Shell[RecorderNodeConfig]):
    """Records matched frames, triggered by distance and time, or one on request."""

    def __init__(self, shared: Surroundings | None = None) -> None:
        """Declare parameters and services; see Shell."""
        super().__init__('recorder', RecorderNodeConfig, shared)
        self._recording: Recording | None = None
        self._on = False
        self._snapshots = 0
        for name, act in (('start', self._start), ('stop', self._stop),
                          ('snapshot', self._snapshot)):
            self.create_service(Trigger, f'~/{name}', partial(self._serve, act))
        self.diagnostics.add('recording', self._recording_health)
        self.diagnostics.add('disk', self._disk_health)

    def build(self) -> None:
        """Open the data set."""
        config = self.config
        if not config.dataset:
            raise ConfigError('dataset: is empty; name the folder to record to')
        recipe = HarvestConfig(out=config.dataset, sync=config.sync, motion=config.motion,
                               selection=config.selection, proposals=config.proposals,
                               store=config.store)
        drive = config.drive or datetime.now().strftime('drive_%Y%m%d_%H%M%S')
        self._recording = Recording(recipe, drive, config.queue, config.min_free_gb,
                                    lambda error: self.troubles.add('recording', error))

    def warm_up(self) -> None:
        """Run everything once that takes time the first time."""
        warm_up_motion(self.config.motion)

    def attend(self) -> None:
        """Subscribe to everything."""
        inputs = self.config.inputs
        self._select = Selector(self.config.selection)
        self._pairing = self.pairing(self.config.sync, self.config.motion, inputs.cameras)
        self._inbox: Backlog[Any] = Backlog(self.worker.wake, INBOX)
        topics = [self._topic('points', inputs.points, POINTS, self._take_cloud)]
        for name in inputs.cameras:
            image = inputs.image_topic(name)
            topics += [
                self._topic(f'camera_info {name}', inputs.camera_info_topic(name), CAMERA,
                            partial(self._take_calibration, name)),
                self._topic(f'image {name}', image, image_kind(image),
                            partial(self._take_image, name))]
        OnDemand(self, topics).follow(True)
        self._on = self.config.record_at_once

    def step(self) -> float | None:
        """Pair what came and record what is wanted."""
        for label, take, message in self._inbox.take():
            try:
                take(message)
            except ValueError as error:
                self.troubles.add(label, error)
        for pair in self._pairing.ready():
            self._judge(pair)
        return self._pairing.again_s

    def retire(self) -> None:
        """Record what can still be paired."""
        for pair in self._pairing.flush():
            self._judge(pair, patient=True)
        if self._recording is not None:
            self._finish(self._recording.settle)

    def release(self) -> None:
        """Close the data set."""
        if self._recording is not None:
            self._finish(self._recording.close)
            self._recording = None

    def _finish(self, act: Callable[[], None]) -> None:
        """End something; when the disk fails there, say so and go on ending."""
        try:
            act()
        except (DatasetError, OSError) as error:
            self.troubles.add('recording', error)

    # --- messages ---------------------------------------------------------------------------

    def _topic(self, label: str, name: str, kind: Kind[Any],
               take: Callable[[Shared[Any]], None]) -> Topic:
        return Topic(label, name, kind, lambda message: self._inbox.put((label, take, message)))

    def _take_cloud(self, message: Shared[Any]) -> None:
        self._pairing.push_cloud(message.value()[0])

    def _take_image(self, name: str, message: Shared[Any]) -> None:
        frame = str(message.message.header.frame_id)
        self._pairing.push_image(name, message.stamp_ns, frame, message.message)

    def _take_calibration(self, name: str, message: Shared[Any]) -> None:
        self._pairing.push_calibration(name, message.message)

    def _judge(self, pair: Pair, patient: bool = False) -> None:
        """Record a pair if it is wanted."""
        assert self._recording is not None
        if self._snapshots:
            self._snapshots -= 1
        elif not self._on:
            return
        else:
            reason = self._select(pair.cloud.stamp_ns, pair.position_m)
            if reason is not None:
                self._recording.dropped[reason] += 1
                return
        shots = [Shot(name, s.item, s.camera, s.camera_T_lidar, s.ego_motion_known)
                 for name, s in pair.sightings.items()]
        self._recording.offer(Taken(pair.cloud, shots), patient)

    # --- services ---------------------------------------------------------------------------

    def _serve(self, act: Callable[[Recording], str], request: Trigger.Request,
               response: Trigger.Response) -> Trigger.Response:
        if self._recording is None or self.state != 'active':
            response.message = f'the recorder is {self.state}, not active'
            return response
        try:
            response.message, response.success = act(self._recording), True
        except (DatasetError, OSError) as error:
            response.message = str(error)
        return response

    def _start(self, recording: Recording) -> str:
        recording.resume()
        self._on = True
        return f'recording to {recording.path}'

    def _stop(self, recording: Recording) -> str:
        self._on = False
        recording.settle()
        return f'{recording.samples} samples of this drive in {recording.path}'

    def _snapshot(self, recording: Recording) -> str:
        recording.resume()
        self._snapshots += 1
        return 'the next frame will be recorded'

    # --- diagnostics ------------------------------------------------------------------------

    def _recording_health(self) -> Health:
        recording = self._recording
        if recording is None:
            return Health(message=f'{self.state}: no data set is open')
        values = {'recording': self._on, 'samples': recording.samples,
                  'waiting': recording.waiting, 'data set': recording.path,
                  **recording.dropped}
        if recording.stopped_because:
            return Health(ERROR, recording.stopped_because, values)
        if recording.dropped[QUEUE_FULL]:
            return Health(WARN, QUEUE_FULL, values)
        return Health(message='recording' if self._on else 'waiting for ~/start', values=values)

    def _disk_health(self) -> Health:
        if self._recording is None:
            return Health(message='no data set is open')
        left_gb, least_gb = free_gb(self._recording.path), self.config.min_free_gb
        values = {'free_gb': f'{left_gb:.2f}', 'min_free_gb': least_gb}
        if left_gb < least_gb:
            return Health(ERROR, f'{left_gb:.2f} GB left, less than {least_gb:g}', values)
        low = left_gb < 2 * least_gb
        return Health(WARN if low else Health().level, f'{left_gb:.1f} GB left', values)


def main() -> None:
    """Run the node as a program."""
    main_of(lambda: [RecorderNode()])


if __name__ == '__main__':
    main()
