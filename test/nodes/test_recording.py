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

"""The recorder's queue and disk: what does not fit is counted, what is written stays whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

from bench import Bench, cloud, image, SIZE, SUCCESS
from dseg_ros.bags.messages import cloud_from_message
from dseg_ros.bags.shot import Shot
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.dataset.builder import NEGATIVE_STAMP, REPEATED
from dseg_ros.dataset.sample import DatasetError
from dseg_ros.dataset.store import Dataset, verify
from dseg_ros.nodes.recorder_node import RecorderNode
from dseg_ros.nodes.recording import QUEUE_FULL, Recording, STOPPED, Taken
from dseg_ros.types import Camera
import numpy as np
import pytest

CAMERA = Camera('camera', SIZE[1], SIZE[0], np.array([[100.0, 0, 80], [0, 100, 45], [0, 0, 1]]))


def frame(stamp: int, size: tuple[int, int] = SIZE) -> Taken:
    """Make a frame of one image."""
    points, _ = cloud_from_message(cloud(stamp))
    return Taken(points, [Shot('front', image(stamp, size=size), CAMERA, np.eye(4))])


@pytest.fixture
def errors() -> list[Exception]:
    """Collect what goes wrong."""
    return []


@pytest.fixture
def recording(tmp_path: Path, errors: list[Exception]) -> Iterator[Recording]:
    """Open a data set."""
    made = Recording(HarvestConfig(out=str(tmp_path / 'set')), 'drive', 2, 0.0, errors.append)
    yield made
    made.close()


def test_frames_become_samples(recording: Recording, errors: list[Exception]) -> None:
    """Frames are written once; a repeated stamp is counted."""
    for stamp in (1, 2, 2, 3):
        recording.offer(frame(stamp), patient=True)
    recording.settle()
    assert (recording.samples, recording.dropped[REPEATED]) == (3, 1)
    data = Dataset(recording.path)
    assert [s.cloud.stamp_ns for s in data] == [1, 2, 3] and not errors
    assert data.manifest.sources[0].dropped == {REPEATED: 1}


def test_a_full_queue_drops(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk is slow the queue fills up; what comes then is dropped and counted."""
    gate = Event()
    build = recording._build
    monkeypatch.setattr(recording, '_build', lambda *a: (gate.wait(10.0), build(*a))[1])
    for stamp in range(1, 10):
        recording.offer(frame(stamp))
    gate.set()
    recording.settle()
    assert recording.samples + recording.dropped[QUEUE_FULL] == 9
    assert recording.dropped[QUEUE_FULL] >= 6
    assert verify(recording.path) == []


def test_a_bad_image_costs_its_frame_alone(recording: Recording, errors: list[Exception]) -> None:
    """An image of another size than its calibration is named and counted."""
    recording.offer(frame(1, (45, 80)), patient=True)
    recording.offer(frame(2), patient=True)
    recording.settle()
    assert recording.samples == 1 and sum(recording.dropped.values()) > 0
    assert '80x45' in str(errors[0])


def test_a_stamp_before_1970_costs_its_frame(recording: Recording, errors: list[Exception]
                                             ) -> None:
    """A clock that was never set makes no key of a sample; the recording goes on."""
    for stamp in (1, -5_000_000_000, 2):
        recording.offer(frame(stamp), patient=True)
    recording.settle()
    assert (recording.samples, recording.stopped_because) == (2, '')
    assert recording.dropped[NEGATIVE_STAMP] == 1 and '-5000000000 ns' in str(errors[0])


def test_a_drive_without_a_usable_name_records_nothing(tmp_path: Path) -> None:
    """The name is refused before the drive begins, not with its first frame."""
    with pytest.raises(DatasetError, match="'a b/c'"):
        Recording(HarvestConfig(out=str(tmp_path / 'set')), 'a b/c', 2, 0.0, print)


def test_a_full_disk_stops_the_recording(recording: Recording, errors: list[Exception]) -> None:
    """With too little left nothing is written, until there is room and someone says so."""
    recording.offer(frame(1), patient=True)
    recording.settle()
    recording._min_free_gb = 1e9
    for stamp in (2, 3):
        recording.offer(frame(stamp), patient=True)
    recording.settle()
    assert 'GB left' in recording.stopped_because and len(errors) == 1
    assert (recording.samples, recording.dropped[STOPPED]) == (1, 1)
    with pytest.raises(DatasetError, match='GB left'):
        recording.resume()
    recording._min_free_gb = 0.0
    recording.resume()
    recording.offer(frame(4), patient=True)
    recording.settle()
    assert recording.samples == 2 and verify(recording.path) == []


def test_a_failing_disk_stops_the_recording(recording: Recording, errors: list[Exception],
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk is kept for the diagnostics; the thread lives on."""
    def fail(sample: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(recording._writer, 'append', fail)
    recording.offer(frame(1), patient=True)
    recording.settle()
    assert 'No space left' in recording.stopped_because and len(errors) == 1
    monkeypatch.undo()
    recording.resume()
    recording.offer(frame(2), patient=True)
    recording.settle()
    assert recording.samples == 1


def test_a_disk_that_fails_at_the_end_gives_the_data_set_back(
        recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written stays whole and can be continued by this process."""
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, 'No space left on device')

    recording.offer(frame(1), patient=True)
    recording.settle()
    monkeypatch.setattr(recording._writer, 'settle_source', fail)
    with pytest.raises(OSError, match='No space'):
        recording.close()
    assert verify(recording.path) == []
    again = Recording(HarvestConfig(out=str(recording.path)), 'drive', 2, 0.0, print)
    again.close()
    monkeypatch.setattr(recording, 'close', lambda: None)


def test_a_node_whose_disk_fails_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                            ) -> None:
    """Deactivation and cleanup name the error and free everything all the same."""
    bench = Bench([RecorderNode], [f'dataset:={tmp_path / "set"}', 'min_free_gb:=0.0'])
    try:
        bench.start()
        node = bench.nodes[0]

        def fail(*_: object) -> None:
            raise OSError(28, 'No space left on device')

        monkeypatch.setattr(node._recording._writer, 'flush', fail)
        monkeypatch.setattr(node._recording._writer, 'close', fail)
        assert node.trigger_deactivate() == SUCCESS and not node._feeds
        assert node.trigger_cleanup() == SUCCESS and node._recording is None
        assert node.troubles.total == 2 and 'No space' in node.troubles.health().message
    finally:
        bench.close()
