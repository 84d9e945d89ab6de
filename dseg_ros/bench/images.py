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

"""JPEG to pixels."""

from __future__ import annotations

from collections.abc import Iterator

from dseg_ros.bags.jpeg import decode_jpeg
from dseg_ros.bench.anchors.images import Decode, opencv, pillow
from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.rows import Row, Spec
from dseg_ros.bench.setting import Setting
from dseg_ros.bench.timer import Candidate, compare, interleaved, prepare
import numpy as np

OURS, OPENCV, PILLOW = 'JPEG to RGB, checked to be whole', 'cv2.imdecode and cvtColor', 'Pillow'
SPECS = (Spec('JPEG', OURS, OPENCV), Spec('JPEG / Pillow', OURS, PILLOW))


def run(setting: Setting) -> Iterator[Row]:
    """Decode the images of the recording in turns."""
    files = setting.jpegs

    def of_files(decode: Decode) -> Candidate:
        return lambda number: decode(files[number % len(files)])

    candidates, missing = prepare({
        OURS: lambda: of_files(lambda file: decode_jpeg(file, 'image')),
        OPENCV: lambda: of_files(opencv()), PILLOW: lambda: of_files(pillow())})
    timings = interleaved(candidates, setting.pick(60, 10), most_s=3.0)
    height, width = decode_jpeg(files[0], 'image').shape[:2]
    for spec in SPECS:
        yield compare(spec, timings, missing, height=height, width=width,
                      file_kb=float(np.mean([len(f) for f in files])) / 1e3)


BENCHMARK = Benchmark('a JPEG of the recording to pixels', SPECS, run, 8)
