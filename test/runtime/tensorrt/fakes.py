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

"""A GPU that is none: memory, one stream that works late, graphs, and a TensorRT upon it."""

from __future__ import annotations

from collections.abc import Callable
import enum
from types import SimpleNamespace
from typing import Any

from dseg_ros.runtime.engine import CONFIDENCE, IDS, INPUT
import numpy as np

NAME, MAJOR, MINOR = 'Pretended 1', 8, 9
Work = Callable[[], None]


class FakeCuda:
    """
    Behaves like cuda.bindings.runtime as far as it is used here.

    What is put into the stream is done only when someone waits for it, so that whoever looks
    earlier sees old data; whoever copies from or to what is no memory of that side fails.
    """

    cudaEventBlockingSync, cudaEventDisableTiming, cudaStreamNonBlocking = 1, 2, 1

    class cudaMemcpyKind(enum.IntEnum):  # noqa: D106
        cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost = 1, 2

    class cudaStreamCaptureMode(enum.IntEnum):  # noqa: D106
        cudaStreamCaptureModeThreadLocal = 1

    def __init__(self, broken: set[str] | None = None) -> None:
        """Take what shall fail."""
        self.broken = broken or set()
        self.calls: list[str] = []
        self.host: dict[int, np.ndarray] = {}
        self.device: dict[int, np.ndarray] = {}
        self.queue: list[Work] = []
        self.captured: list[Work] | None = None
        self.alive: set[int] = set()
        self.passed: set[int] = set()
        self._handles = 1000

    def __getattr__(self, name: str) -> Any:
        """Look a function of CUDA up; it returns its status and what it gives."""
        if not name.startswith('cuda'):
            raise AttributeError(name)
        work = object.__getattribute__(self, f'do_{name}')

        def call(*arguments: Any) -> tuple[Any, ...]:
            self.calls.append(name)
            if name in self.broken:
                return (700, None)
            given = work(*arguments)
            return (0,) if given is None else (0, given)
        return call

    def put(self, work: Work) -> None:
        """Put work into the stream, or into the graph that is being captured."""
        (self.queue if self.captured is None else self.captured).append(work)

    def memory(self, address: int) -> np.ndarray:
        """Give what lies at an address of the device."""
        return self.device[address]

    def _new(self) -> int:
        self._handles += 1
        self.alive.add(self._handles)
        return self._handles

    def do_cudaGetErrorString(self, status: int) -> bytes:  # noqa: D102
        return f'pretended error {status}'.encode()

    def do_cudaGetDeviceCount(self) -> int:  # noqa: D102
        return 1

    def do_cudaGetDevice(self) -> int:  # noqa: D102
        return 0

    def do_cudaGetDeviceProperties(self, number: int) -> Any:  # noqa: D102
        return SimpleNamespace(name=NAME.encode(), major=MAJOR, minor=MINOR)

    def do_cudaMalloc(self, size: int) -> int:  # noqa: D102
        return self._allocate(self.device, size)

    def do_cudaMallocHost(self, size: int) -> int:  # noqa: D102
        return self._allocate(self.host, size)

    def do_cudaFree(self, address: int) -> None:  # noqa: D102
        del self.device[address]

    def do_cudaFreeHost(self, address: int) -> None:  # noqa: D102
        del self.host[address]

    def do_cudaStreamCreateWithFlags(self, flags: int) -> int:  # noqa: D102
        return self._new()

    def do_cudaEventCreateWithFlags(self, flags: int) -> int:  # noqa: D102
        return self._new()

    def do_cudaEventCreate(self) -> int:  # noqa: D102
        return self._new()

    def do_cudaStreamDestroy(self, handle: int) -> None:  # noqa: D102
        self.alive.remove(handle)

    do_cudaEventDestroy = do_cudaGraphDestroy = do_cudaGraphExecDestroy = do_cudaStreamDestroy

    def do_cudaStreamSynchronize(self, stream: int) -> None:  # noqa: D102
        while self.queue:
            self.queue.pop(0)()

    def do_cudaEventRecord(self, event: int, stream: int) -> None:  # noqa: D102
        self.passed.discard(event)
        self.put(lambda: self.passed.add(event))

    def do_cudaEventSynchronize(self, event: int) -> None:  # noqa: D102
        while event not in self.passed:
            self.queue.pop(0)()

    def do_cudaEventElapsedTime(self, first: int, last: int) -> float:  # noqa: D102
        return 8.0

    def do_cudaMemcpyAsync(self, target: int, source: int, size: int, kind: int,
                           stream: int) -> None:  # noqa: D102
        inward = kind == self.cudaMemcpyKind.cudaMemcpyHostToDevice
        to, of = (self.device, self.host) if inward else (self.host, self.device)
        assert to[target].size == of[source].size == size
        self.put(lambda: np.copyto(to[target], of[source]))

    def do_cudaStreamBeginCapture(self, stream: int, mode: int) -> None:  # noqa: D102
        assert self.captured is None
        self.captured = []

    def do_cudaStreamEndCapture(self, stream: int) -> int:  # noqa: D102
        assert self.captured is not None
        graph, self.captured = self._new(), None
        return graph

    def do_cudaGraphInstantiate(self, graph: int, flags: int) -> int:  # noqa: D102
        return self._new()

    def do_cudaGraphLaunch(self, graph: int, stream: int) -> None:  # noqa: D102
        raise NotImplementedError

    def _allocate(self, side: dict[int, np.ndarray], size: int) -> int:
        array = np.full(size, 77, np.uint8)
        side[array.ctypes.data] = array
        return int(array.ctypes.data)


