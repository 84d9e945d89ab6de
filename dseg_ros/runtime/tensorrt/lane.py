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

"""
The way of images of one shape through the GPU.

A lane has an execution context of its own, because a CUDA graph must not meet a context whose
shapes have changed since, and memory for two batches: while one is computed, the next is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dseg_ros.runtime.engine import CONFIDENCE, EngineError, IDS, INPUT
from dseg_ros.runtime.tensorrt.device import Cuda, Memory
from dseg_ros.runtime.tensorrt.library import Library
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray

SLOTS = 2


class Slot:
    """Memory of one batch: pinned on the host, and its counterpart on the device."""

    def __init__(self, cuda: Cuda, memory: Memory, shape: tuple[int, ...]) -> None:
        """
        Take the memory.

        :param cuda: the runtime.
        :param memory: gives it back some day.
        :param shape: of the image tensor.
        """
        self.image = memory.pinned(shape)
        self.image[...] = 0
        self.ids, self.confidence = (memory.pinned(shape[:-1]) for _ in range(2))
        self.device = {name: memory.device(array.nbytes) for name, array in self.arrays.items()}
        # waiting for such an event leaves the CPU to others
        self.done = cuda.call('cudaEventCreateWithFlags', cuda.api.cudaEventBlockingSync
                              | cuda.api.cudaEventDisableTiming)
        memory.later('cudaEventDestroy', self.done)
        self.graph: Any = None

    @property
    def arrays(self) -> dict[str, NDArray[np.uint8]]:
        """Return the host's side by the tensor's name."""
        return {INPUT: self.image, IDS: self.ids, CONFIDENCE: self.confidence}


class Lane:
    """One shape's context, memory and CUDA graphs; everything is enqueued into one stream."""

    def __init__(self, library: Library, cuda: Cuda, stream: Any, context: Any,
                 shape: tuple[int, ...], graph: bool) -> None:
        """
        Get everything ready, so that later batches only run.

        :param library: whose complaints are told.
        :param cuda: the runtime.
        :param stream: where all work goes.
        :param context: an execution context of the lane's own.
        :param shape: of the image tensor: (H, W, 3) or (N, H, W, 3).
        :param graph: whether to launch copies and network as one CUDA graph.
        :raises EngineError: if the shape is not taken or a run fails.
        """
        self._library, self._cuda, self._stream, self._context = library, cuda, stream, context
        self._batched = len(shape) == 4
        self._memory = Memory(cuda)
        self._turn = 0
        self.no_graph = '' if graph else 'not wanted'
        """Why there is no CUDA graph; '' where there is one."""
        try:
            if not context.set_input_shape(INPUT, shape):
                raise EngineError(f'{library.name} does not take an image of {shape}: '
                                  f'{library.complaint()}')
            self._slots = [Slot(cuda, self._memory, shape) for _ in range(SLOTS)]
            for slot in self._slots:  # a context is captured only after its first run
                self._enqueue(slot)
            cuda.call('cudaStreamSynchronize', stream)
            if graph:
                self._capture_all()
        except BaseException:
            self.free()
            raise

    @property
    def free_slot(self) -> Slot:
        """Return the slot that the next batch goes into."""
        return self._slots[self._turn]

    def start(self, images: Sequence[NDArray[np.uint8]]) -> Slot:
        """
        Copy a batch in and set it going.

        :param images: as many as the shape says, (H, W, 3) uint8.
        :returns: where it is; to be finished before its turn comes again.
        """
        slot = self.free_slot
        self._turn = (self._turn + 1) % SLOTS
        for target, rgb in zip(slot.image if self._batched else [slot.image], images):
            target[...] = rgb
        self.run(slot)
        self._cuda.call('cudaEventRecord', slot.done, self._stream)
        return slot

    def run(self, slot: Slot) -> None:
        """Enqueue what a slot holds, without waiting."""
        if slot.graph is not None:
            self._cuda.call('cudaGraphLaunch', slot.graph, self._stream)
        else:
            self._enqueue(slot)

    def finish(self, slot: Slot) -> list[LabelMap]:
        """Wait for a batch and copy its results out: they are the caller's."""
        self._cuda.call('cudaEventSynchronize', slot.done)
        if self._batched:
            return [LabelMap(ids.copy(), confidence.copy())
                    for ids, confidence in zip(slot.ids, slot.confidence)]
        return [LabelMap(slot.ids.copy(), slot.confidence.copy())]

    def free(self) -> None:
        """Give memory and graphs back; nothing may be under way."""
        self._slots = []
        self._memory.free()

    def _enqueue(self, slot: Slot) -> None:
        kinds = self._cuda.api.cudaMemcpyKind
        for name, address in slot.device.items():
            if not self._context.set_tensor_address(name, address):
                raise EngineError(f'{self._library.name} has no tensor {name}: '
                                  f'{self._library.complaint()}')
        self._copy(slot.device[INPUT], slot.image.ctypes.data, slot.image.nbytes,
                   kinds.cudaMemcpyHostToDevice)
        if not self._context.execute_async_v3(int(self._stream)):
            raise EngineError(f'{self._library.name} failed: {self._library.complaint()}')
        for name in (IDS, CONFIDENCE):
            array = slot.arrays[name]
            self._copy(array.ctypes.data, slot.device[name], array.nbytes,
                       kinds.cudaMemcpyDeviceToHost)

    def _copy(self, target: int, source: int, size: int, kind: Any) -> None:
        self._cuda.call('cudaMemcpyAsync', target, source, size, kind, self._stream)

    def _capture_all(self) -> None:
        """Capture each slot's work; where that cannot be, say why and go without."""
        asked = getattr(self._context, 'is_stream_capturable', None)
        if asked is not None and not asked(int(self._stream)):
            self.no_graph = f'{self._library.name} cannot be captured here'
            return
        try:
            for slot in self._slots:
                self._capture(slot)
        except EngineError as error:
            self.no_graph = str(error)
            for slot in self._slots:
                slot.graph = None

    def _capture(self, slot: Slot) -> None:
        mode = self._cuda.api.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._cuda.call('cudaStreamBeginCapture', self._stream, mode)
        try:
            self._enqueue(slot)
        finally:  # else the stream stays in this state
            graph = self._cuda.call('cudaStreamEndCapture', self._stream)
        try:
            slot.graph = self._cuda.call('cudaGraphInstantiate', graph, 0)
            self._memory.later('cudaGraphExecDestroy', slot.graph)
        finally:
            self._cuda.call('cudaGraphDestroy', graph)
