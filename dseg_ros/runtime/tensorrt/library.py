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

"""Which TensorRT there is: `tensorrt` (10, 11) or `tensorrt_rtx`, both behind one face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dseg_ros.runtime.engine import EngineError

NAMES = {'tensorrt': 'TensorRT', 'tensorrt_rtx': 'TensorRT-RTX'}
"""By backend, in the order in which `auto` tries them."""

OLDEST = 10
"""Major version of `tensorrt` below which there are no strongly typed networks."""


class NotHere(EngineError):
    """This machine has no such library or no GPU for it: nothing failed, it cannot be."""


@dataclass(frozen=True, eq=False)
class Library:
    """
    A TensorRT.

    :param backend: 'tensorrt' or 'tensorrt_rtx'.
    :param module: the Python module; both have the same interface.
    :param errors: what it said was wrong, oldest first; `complaint` takes it away.
    :param logger: hands on to `errors`; TensorRT wants the same one for everything.
    """

    backend: str
    module: Any
    errors: list[str]
    logger: Any

    @property
    def name(self) -> str:
        """Name with version."""
        return f'{NAMES[self.backend]} {self.module.__version__}'

    @property
    def ahead_of_time(self) -> bool:
        """Whether it builds without a GPU, for any that it knows."""
        return self.backend == 'tensorrt_rtx'

    def knows(self, compute_capability: int) -> bool:
        """Tell whether it has kernels for such a GPU, as far as it lets itself be asked."""
        known = getattr(self.module, 'ComputeCapability', None) if self.ahead_of_time else None
        return known is None or hasattr(known, f'SM{compute_capability}')

    def known(self) -> list[str]:
        """Name the GPUs that it lets itself be asked for, e.g. 89."""
        names = dir(getattr(self.module, 'ComputeCapability', None))
        return sorted((n[2:] for n in names if n.startswith('SM')), key=int)

    def complaint(self) -> str:
        """Return what it said was wrong since it was last asked, and forget it."""
        said = '; '.join(dict.fromkeys(' '.join(text.split()) for text in self.errors))
        self.errors.clear()
        return said or 'it does not say why'


@lru_cache(maxsize=None)
def find(backend: str) -> Library:
    """
    Import a TensorRT.

    :param backend: 'tensorrt' or 'tensorrt_rtx'.
    :raises NotHere: if it is not installed, or too old.
    """
    try:
        module = _import(backend)
    except (ImportError, OSError) as error:  # OSError: a library of its own is missing
        raise NotHere(f'{NAMES[backend]} is not installed (package {backend}): {error}'
                      ) from error
    if not hasattr(module, 'Builder'):  # any folder of that name can be imported
        raise NotHere(f'{NAMES[backend]} is not installed: {module.__path__} is something else')
    if backend == 'tensorrt' and int(module.__version__.split('.')[0]) < OLDEST:
        raise NotHere(f'TensorRT {module.__version__} is older than {OLDEST}')
    errors: list[str] = []
    return Library(backend, module, errors, _listener(module, errors))


def _import(backend: str) -> Any:
    if backend == 'tensorrt':
        import tensorrt
        return tensorrt
    import tensorrt_rtx
    return tensorrt_rtx


def _listener(module: Any, errors: list[str]) -> Any:
    """Make a logger that keeps errors; all else that TensorRT says is noise."""
    class Listener(module.ILogger):
        """Keeps errors."""

        def __init__(self) -> None:
            module.ILogger.__init__(self)  # pybind11 needs it said like this

        def log(self, severity: Any, text: str) -> None:
            """Take a message."""
            if int(severity) <= int(module.ILogger.ERROR):
                errors.append(text)

    return Listener()
