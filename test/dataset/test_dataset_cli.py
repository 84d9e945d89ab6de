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

"""`dseg dataset` and `dseg harvest` as users call them."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

from dseg_ros.cli import main
from dseg_ros.dataset.store import Dataset, verify
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

INTERRUPTED = """
import os, signal, sys
from dseg_ros.cli import main, progress
def interrupting(self, done, total):
    if done == 6:
        os.killpg(0, signal.SIGINT)
if __name__ == '__main__':
    progress.ProgressBar.__call__ = interrupting
    sys.exit(main(['harvest', sys.argv[1], '--out', sys.argv[2], '--workers', '2']))
"""


def test_verify_tells_sound_from_damaged(dataset: Path,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0 and a count, or 1 and a line per damage with shard and key."""
    assert main(['dataset', 'verify', str(dataset)]) == 0
    assert '5 samples, every byte as recorded' in capsys.readouterr().out
    shard = dataset / 'shard-000000.tar'
    data = bytearray(shard.read_bytes())
    data[700] ^= 1
    shard.write_bytes(data)
    assert main(['dataset', 'verify', str(dataset)]) == 1
    out = capsys.readouterr().out
    assert 'shard-000000.tar: one-0000000000000000000.cloud.npz: damaged, checksum' in out
    assert 'problems in 1 samples' in out


def test_info_tells_what_is_there(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Drives, samples, what was left out."""
    assert main(['dataset', 'info', str(dataset)]) == 0
    out = capsys.readouterr().out
    assert '5 samples, 1 closed shards' in out and 'one: 3 samples from one.mcap' in out
    assert 'dropped 4: no image' in out


def test_show_draws(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The path of the picture is printed."""
    out = tmp_path / 'sheet.png'
    assert main(['dataset', 'show', str(dataset), '--out', str(out), '--samples', '2']) == 0
    assert capsys.readouterr().out.strip() == str(out) and out.stat().st_size > 10_000


def test_harvest_ends_with_a_summary_and_the_next_command(
        sim_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The figures, and what to do with the data set, which then works."""
    out = tmp_path / 'set'
    vehicle = REPOSITORY / 'config' / 'sim.yaml'
    assert main(['harvest', str(sim_bag), '--out', str(out), '--workers', '1', '--vehicle',
                 str(vehicle), '--selection.every', '3']) == 0
    text = capsys.readouterr().out
    assert f'{out}: 4 samples of 1 drives' in text and 'dropped 6: not the n-th frame' in text
    assert Dataset(out).manifest.sources[0].recipe['topics']['cameras'] == ['front']
    command = text.splitlines()[-1].removeprefix('next: dseg ').split()
    assert main([*command[:-1], str(tmp_path / command[-1])]) == 0


def test_a_damaged_bag_is_told_by_the_status(sim_bag: Path, tmp_path: Path,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    """What was readable is kept, and the status is 1."""
    whole = next(sim_bag.glob('*.mcap')).read_bytes()
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes(whole[:len(whole) // 2])
    assert main(['harvest', str(cut), '--out', str(tmp_path / 'set'), '--workers', '1']) == 1
    assert 'dseg: problem: cut: ' in capsys.readouterr().err
    assert len(Dataset(tmp_path / 'set')) >= 3


def test_ctrl_c_keeps_what_is_there(sim_bag: Path, tmp_path: Path) -> None:
    """One line, status 130, no process left, whole samples, and the harvest can go on."""
    script, out = tmp_path / 'interrupted.py', tmp_path / 'set'
    script.write_text(INTERRUPTED)
    paths = os.pathsep.join([str(REPOSITORY), os.environ.get('PYTHONPATH', '')])
    result = subprocess.run([sys.executable, str(script), str(sim_bag), str(out)], text=True,
                            capture_output=True, timeout=120, start_new_session=True,
                            env={**os.environ, 'PYTHONPATH': paths})
    assert result.returncode == 130, result.stderr
    assert result.stderr.strip().splitlines() == ['dseg: error: interrupted']
    assert len(Dataset(out)) < 10 and verify(out) == []
    assert main(['harvest', str(sim_bag), '--out', str(out), '--workers', '1']) == 0
    assert len(Dataset(out)) == 10
