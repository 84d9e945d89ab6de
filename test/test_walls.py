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

"""The walls of the house: who may import whom, and what a vehicle never needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
import subprocess
import sys

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'dseg_ros'

FLOORS: tuple[tuple[str, ...], ...] = (
    ('types', 'classes', 'config', 'version'),
    ('geometry', 'sync'),
    ('lidar', 'bags', 'sim', 'painting'),
    ('pseudo',),
    ('dataset', 'models'),
    ('distill', 'runtime'),
    ('nodes', 'evaluation'),
    ('demo',),
    ('bench',),
    ('cli',),
)
"""Left to right in the data flow: a room imports from floors before its own, and from itself."""

ONLY_IN: dict[str, tuple[str, ...]] = {
    'rosbags': ('bags', 'sim', 'bench.anchors'),
    'rclpy': ('nodes', 'bench.ros', 'bench.anchors.synchronisers'),
    'launch': ('nodes',),
    'launch_ros': ('nodes',),
    'tensorrt': ('runtime.tensorrt',),
    'tensorrt_rtx': ('runtime.tensorrt',),
    'cuda': ('runtime.tensorrt',),
    'onnxruntime': ('runtime', 'models.onnx_backbone', 'bench.anchors'),
    'pypatchworkpp': ('bench.anchors',),
    'lightning_fabric': ('distill',),
    'tensorboard': ('distill',),
    'open3d': ('lidar', 'sim', 'bench.anchors'),
    'torch': ('models', 'distill', 'runtime.export', 'evaluation'),
    'timm': ('models',),
    'sklearn': ('pseudo', 'evaluation', 'bench.anchors'),
    'ray': ('dataset.ray_workers',),
}
"""Libraries that belong to some rooms alone."""

MESSAGES = ('sensor_msgs', 'std_msgs', 'vision_msgs', 'visualization_msgs', 'geometry_msgs',
            'diagnostic_msgs', 'tf2_msgs', 'rosgraph_msgs', 'std_srvs', 'lifecycle_msgs',
            'tf2_ros')

BARE = {'types': ('numpy',), 'classes': ('numpy',), 'geometry': ('numpy', 'scipy', 'numba'),
        'sync': ()}
"""Rooms that need nothing but these outside the standard library."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield every module of the package under its dotted name below dseg_ros."""
    for path in sorted(PACKAGE.rglob('*.py')):
        name = '.'.join(path.relative_to(PACKAGE).with_suffix('').parts)
        yield name.removesuffix('.__init__'), ast.parse(path.read_text(), str(path))


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, 'imports are absolute here'
            yield node.module or ''
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def floor(room: str) -> int:
    """Return the floor that a room stands on."""
    found = [i for i, rooms in enumerate(FLOORS) if room in rooms]
    assert found, f'room {room!r} stands on no floor: add it to the plan, or move its code'
    return found[0]


MODULES = [pytest.param(name, tree, id=name) for name, tree in modules() if name != '__init__']


@pytest.mark.parametrize(('name', 'tree'), MODULES)
def test_imports_point_left(name: str, tree: ast.Module) -> None:
    """A stage imports what stands before it, never a sibling and never what comes after."""
    room = name.split('.')[0]
    for target in imported(tree):
        parts = target.split('.')
        if parts[0] == 'dseg_ros' and len(parts) > 1 and (PACKAGE / parts[1]).with_suffix(
                '.py').exists() | (PACKAGE / parts[1]).is_dir():
            other = parts[1]
            same_ground = floor(room) == floor(other) == 0
            assert other == room or same_ground or floor(other) < floor(room), (
                f'{name} imports {target}: {room} stands on floor {floor(room)}, '
                f'{other} on floor {floor(other)}')


@pytest.mark.parametrize(('name', 'tree'), MODULES)
def test_libraries_stay_in_their_rooms(name: str, tree: ast.Module) -> None:
    """A library that belongs to one room is imported in no other."""
    homes = {**ONLY_IN, **dict.fromkeys(MESSAGES, ('nodes', 'bench.ros'))}
    for target in imported(tree):
        for home in (homes.get(target.split('.')[0]),):
            assert home is None or any(name == h or name.startswith(h + '.') for h in home), (
                f'{name} imports {target}, which belongs to {home}')


@pytest.mark.parametrize(('name', 'tree'), [
    p for p in MODULES if str(p.values[0]).split('.')[0] in BARE])
def test_the_core_is_bare(name: str, tree: ast.Module) -> None:
    """The innermost rooms know arrays and nothing else."""
    allowed = {*sys.stdlib_module_names, 'dseg_ros', *BARE[name.split('.')[0]]}
    assert {t.split('.')[0] for t in imported(tree)} <= allowed


def test_a_vehicle_needs_no_torch() -> None:
    """Everything that runs on a car imports with the training libraries out of reach."""
    rooms = ('types', 'classes', 'config', 'geometry', 'sync', 'lidar', 'bags', 'sim', 'dataset',
             'runtime', 'nodes', 'cli')
    names = [f'dseg_ros.{name}' for name, _ in modules()
             if name.split('.')[0] in rooms and not name.startswith('runtime.export')
             and not name.endswith('__main__')]
    code = f"""
import importlib, sys
for blocked in ('torch', 'timm', 'sklearn', 'onnx', 'skimage', 'safetensors', 'lightning',
                'ray', 'tensorrt', 'tensorrt_rtx', 'cuda'):
    sys.modules[blocked] = None
for name in {names!r}:
    importlib.import_module(name)
"""
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
