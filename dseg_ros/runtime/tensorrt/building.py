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

"""From a model to a serialised engine; TensorRT-RTX does it without a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
import time
from typing import Any

from dseg_ros.config.runtime import TensorRtConfig
from dseg_ros.runtime.engine import EngineError, INPUT
from dseg_ros.runtime.tensorrt.library import Library
from dseg_ros.runtime.tensorrt.preparing import prepared
from dseg_ros.runtime.tensorrt.shapes import Shapes

SAY_S = 5.0


def build(library: Library, model: bytes, shapes: Shapes, config: TensorRtConfig, where: str,
          told: Callable[[str], None]) -> bytes:
    """
    Build an engine.

    :param library: the TensorRT that is to run it, too.
    :param model: an exported model; its precision is the engine's.
    :param shapes: what it is to take.
    :param config: targets and work space.
    :param where: the model's file, for errors and progress.
    :param told: gets a line every five seconds.
    :returns: the serialised engine.
    :raises EngineError: if the model cannot be parsed, with all that the parser says, or no
        engine comes of it.
    """
    library.errors.clear()
    trt = library.module
    builder = trt.Builder(library.logger)
    network = builder.create_network(_flags(trt))
    _parse(library, network, prepared(model, where), where)
    options = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape(INPUT, *shapes.profile())
    if options.add_optimization_profile(profile) < 0:
        raise EngineError(f'{where}: {library.name} cannot take {shapes}: {library.complaint()}')
    _set_targets(library, options, config)
    if config.workspace_mb:
        options.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, config.workspace_mb << 20)
    with saying(f'{where}: building an engine with {library.name}', told):
        plan = builder.build_serialized_network(network, options)
    if plan is None:
        raise EngineError(f'{where}: {library.name} cannot build it: {library.complaint()}')
    return bytes(plan)


@contextmanager
def saying(what: str, told: Callable[[str], None], every_s: float = SAY_S) -> Iterator[None]:
    """
    Say again and again that something is under way, and for how long.

    :param what: what is.
    :param told: gets 'what ... N s', from another thread.
    :param every_s: time between two lines [s].
    """
    over, begun_s = Event(), time.monotonic()

    def say() -> None:
        while not over.wait(every_s):
            told(f'{what} ... {time.monotonic() - begun_s:.0f} s')

    thread = Thread(target=say, name='building', daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _flags(trt: Any) -> int:
    """Ask for strong types: an option in 10, deprecated and always so in 11."""
    major = int(trt.__version__.split('.')[0])
    strong = getattr(trt.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED', None)
    return 1 << int(strong) if major == 10 and strong is not None else 0


def _parse(library: Library, network: Any, model: bytes, where: str) -> None:
    parser = library.module.OnnxParser(network, library.logger)
    if parser.parse(model):
        return
    errors = [parser.get_error(i) for i in range(parser.num_errors)]
    said = '; '.join(f'{e.node_operator() or "model"} {e.node_name()!r}: '
                     f'{" ".join(e.desc().split())}' for e in errors)
    library.errors.clear()  # the same once more
    raise EngineError(f'{where}: {library.name} cannot parse it: {said or "it does not say why"}')


def _set_targets(library: Library, options: Any, config: TensorRtConfig) -> None:
    wanted = config.compute_capabilities
    if not wanted:
        return
    if not library.ahead_of_time:
        raise EngineError(f'compute_capabilities: {list(wanted)}, but {library.name} builds for '
                          'the GPU of this machine only')
    options.num_compute_capabilities = len(wanted)
    for index, number in enumerate(wanted):
        if not library.knows(number) or not options.set_compute_capability(
                getattr(library.module.ComputeCapability, f'SM{number}'), index):
            raise EngineError(f'compute_capabilities: {library.name} does not know {number}, but '
                              f'{", ".join(library.known())}')
