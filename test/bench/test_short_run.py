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
`dseg bench --short`: ratios with wide margins, never times; real libraries, real processes.

The margins are wide: machines that run tests are busy ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
from dseg_ros.bench.registry import NAMES
from dseg_ros.cli.app import main
from dseg_ros.cli.bench import ONE_THREAD
import pytest

ROS = ('publishing', 'image_to_mask', 'transport', 'start', 'drive')
LEAST_RATIO = {
    'decoding': 20.0, 'proposals / thinned': 5.0, 'proposals / DBSCAN': 5.0, 'ground': 1.3,
    'projection': 4.0, 'projection / NumPy': 1.5, 'matcher': 2.0, 'matcher, cost': 3.0,
    'k-means': 0.3, 'engine onnxruntime': 0.2, 'JPEG / Pillow': 0.6, 'harvest': 0.02,
    'bag reading': 0.1, 'publish mask / array': 5.0, 'publish overlay / array': 5.0}
"""What holds on any machine, however busy; rows whose library is not there are left out."""


def bench(folder: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Run benchmarks by the command; returns what is in the JSON."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ONE_THREAD:  # undone again: the tests after these may have theirs
            environment.setenv(name, '1')
        status = main(['bench', '--short', '--only', *names, '--json', str(folder / 'rows.json'),
                       '--markdown', str(folder / 'rows.md'), '--picture',
                       str(folder / 'rows.png')])
    values: dict[str, Any] = json.loads((folder / 'rows.json').read_text())
    assert status == 0, values['failed']
    return values


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for what the run writes."""
    return tmp_path_factory.mktemp('bench')


@pytest.fixture(scope='module')
def values(folder: Path) -> dict[str, Any]:
    """Run all benchmarks that need no ROS, once."""
    return bench(folder, tuple(name for name in NAMES if name not in ROS))


def check(values: dict[str, Any]) -> dict[str, Any]:
    """Compare ratios with what they are at least; returns rows by name."""
    rows = {row['name']: row for row in values['rows']}
    slow = {name: rows[name]['ratio'] for name, least in LEAST_RATIO.items()
            if name in rows and rows[name]['ratio'] is not None and rows[name]['ratio'] < least}
    assert not slow
    silent = [row['name'] for row in values['rows']
              if not row['reason'] and (row['ours_ms'] is None or (
                  row['anchor'] and row['anchor_ms'] is None))]
    assert not silent, 'what is missing has a reason'
    return rows


def test_ratios_hold(values: dict[str, Any]) -> None:
    """Of everything that runs in one process."""
    rows = check(values)
    assert rows['matcher']['met'] is True
    loops = rows['matcher']['figures']
    assert min(loops['pairs_per_loop']) == loops['clouds'], 'no cloud is left alone'
    assert rows['engine tensorrt, host']['ours_ms'] is not None or (
        'not here' in rows['engine tensorrt, host']['reason'])
    assert {'machine', 'software', 'command', 'took_s', 'failed'} <= values.keys()


def test_the_table_and_the_picture_are_of_the_same_rows(values: dict[str, Any],
                                                        folder: Path) -> None:
    """Every row is in the table; the picture can be looked at."""
    table = (folder / 'rows.md').read_text()
    assert all(f'| {row["name"]}: ' in table for row in values['rows'])
    assert values['machine'] in table
    picture = cv2.imread(str(folder / 'rows.png'))
    assert picture.shape[1] == 1280 and picture.shape[0] > 30 * 10


def test_processes_over_dds(tmp_path: Path) -> None:
    """Publishing, transport, a node with a null network, a start: something comes of each."""
    pytest.importorskip('rclpy')
    rows = check(bench(tmp_path, ('publishing', 'image_to_mask', 'transport', 'start')))
    images = rows['transport, images']['figures']
    assert images['sent'] == 30 and images['lost'] < 15
    assert images['lost'] <= images['anchor_lost']
    assert rows['image to mask']['figures']['n'] >= 5
    assert 'publish cloud' in rows and rows['start']['ours_ms'] > 0


def test_the_drive_through_the_nodes(tmp_path: Path) -> None:
    """Launch file, player and nodes as processes; at the recording's own rate."""
    pytest.importorskip('rclpy')
    rows = check(bench(tmp_path, ('drive',)))
    once = rows['drive, 1x']
    assert once['figures']['n'] >= 1 and once['anchor_ms'] == 100.0
