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

"""The GPU: which one there is, memory, and one stream; CUDA's status codes as exceptions."""

from __future__ import annotations

from contextlib import ExitStack
import ctypes
from dataclasses import dataclass
from typing import Any

from dseg_ros.runtime.engine import EngineError
from dseg_ros.runtime.tensorrt.library import NotHere
import numpy as np
from numpy.typing import NDArray


class CudaError(EngineError):
    """A call into CUDA that failed; the message names it and says what CUDA says."""


@dataclass(frozen=True)
class Gpu:
    """
    A GPU.

    :param name: as its driver calls it.
    :param compute_capability: e.g. 89 for 8.9.
    """

    name: str
    compute_capability: int

    def __str__(self) -> str:
        """Say it in a few words."""
        return f'{self.name}, SM {self.compute_capability}'


class Cuda:
    """CUDA's runtime; every call checks the status that it returns."""

    def __init__(self, api: Any) -> None:
        """
        Stand before an interface.

        :param api: the module cuda.bindings.runtime, or what behaves like it.
        """
        self.api = api

    @classmethod
    def load(cls) -> Cuda:
        """
        Import the runtime.

        :raises NotHere: if it is not installed.
        """
        try:
            from cuda.bindings import runtime
        except ImportError as error:
            raise NotHere(f'CUDA for Python is not installed (package cuda-bindings): {error}'
                          ) from error
        return cls(runtime)

    def call(self, name: str, *arguments: Any) -> Any:
        """
        Call a function.

        :param name: e.g. 'cudaMalloc'.
        :returns: what it gives besides its status.
        :raises CudaError: if it fails.
        """
        status, *values = getattr(self.api, name)(*arguments)
        if int(status) != 0:
            _, text = self.api.cudaGetErrorString(status)
            raise CudaError(f'{name}: {text.decode()} (CUDA error {int(status)})')
        return values[0] if values else None

    def gpu(self) -> Gpu:
        """
        Name the GPU of this process; CUDA_VISIBLE_DEVICES chooses where there are several.

        :raises NotHere: if there is none, or no driver.
        """
        try:
            if self.call('cudaGetDeviceCount') < 1:
                raise NotHere('there is no GPU')
            about = self.call('cudaGetDeviceProperties', self.call('cudaGetDevice'))
        except CudaError as error:
            raise NotHere(f'there is no usable GPU: {error}') from error
        return Gpu(about.name.decode(), 10 * about.major + about.minor)


class Memory:
    """Memory of one owner on host and device; freed together, last first."""

    def __init__(self, cuda: Cuda) -> None:
        """Hold nothing yet."""
        self._cuda = cuda
        self._held = ExitStack()

    def device(self, size: int) -> int:
        """Take so many bytes on the device; return their address."""
        address = int(self._cuda.call('cudaMalloc', size))
        self.later('cudaFree', address)
        return address

    def pinned(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Take an array in memory that the device reads and writes without a detour."""
        size = int(np.prod(shape))
        address = int(self._cuda.call('cudaMallocHost', size))
        self.later('cudaFreeHost', address)
        return np.frombuffer((ctypes.c_uint8 * size).from_address(address),
                             np.uint8).reshape(shape)

    def later(self, name: str, handle: Any) -> None:
        """Call a function of CUDA with this at the end."""
        self._held.callback(self._cuda.call, name, handle)

    def free(self) -> None:
        """Give everything back."""
        self._held.close()
