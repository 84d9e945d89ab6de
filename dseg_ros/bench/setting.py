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

"""What the benchmarks of a run share: how much is asked for, and what is measured on."""

from __future__ import annotations

from functools import cached_property
import os
from pathlib import Path
import shutil
from typing import Any, TypeVar

from dseg_ros.bags.discovery import find_topics
from dseg_ros.bags.messages import cloud_from_message
from dseg_ros.bags.reader import Bag, open_bag
from dseg_ros.bench.rows import BenchError
from dseg_ros.config.bags import TopicsConfig
from dseg_ros.config.bench import BenchConfig
from dseg_ros.config.sim import SimConfig
from dseg_ros.sim.bag import simulate
from dseg_ros.types import Cloud
import numpy as np
from numpy.typing import NDArray

T = TypeVar('T')
POINTS = 125_000
"""Of a sweep of 64 beams, as performance is told for."""
SEED = 11


class Setting:
    """
    A run of benchmarks.

    :param config: what is asked for.
    :param scratch: a folder for what is made on the way.
    """

    def __init__(self, config: BenchConfig, scratch: Path) -> None:
        """Make nothing yet: what no benchmark asks for costs nothing."""
        self.config = config
        self.scratch = scratch

    def pick(self, full: T, short: T) -> T:
        """Choose by how much is asked for."""
        return short if self.config.short else full

    @property
    def cores(self) -> int:
        """How many processes may work at once."""
        return self.config.cores or len(os.sched_getaffinity(0))

    @property
    def size(self) -> tuple[int, int]:
        """Give height and width of the images [px]."""
        return self.pick((1080, 1920), (270, 480))

    @cached_property
    def drive(self) -> Path:
        """Simulate a drive: full HD as JPEG, 64 beams."""
        height, width = self.size
        return simulate(SimConfig(
            seconds=self.pick(4.0, 1.0), seed=SEED, width=width, height=height,
            lidar_columns=self.pick(2160, 1000)), self.scratch / 'drive')

    @cached_property
    def model(self) -> Path:
        """
        Find the model that the package ships, beside its source or installed by ROS.

        :raises BenchError: if there is none.
        """
        beside = sorted((Path(__file__).parents[2] / 'resource' / 'models').glob('*.onnx'))
        if beside:
            return beside[0]
        from dseg_ros.nodes.resources import model_path
        try:
            return model_path('')
        except FileNotFoundError as error:
            raise BenchError(str(error)) from None

    @cached_property
    def recording(self) -> Path:
        """Give what is harvested: the recording that was named, or the simulated drive."""
        return Path(self.config.bag).expanduser() if self.config.bag else self.drive

    def copies(self, count: int) -> list[Path]:
        """
        Give the simulated drive as several recordings.

        A harvest tells recordings apart by their content, so each gets a file that the others
        lack; the rest is linked.
        """
        paths = [self.scratch / f'drive_{i}' for i in range(count)]
        for path in paths:
            if not path.exists():
                shutil.copytree(self.drive, path, copy_function=os.link)
                (path / 'copy.txt').write_text(f'{path.name}\n')
        return paths

    @cached_property
    def sweeps(self) -> list[Cloud]:
        """Give five sweeps, spread over the recording."""
        with open_bag(self.recording) as bag:
            messages = _five(bag, find_topics(bag, TopicsConfig()).points)
        return [cloud_from_message(message)[0] for message in messages]

    @cached_property
    def jpegs(self) -> list[NDArray[np.uint8]]:
        """
        Give five images of the recording as JPEG files.

        :raises BenchError: if it has none.
        """
        with open_bag(self.recording) as bag:
            cameras = find_topics(bag, TopicsConfig()).cameras
            image_topic = next(iter(cameras.values()))[0]
            messages = _five(bag, image_topic)
        if not hasattr(messages[0], 'format') or 'jp' not in messages[0].format:
            raise BenchError(f'{self.recording}: {image_topic} is not recorded as JPEG')
        return [np.asarray(m.data, np.uint8) for m in messages]


def _five(bag: Bag, topic: str) -> list[Any]:
    """Read messages of a topic, spread over the recording."""
    messages = [record.message for record in bag.messages([topic])]
    return messages[::max(len(messages) // 5, 1)][:5]
