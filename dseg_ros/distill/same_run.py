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

"""Whether what lies in a directory is the run that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.schema import as_mapping, dotted
from dseg_ros.models.checkpoint import CheckpointError, Provenance


def require_same_run(saved: Provenance, wanted: Provenance, path: Path) -> None:
    """
    Refuse to go on with another run.

    :param saved: what lies there.
    :param wanted: what is asked for.
    :param path: the checkpoint, for the error.
    :raises CheckpointError: naming the first value that differs. Where and how fast a run is
        computed may differ.
    """
    differs = ''
    if saved.class_names != wanted.class_names:
        differs = (f'its {len(saved.class_names)} classes are {_short(saved.class_names)}, wanted '
                   f'{len(wanted.class_names)}: {_short(wanted.class_names)}')
    elif found := differing(saved.recipe, wanted.recipe):
        name, there, here = found
        differs = f'its {name} is {there!r}, wanted {here!r}'
    elif saved.data_sha256 != wanted.data_sha256:
        differs = (f'its training data has the hash {saved.data_sha256[:12]}, wanted '
                   f'{wanted.data_sha256[:12]}')
    if differs:
        raise CheckpointError(f'{path}: belongs to another run: {differs}')


def differing(there: Mapping[str, Any],
              wanted: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """
    Find the first value in which two recipes differ.

    An option that a recipe of an earlier version does not name has its default.

    :returns: dotted name and both values; None if they are one.
    """
    defaults = dotted(as_mapping(TrainingConfig()))
    one, other = {**defaults, **dotted(there)}, {**defaults, **dotted(wanted)}
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name) and not is_execution(name):
            return name, one.get(name), other.get(name)
    return None


def is_execution(name: str) -> bool:
    """Tell whether an option says where a run is computed or when it warns, not what it learns."""
    return name == 'threads' or not {'execution', 'collapse'}.isdisjoint(name.split('.'))


def _short(names: tuple[str, ...]) -> str:
    return ', '.join(names[:3]) + (' ...' if len(names) > 3 else '')
