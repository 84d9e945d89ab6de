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

"""Recipe files: options of a chain in YAML; one may extend another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dseg_ros.config.schema import ConfigError, dotted
import yaml

EXTENDS = 'extends'
"""Key of a recipe that names the one whose options hold where it says nothing else."""


def read_recipe(name: str, folder: Path) -> dict[str, Any]:
    """
    Read a recipe with what it extends.

    :param name: of a recipe in the folder, or the path of a file (with a / or .yaml).
    :param folder: where recipes lie that are named; a file may extend its neighbours, too.
    :returns: options by dotted name.
    :raises ConfigError: for a recipe that is not there, cannot be read, or extends itself.
    """
    options: dict[str, Any] = {}
    seen: list[Path] = []
    path: Path | None = _find(name, folder, folder)
    while path is not None:
        if path in seen:
            raise ConfigError(f'{seen[0]}: extends itself by way of {seen[-1].name}')
        seen.append(path)
        values = _read(path)
        base = values.pop(EXTENDS, None)
        options = {**dotted(values), **options}
        path = None if base is None else _find(str(base), path.parent, folder)
    return options


def _find(name: str, *folders: Path) -> Path:
    if '/' in name or name.endswith('.yaml'):
        path = Path(name).expanduser()
        if path.is_file():
            return path.resolve()
        raise ConfigError(f'{path}: no such recipe file')
    for folder in folders:
        if (folder / f'{name}.yaml').is_file():
            return (folder / f'{name}.yaml').resolve()
    known = sorted({p.stem for folder in folders for p in folder.glob('*.yaml')})
    raise ConfigError(f'recipe {name!r}: there is none of this name in {folders[-1]}; there are '
                      f'{", ".join(known) or "none"}; another file is named by its path')


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f'{path}: {error}') from error
    if not isinstance(values, Mapping):
        raise ConfigError(f'{path}: holds a {type(values).__name__}, not options')
    return dict(values)
