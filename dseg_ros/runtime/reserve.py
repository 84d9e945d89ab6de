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

"""What takes over when the GPU fails while the vehicle drives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from dseg_ros.runtime.engine import Engine, EngineError, ImageRefused, ModelInfo
from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray

T = TypeVar('T')


class WithReserve:
    """
    An engine on a GPU, with one on the CPU standing by; see Engine.

    After a failure the images at hand are done once more, by the reserve, and so are all later
    ones: CUDA is seldom usable again in a process in which a call failed. An image that the
    engine does not take is no failure.
    """

    def __init__(self, first: Engine, reserve: Engine,
                 failed: Callable[[EngineError], None]) -> None:
        """
        Stand before both.

        :param first: runs as long as it can.
        :param reserve: the same model, on the CPU.
        :param failed: told once, of what made the reserve take over.
        """
        self._first: Engine | None = first
        self._reserve, self._failed = reserve, failed

    @property
    def info(self) -> ModelInfo:
        """Tell what the model says about itself."""
        return self._reserve.info

    @property
    def runs_on(self) -> str:
        """Name library, version and device of the one that runs."""
        return self._engine.runs_on

    @property
    def typical_size(self) -> tuple[int, int]:
        """Return height and width of an image that it takes [px]."""
        return self._engine.typical_size

    def infer(self, rgb: NDArray[np.uint8]) -> LabelMap:
        """Segment an image; see Engine.infer."""
        return self._run(lambda engine: engine.infer(rgb))

    def infer_many(self, images: Sequence[NDArray[np.uint8]]) -> list[LabelMap]:
        """Segment images; see Engine.infer_many."""
        return self._run(lambda engine: engine.infer_many(images))

    def close(self) -> None:
        """Free both; see Engine.close."""
        if self._first is not None:
            self._first.close()
        self._reserve.close()

    @property
    def _engine(self) -> Engine:
        return self._first or self._reserve

    def _run(self, work: Callable[[Engine], T]) -> T:
        if self._first is not None:
            try:
                return work(self._first)
            except ImageRefused:
                raise
            except Exception as error:  # whatever a driver or a binding raises
                self._switch(self._first, error)
        return work(self._reserve)

    def _switch(self, first: Engine, error: Exception) -> None:
        self._first = None
        why = error if isinstance(error, EngineError) else repr(error)
        trouble = EngineError(f'{first.runs_on}: failed while running: {why}')
        forget_frames(error)
        try:
            first.close()
        except Exception as after:  # most of CUDA fails after its first failure
            trouble.add_note(f'and when freed: {after}')
        self._failed(trouble)


def forget_frames(error: BaseException | None) -> None:
    """Let go of what the tracebacks of an error hold: an engine, and all its memory on a GPU."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
