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

"""How fast an engine is, and how much of that is the host's doing."""

from __future__ import annotations

from dataclasses import dataclass
import time

from dseg_ros.runtime.tensorrt.running import TensorRtEngine
import numpy as np

AT_ONCE = 8
"""Images handed over together when throughput is measured."""


@dataclass(frozen=True)
class Figures:
    """
    What was measured.

    :param size: height, width of the images [px].
    :param images: how many.
    :param device_ms: copies and network alone, back to back, median [ms].
    :param image_ms: image in to mask out, one at a time, median [ms].
    :param stream_ms: time per image when several are handed over together, median [ms].
    """

    size: tuple[int, int]
    images: int
    device_ms: float
    image_ms: float
    stream_ms: float

    @property
    def host_ms(self) -> float:
        """Return what the host adds to an image that comes alone [ms]."""
        return self.image_ms - self.device_ms

    @property
    def share(self) -> float:
        """Return throughput as a share of the engine's alone."""
        return self.device_ms / self.stream_ms

    def __str__(self) -> str:
        """Say it in two lines."""
        height, width = self.size
        return (f'{width}x{height} px, medians of {self.images} images: engine alone '
                f'{self.device_ms:.3f} ms, image in to mask out {self.image_ms:.3f} ms, of these '
                f'the host {self.host_ms:.3f} ms\nthroughput {1e3 / self.stream_ms:.0f} images/s, '
                f'{self.share:.3f} of the engine alone')


def measure(engine: TensorRtEngine, images: int) -> Figures:
    """
    Measure, the three ways interleaved.

    :param engine: ready to run; images are of the size that it is tuned for.
    :param images: how many to time for each of them.
    """
    size = engine.typical_size
    rgb = np.zeros((*size, 3), np.uint8)
    engine.infer(rgb)  # a lane is made
    device_ms, image_ms, stream_ms = [], [], []
    for _ in range(max(1, images // AT_ONCE)):
        device_ms.append(engine.device_ms(*size, AT_ONCE))
        for _ in range(AT_ONCE):
            begun_s = time.perf_counter()
            engine.infer(rgb)
            image_ms.append((time.perf_counter() - begun_s) * 1e3)
        begun_s = time.perf_counter()
        engine.infer_many([rgb] * AT_ONCE)
        stream_ms.append((time.perf_counter() - begun_s) * 1e3 / AT_ONCE)
    return Figures(size, len(image_ms), *(
        float(np.median(times)) for times in (device_ms, image_ms, stream_ms)))
