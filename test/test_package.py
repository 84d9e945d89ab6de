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

"""What package.xml, setup.py and the requirements say, held against the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
MANIFEST = ElementTree.parse(REPOSITORY / 'package.xml').getroot()
ROSDEP_KEYS = {'cv2': 'python3-opencv', 'numba': 'python3-numba', 'numpy': 'python3-numpy',
               'onnxruntime': 'python3-onnxruntime-pip', 'open3d': 'python3-open3d-pip',
               'rich': 'python3-rich', 'scipy': 'python3-scipy', 'yaml': 'python3-yaml'}
WITHOUT_KEY = {'backports', 'lz4', 'rosbags', 'simplejpeg'}
"""Of requirements/vehicle.txt (or what that brings along), but unknown to rosdep."""

TENSORRT = {'cuda', 'tensorrt', 'tensorrt_rtx'}
"""Of requirements/tensorrt.txt, or of NVIDIA's own packages: only where there is its GPU."""

TRAINING = {'lightning_fabric', 'onnx', 'ray', 'safetensors', 'skimage', 'sklearn', 'timm',
            'torch'}

ANCHORS = {'PIL', 'faiss', 'message_filters', 'pypatchworkpp', 'sensor_msgs_py', 'threadpoolctl'}
"""What `dseg bench` compares with where it is there."""


def imported() -> Iterator[str]:
    """Yield the top-level name of every import of the package and its launch files."""
    for folder in ('dseg_ros', 'launch'):
        for path in (REPOSITORY / folder).rglob('*.py'):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from (alias.name.split('.')[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    yield (node.module or '').split('.')[0]


def requirement(path: Path) -> dict[str, str]:
    """Read the pins of a requirements file by name."""
    lines = (line.split('#')[0].strip() for line in path.read_text().splitlines())
    pins = dict(re.fullmatch(r'([\w.\-]+)==([\w.]+)', line).groups()  # type: ignore[union-attr]
                for line in lines if line and not line.startswith('-c '))
    return {name.lower().replace('_', '-'): version for name, version in pins.items()}


def test_every_import_is_declared() -> None:
    """Depend in package.xml on what is imported, and on nothing else."""
    later = {'compression'}  # of Python 3.14's own library
    third_party = {name for name in imported() if name not in sys.stdlib_module_names | later
                   and name not in ('dseg_ros', '')} - WITHOUT_KEY - TRAINING - TENSORRT - ANCHORS
    used = {ROSDEP_KEYS.get(name, name) for name in third_party}
    assert {e.text for e in MANIFEST.findall('exec_depend')} == used


@pytest.mark.parametrize('level', ['vehicle', 'training', 'development', 'tensorrt'])
def test_requirements_are_pinned_once(level: str) -> None:
    """Pin exactly, and to what the constraints say."""
    folder = REPOSITORY / 'requirements'
    constraints = requirement(folder / 'constraints.txt')
    pins = requirement(folder / f'{level}.txt')
    assert pins and {name: constraints.get(name) for name in pins} == pins


def test_the_vehicle_part_has_no_torch() -> None:
    """Keep the training libraries off the car, and NVIDIA's off one without its GPU."""
    pins = requirement(REPOSITORY / 'requirements' / 'vehicle.txt')
    assert not {'torch', 'scikit-learn', 'scikit-image', 'onnx'} & set(pins)
    assert not [name for name in pins if re.search('cuda|nvidia|tensorrt', name)]


def test_executables_are_those_of_the_readme() -> None:
    """Offer what the README's commands start."""
    said = subprocess.run(['ros2', 'pkg', 'executables', 'dseg_ros'], capture_output=True,
                          text=True)
    if said.returncode:
        pytest.skip('the package is not built into this environment (./run test does it)')
    assert said.stdout.split() == [word for name in (
        'bag_player_node', 'drive', 'dseg', 'proposals_node', 'recorder_node',
        'segmentation_node') for word in ('dseg_ros', name)]


def test_no_machine_path_is_committed() -> None:
    """Leave no path of a developer's machine, and no large file, in git."""
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=REPOSITORY, capture_output=True,
                            text=True)
    if listed.returncode:
        pytest.skip('not a git checkout')
    for name in filter(None, listed.stdout.split('\0')):
        path = REPOSITORY / name
        assert path.stat().st_size < 10e6, f'{name} is {path.stat().st_size} bytes'
        if path.suffix in ('.py', '.md', '.yaml', '.xml', '.txt', '.rst', '.cfg', '.rviz', ''):
            assert not re.search(r'(?<![\w.])/(work|tmp/boot)/', path.read_text()), name
