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

"""A TensorRT engine at work: uint8 in, uint8 out, one stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
import weakref

from dseg_ros.runtime.engine import (
    check_image, CONFIDENCE, EngineError, groups_of_a_size, IDS, INPUT, ModelInfo)
from dseg_ros.runtime.tensorrt.device import Cuda, Gpu, Memory
from dseg_ros.runtime.tensorrt.kernels import Kernels
from dseg_ros.runtime.tensorrt.lane import Lane, Slot
from dseg_ros.runtime.tensorrt.library import Library
from dseg_ros.runtime.tensorrt.shapes import Shapes
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray

LANES = 4
"""Shapes of images that are kept ready; the one not seen for longest goes first."""


class TensorRtEngine:
    """A model in TensorRT; see Engine. The first image of a shape takes long, the next do not."""

    def __init__(self, library: Library, cuda: Cuda, gpu: Gpu, engine: Any, info: ModelInfo,
                 shapes: Shapes, kernels: Kernels, graph: bool) -> None:
        """
        Make an engine ready to run.

        :param library: the TensorRT that it is of.
        :param cuda: the runtime.
        :param gpu: what it runs on.
        :param engine: the deserialised engine.
        :param info: the metadata of its ONNX file.
        :param shapes: what it takes.
        :param kernels: what TensorRT-RTX compiled when it ran before.
        :param graph: whether to use CUDA graphs.
        :raises EngineError: if it is no engine of a model of this package.
        """
        self._library, self._cuda, self._gpu, self._engine = library, cuda, gpu, engine
        self._info, self._shapes, self._kernels, self._graph = info, shapes, kernels, graph
        self._check_signature()
        memory = Memory(cuda)
        self._stream = cuda.call('cudaStreamCreateWithFlags', cuda.api.cudaStreamNonBlocking)
        memory.later('cudaStreamDestroy', self._stream)
        self._lanes: dict[tuple[int, ...], Lane] = {}
        self._end = weakref.finalize(self, _free, self._lanes, memory)

    @property
    def info(self) -> ModelInfo:
        """Tell what the model says about itself."""
        return self._info

    @property
    def runs_on(self) -> str:
        """Name library, version and device in a line."""
        reasons = dict.fromkeys(lane.no_graph for lane in self._lanes.values() if lane.no_graph)
        graph = f'no CUDA graph: {"; ".join(reasons)}' if reasons else 'CUDA graph'
        return f'{self._library.name} on {self._gpu}; {self._shapes}; {graph}'

    @property
    def typical_size(self) -> tuple[int, int]:
        """Return the height and width that the engine is tuned for [px]."""
        return self._shapes.likely

    @property
    def shapes(self) -> Shapes:
        """Tell what it takes."""
        return self._shapes

    def infer(self, rgb: NDArray[np.uint8]) -> LabelMap:
        """Segment an image; see Engine.infer."""
        return self.infer_many([rgb])[0]

    def infer_many(self, images: Sequence[NDArray[np.uint8]]) -> list[LabelMap]:
        """Segment images; the next is copied in while one is computed. See Engine.infer_many."""
        for rgb in images:
            check_image(rgb, self._info)
            self._shapes.check(*rgb.shape[:2])
        results: dict[int, LabelMap] = {}
        under_way: list[tuple[list[int], Lane, Slot]] = []

        def finish() -> None:
            numbers, lane, slot = under_way.pop(0)
            results.update(zip(numbers, lane.finish(slot)))

        for numbers in groups_of_a_size(images, self._shapes.batch or 1):
            lane = self._lane(len(numbers), images[numbers[0]].shape)
            while any(slot is lane.free_slot for _, _, slot in under_way):
                finish()
            under_way.append((numbers, lane, lane.start([images[i] for i in numbers])))
        while under_way:
            finish()
        self._forget()
        return [results[i] for i in range(len(images))]

    def device_ms(self, height: int, width: int, rounds: int) -> float:
        """
        Measure the engine alone: copies and network back to back, the host only enqueuing.

        :param height: of the image [px].
        :param width: of the image [px].
        :param rounds: how often it runs.
        :returns: time of the device per image [ms].
        """
        lane, call = self._lane(1, (height, width, 3)), self._cuda.call
        memory = Memory(self._cuda)
        first, last = (call('cudaEventCreate') for _ in range(2))
        for event in (first, last):
            memory.later('cudaEventDestroy', event)
        lane.run(lane.free_slot)
        call('cudaEventRecord', first, self._stream)
        for _ in range(rounds):
            lane.run(lane.free_slot)
        call('cudaEventRecord', last, self._stream)
        call('cudaEventSynchronize', last)
        elapsed_ms = float(call('cudaEventElapsedTime', first, last))
        memory.free()
        return elapsed_ms / rounds

    def save_kernels(self) -> None:
        """Keep what TensorRT-RTX compiled since it was started, for the next start."""
        self._kernels.save()

    def close(self) -> None:
        """Free the GPU; nothing can be run any more."""
        self._end()

    def _lane(self, count: int, image_shape: tuple[int, ...]) -> Lane:
        shape = ((count,) if self._shapes.batch else ()) + tuple(image_shape)
        lane = self._lanes.pop(shape, None)
        if lane is None:
            context = self._kernels.context_of(self._engine)
            if context is None:
                raise EngineError(f'{self._library.name} cannot run the engine: '
                                  f'{self._library.complaint()}')
            lane = Lane(self._library, self._cuda, self._stream, context, shape, self._graph)
        self._lanes[shape] = lane  # the last is the newest
        return lane

    def _forget(self) -> None:
        while len(self._lanes) > LANES:
            self._lanes.pop(next(iter(self._lanes))).free()

    def _check_signature(self) -> None:
        engine, trt = self._engine, self._library.module
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        found = {name: engine.get_tensor_dtype(name) for name in names}
        if found != dict.fromkeys((INPUT, IDS, CONFIDENCE), trt.DataType.UINT8):
            raise EngineError(f'the engine has {found}, expected uint8 {INPUT}, {IDS}, '
                              f'{CONFIDENCE}')


def _free(lanes: dict[tuple[int, ...], Lane], memory: Memory) -> None:
    while lanes:
        lanes.popitem()[1].free()
    memory.free()