class GraphCuda(FakeCuda):
    """The same, with graphs that remember what was captured."""

    def __init__(self, broken: set[str] | None = None) -> None:
        """Hold no graph yet."""
        super().__init__(broken)
        self.graphs: dict[int, list[Work]] = {}

    def do_cudaStreamEndCapture(self, stream: int) -> int:  # noqa: D102
        work = self.captured or []
        graph = super().do_cudaStreamEndCapture(stream)
        self.graphs[graph] = work
        return graph

    def do_cudaGraphInstantiate(self, graph: int, flags: int) -> int:  # noqa: D102
        runs = self._new()
        self.graphs[runs] = self.graphs[graph]
        return runs

    def do_cudaGraphLaunch(self, graph: int, stream: int) -> None:  # noqa: D102
        assert graph in self.alive
        self.queue.extend(self.graphs[graph])


class FakeContext:
    """Gives every pixel's red value as its label and its blue one as confidence."""

    def __init__(self, cuda: FakeCuda, engine: FakeEngine) -> None:
        """Belong to an engine."""
        self.cuda, self.engine = cuda, engine
        self.shape: tuple[int, ...] | None = None
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        """Take any shape for the image."""
        self.shape = shape
        return name == INPUT

    def set_tensor_address(self, name: str, address: int) -> bool:
        """Take an address of the device."""
        self.addresses[name] = address
        return address in self.cuda.device

    def execute_async_v3(self, stream_handle: int) -> bool:
        """Enqueue it."""
        assert self.shape is not None
        image, ids, confidence = (self.cuda.memory(self.addresses[name])
                                  for name in (INPUT, IDS, CONFIDENCE))
        shape, plus = self.shape, self.engine.plus

        def work() -> None:
            pixels = image.reshape(shape)
            ids[:] = (pixels[..., 0] + plus).ravel()
            confidence[:] = pixels[..., 2].ravel()
        self.engine.executed += 1
        self.cuda.put(work)
        return True


class FakeEngine:
    """Makes contexts; `plus` is added to every label."""

    def __init__(self, cuda: FakeCuda, plus: int = 0) -> None:
        """Run on a GPU."""
        self.cuda, self.plus, self.executed = cuda, plus, 0
        self.names = [INPUT, IDS, CONFIDENCE]
        self.num_io_tensors = len(self.names)

    def get_tensor_name(self, index: int) -> str:
        """Name a tensor."""
        return self.names[index]

    def get_tensor_dtype(self, name: str) -> str:
        """Tell its type."""
        return 'uint8'

    def create_execution_context(self) -> FakeContext:
        """Make a context."""
        return FakeContext(self.cuda, self)


def fake_module(cuda: FakeCuda, version: str = '10.3.0') -> Any:
    """Make a TensorRT that runs engines; those whose file begins with b'old' it cannot read."""
    class Runtime:

        def __init__(self, logger: Any) -> None:
            self.logger = logger

        def deserialize_cuda_engine(self, plan: bytes) -> FakeEngine | None:
            if plan.startswith(b'old'):
                self.logger.append('pretended: wrong version tag')
                return None
            return FakeEngine(cuda)
    return SimpleNamespace(__version__=version, DataType=SimpleNamespace(UINT8='uint8'),
                           Runtime=Runtime)
