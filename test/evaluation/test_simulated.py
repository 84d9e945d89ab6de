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

"""Scoring on a simulated drive: known predictions get the score that they deserve."""

from pathlib import Path

from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.reader import open_bag
from dseg_ros.config.sim import MASK_TOPIC
from dseg_ros.evaluation.metrics import evaluate
from dseg_ros.evaluation.scoring import run_benchmark
from dseg_ros.evaluation.simulated import EvaluationError, score_drive, SimulatedDrives
from dseg_ros.types import LabelMap, UNLABELLED
import numpy as np
import pytest
from tiny_bags import header, image, of, ROS2, START_NS, STEP_NS, write_ros2


def masks(bag: Path) -> list[np.ndarray]:
    """Read the ground truth in order."""
    with open_bag(bag) as recorded:
        return [image_from_message(r.message).rgb[..., 0]
                for r in recorded.messages([MASK_TOPIC])]


def test_the_truth_itself_scores_one(sim_bag: Path) -> None:
    """Whoever predicts the ground truth, under other names, has no error; progress is told."""
    truth = masks(sim_bag)
    left = iter(truth)
    renamed = np.full(256, UNLABELLED, np.uint8)
    renamed[:19] = (np.arange(19) * 7 + 3) % 19
    told = []

    def predict(rgb: np.ndarray) -> LabelMap:
        ids = renamed[next(left)]
        assert rgb.shape == (*ids.shape, 3)
        return LabelMap(ids, np.zeros_like(ids))

    counts = score_drive(sim_bag, predict, 19, 1, lambda done, total: told.append((done, total)))
    scores = evaluate(counts)
    assert scores.strict.miou == 1.0 and scores.strict.accuracy == 1.0
    assert counts.sum() == sum((m != UNLABELLED).sum() for m in truth)
    assert told[-1] == (len(truth), len(truth))


def test_one_class_for_all_scores_its_share(sim_bag: Path) -> None:
    """A constant prediction has the IoU and accuracy of the most frequent class; every third."""
    def predict(rgb: np.ndarray) -> LabelMap:
        ids = np.zeros(rgb.shape[:2], np.uint8)
        return LabelMap(ids, ids)

    counts = score_drive(sim_bag, predict, 1, 3, lambda done, total: None)
    pixels = np.concatenate([m.ravel() for m in masks(sim_bag)[::3]])
    share = np.bincount(pixels[pixels != UNLABELLED], minlength=19) / (
        pixels != UNLABELLED).sum()
    strict = evaluate(counts).strict
    assert strict.accuracy == pytest.approx(share.max())
    assert strict.miou == pytest.approx(share.max() / (share > 0).sum())


def test_a_drive_without_truth_is_named(shared_data: Path) -> None:
    """A real recording cannot be scored this way."""
    with pytest.raises(EvaluationError, match='kitti_drive: has no /sim/mask'):
        score_drive(shared_data / 'kitti_drive', lambda rgb: None, 1, 1, lambda d, t: None)


def bag_of(path: Path, mask: np.ndarray, offset_ns: int = 0) -> Path:
    """Write two images of 8 x 6 px and a mask for each."""
    rows = []
    for i in range(2):
        stamp = START_NS + i * STEP_NS
        truth = of(ROS2, 'sensor_msgs/msg/Image', header=header(ROS2, stamp + offset_ns, 'camera'),
                   height=mask.shape[0], width=mask.shape[1], encoding='mono8', is_bigendian=0,
                   step=mask.shape[1], data=np.ascontiguousarray(mask).reshape(-1))
        rows += [('/cam/image_raw', 'sensor_msgs/msg/Image', stamp, image(ROS2, stamp, i)),
                 (MASK_TOPIC, 'sensor_msgs/msg/Image', stamp + 1, truth)]
    return write_ros2(path, rows)


def test_images_of_several_cameras_are_refused(tmp_path: Path) -> None:
    """Which of them the truth belongs to cannot be known: both are named."""
    rows = [(topic, 'sensor_msgs/msg/Image', START_NS, image(ROS2, START_NS, 0))
            for topic in ('/left/image_raw', '/right/image_raw', MASK_TOPIC)]
    bag = write_ros2(tmp_path / 'drive', rows)
    with pytest.raises(EvaluationError, match='cameras, /left/image_raw, /right/image_raw;'):
        score_drive(bag, nothing, 1, 1, lambda done, total: None)


def nothing(rgb: np.ndarray) -> LabelMap:
    """Predict class 0 everywhere."""
    return LabelMap(np.zeros(rgb.shape[:2], np.uint8), np.zeros(rgb.shape[:2], np.uint8))


@pytest.mark.parametrize(('mask', 'offset_ns', 'message'), [
    (np.zeros((3, 4), np.uint8), 0, 'image is 8x6 px, its mask 4x3 px'),
    (np.full((6, 8), 77, np.uint8), 0, r'drive, image of \d+: unknown id 77 in 48 pixels'),
    (np.zeros((6, 8), np.uint8), 5, 'no image has a mask of the same stamp'),
])
def test_masks_that_cannot_be_are_named(tmp_path: Path, mask: np.ndarray, offset_ns: int,
                                        message: str) -> None:
    """Of another size, with unknown ids, of no image: the message has the values."""
    bag = bag_of(tmp_path / 'drive', mask, offset_ns)
    with pytest.raises(EvaluationError, match=message):
        score_drive(bag, nothing, 1, 1, lambda done, total: None)


def test_drives_are_scored_together_and_apart(tmp_path: Path) -> None:
    """One matching over all; each drive by it; drives of one name stay apart."""
    road, car = np.zeros((6, 8), np.uint8), np.full((6, 8), 13, np.uint8)
    car[:3] = 0
    bags = [bag_of(tmp_path / where / 'drive', mask) for where, mask in (('a', road), ('b', car))]
    drives = SimulatedDrives(bags)
    found = run_benchmark(drives, nothing, ['x'], {}, lambda done, total: None)
    assert len(drives) == 4 and found.protocol['drives'].startswith('simulated: ')
    assert found.scores.strict.accuracy == 0.75
    assert [one.accuracy for one in found.of_parts().values()] == [1.0, 0.5]
    assert [part['miou'] for part in found.summary()['parts'].values()] == [100.0, 25.0]
    with pytest.raises(EvaluationError, match='every 0th'):
        SimulatedDrives(bags, 0)
