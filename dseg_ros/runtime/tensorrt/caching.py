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
Engines that were built are kept.

A file is one line of JSON that says what it is made of and what hash its content has, then the
content. Its name is a hash of all that an engine depends on, so another model, library, GPU,
precision or shape is another file, and nothing here is ever wrong, only unused.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from glob import escape
import hashlib
import json
import os
from pathlib import Path

from dseg_ros.runtime.tensorrt.preparing import VERSION
from dseg_ros.runtime.tensorrt.shapes import Shapes

FORMAT = 'dseg engine 1'


@dataclass(frozen=True)
class Recipe:
    """
    All that an engine depends on.

    :param model_sha256: hash of the ONNX file.
    :param library: name and version of the TensorRT.
    :param gpu: name of the GPU; '' = any that the library knows (built ahead of time).
    :param compute_capabilities: of that GPU, or those that were asked for.
    :param precision: what the network computes in.
    :param shapes: what the engine takes.
    :param workspace_mb: limit while building [MB]; 0 = none.
    :param preparation: version of how the model is rewritten for TensorRT.
    """

    model_sha256: str
    library: str
    gpu: str
    compute_capabilities: tuple[int, ...]
    precision: str
    shapes: Shapes
    workspace_mb: int = 0
    preparation: int = VERSION

    def key(self) -> str:
        """Return the hash of it all."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def folder(given: str) -> Path:
    """
    Find where engines are kept.

    :param given: the option `cache`.
    """
    if given:
        return Path(given).expanduser()
    base = os.environ.get('XDG_CACHE_HOME', '')
    return (Path(base) if base else Path.home() / '.cache') / 'dseg_ros'


def file_of(cache: Path, model: Path, recipe: Recipe, kind: str = 'engine') -> Path:
    """Name the file of an engine, or of something else that goes with it."""
    return cache / f'{model.stem}-{recipe.key()[:32]}.{kind}'


def keep(path: Path, content: bytes, recipe: Recipe) -> None:
    """
    Write a file, whole or not at all, also where the process is killed.

    :param path: from `file_of`, or anywhere.
    :param content: the engine.
    :param recipe: what it was made of; said in the file for people.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    head = {'format': FORMAT, 'sha256': hashlib.sha256(content).hexdigest(),
            'made_of': asdict(recipe)}
    part = path.with_name(f'{path.name}.{os.getpid()}.part')
    try:
        with part.open('wb') as file:
            file.write(json.dumps(head).encode() + b'\n')
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def kept(path: Path) -> bytes | None:
    """
    Read what `keep` wrote.

    :returns: the content; None where there is no such file, or a damaged one.
    """
    try:
        head, _, content = path.read_bytes().partition(b'\n')
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        said = json.loads(head)
    except ValueError:
        return None
    whole = isinstance(said, dict) and said.get('format') == FORMAT and said.get(
        'sha256') == hashlib.sha256(content).hexdigest()
    return content if whole else None


def _sweep(path: Path) -> None:
    """Remove what processes left behind that were killed while they wrote this file."""
    for part in path.parent.glob(f'{escape(path.name)}.*.part'):
        owner = part.name.removesuffix('.part').rpartition('.')[2]
        if owner.isdecimal() and not Path('/proc', owner).exists():
            part.unlink(missing_ok=True)
