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

"""Engines that are kept: found again only for the very same thing, whole or not at all."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
import signal
import subprocess
import sys

from dseg_ros.runtime.tensorrt.caching import file_of, folder, keep, kept, Recipe
from dseg_ros.runtime.tensorrt.shapes import Shapes
import pytest

SHAPES = Shapes((1, 2), (3, 4), (5, 6))
RECIPE = Recipe('ab12', 'TensorRT 10.3.0', 'Pretended 1', (89,), 'fp32', SHAPES, 0)
OTHER = {
    'model_sha256': 'ab13', 'library': 'TensorRT 10.4.0', 'gpu': 'Pretended 2',
    'compute_capabilities': (90,), 'precision': 'fp16', 'workspace_mb': 64, 'preparation': 99,
    'shapes': replace(SHAPES, most=(5, 7))}


@pytest.mark.parametrize('name', [f.name for f in fields(Recipe)])
def test_whatever_changes_the_engine_changes_its_file(tmp_path: Path, name: str) -> None:
    """Every ingredient is in the key; the same ones give the same."""
    assert RECIPE.key() == replace(RECIPE).key()
    other = replace(RECIPE, **{name: OTHER[name]})
    assert other.key() != RECIPE.key()
    files = {file_of(tmp_path, Path('m.onnx'), recipe) for recipe in (RECIPE, other)}
    assert len(files) == 2 and all(f.name.startswith('m-') for f in files)


@pytest.mark.parametrize('field', ['least', 'likely', 'most', 'batch'])
def test_each_limit_counts(field: str) -> None:
    """Shapes are part of the key as a whole."""
    value = 4 if field == 'batch' else (3, 3)
    assert replace(RECIPE, shapes=replace(SHAPES, **{field: value})).key() != RECIPE.key()


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    """Any bytes, with newlines; nothing else is left in the folder."""
    path = tmp_path / 'deep' / 'm.engine'
    keep(path, b'one\n\ntwo\0', RECIPE)
    assert kept(path) == b'one\n\ntwo\0' and list(path.parent.iterdir()) == [path]
    assert b'Pretended 1' in path.read_bytes().partition(b'\n')[0]
    keep(path, b'', RECIPE)
    assert kept(path) == b'' and kept(tmp_path / 'none') is None


@pytest.mark.parametrize('damage', [
    lambda b: b[:-1], lambda b: b[:20], lambda b: b'', lambda b: b'null\n' + b,
    lambda b: b[:-2] + b'x' + b[-1:], lambda b: b'\xff\xfe' + b])
def test_a_damaged_file_is_none(tmp_path: Path, damage: object) -> None:
    """Cut short, changed, of another format: TensorRT never sees it."""
    path = tmp_path / 'm.engine'
    keep(path, b'content of an engine', RECIPE)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert kept(path) is None


def test_a_process_that_is_killed_leaves_no_half_file(tmp_path: Path) -> None:
    """Killed while it writes: the engine of before stays; the next writer cleans up."""
    path = tmp_path / 'm.engine'
    keep(path, b'before', RECIPE)
    code = f"""
import os, signal
from pathlib import Path
from dseg_ros.runtime.tensorrt import caching
from dseg_ros.runtime.tensorrt.shapes import Shapes
caching.os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)
recipe = caching.Recipe('', '', '', (), '', Shapes((1, 1), (1, 1), (1, 1)))
caching.keep(Path({str(path)!r}), b'after' * 1000, recipe)
"""
    killed = subprocess.run([sys.executable, '-c', code])
    assert killed.returncode == -signal.SIGKILL
    assert kept(path) == b'before' and len(list(tmp_path.iterdir())) == 2
    keep(path, b'after', RECIPE)
    assert kept(path) == b'after' and list(tmp_path.iterdir()) == [path]


def test_where_engines_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As given, else where the desktop standard says."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert folder('') == tmp_path / 'dseg_ros' and folder('/x') == Path('/x')
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    assert folder('') == tmp_path / 'home' / '.cache' / 'dseg_ros'
    assert folder('~/x') == tmp_path / 'home' / 'x'
