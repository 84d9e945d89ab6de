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

"""Early warning: classes that are no longer predicted, a class that takes all."""

from pathlib import Path

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.execution import CollapseConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.distill.augment import Crops, TrainingImage
from dseg_ros.distill.collapse import Collapse, collapses, columns
from dseg_ros.distill.curves import rows_until, WARNINGS
from dseg_ros.distill.loop import train
from dseg_ros.models.checkpoint import Provenance
import numpy as np

NAMES = ('road', 'car', 'sky')
RULE = CollapseConfig(intervals=2, dominant_share=0.9)


def row(step: int, predicted: list[int], labelled: list[int] | None = None) -> dict[str, str]:
    """Give a log row of three classes, of which the data has the first two."""
    return {'step': str(step), **columns(
        np.array(predicted), np.array(labelled or predicted), np.array([True, True, False]),
        RULE)}


def test_a_class_that_stays_away_is_named_once() -> None:
    """After two rows without a pixel; a class that the data lacks is not missed."""
    rows = [row(10, [5, 5, 0]), row(20, [9, 0, 0]), row(30, [9, 0, 0]), row(40, [9, 0, 0])]
    found = collapses(rows, NAMES, RULE)
    assert [(w.step, w.class_id) for w in found] == [(30, 1)]
    assert 'class car is labelled, but not one pixel was predicted' in found[0].text
    assert 'step 30' in found[0].text and 'learning_rate' in found[0].text
    assert not collapses(rows[:2] + [row(30, [9, 1, 0])], NAMES, RULE)


def test_a_class_that_takes_all_is_named_unless_it_is_labelled_so() -> None:
    """95 % of the pixels, where 50 % are labelled."""
    swallowed = [row(s, [95, 5, 0], [50, 50, 0]) for s in (10, 20, 30)]
    assert [(w.step, w.class_id) for w in collapses(swallowed, NAMES, RULE)] == [(20, 0)]
    assert 'class road was predicted for 95 % of the pixels' in collapses(
        swallowed, NAMES, RULE)[0].text
    assert not collapses([row(s, [95, 5, 0], [93, 7, 0]) for s in (10, 20)], NAMES, RULE)


def test_a_training_warns_and_keeps_the_warning(images: list[list[TrainingImage]],
                                                tiny: TrainingConfig, tmp_path: Path) -> None:
    """A class of great weight that no pixel has is never learned; it is told when it lasts."""
    told: list[Collapse] = []
    made_of = Provenance(('a', 'b', 'c', 'ghost'), ((0, 0, 0),) * 4, as_mapping(tiny), 'd')
    config = TrainingConfig(**{**vars(tiny), 'collapse': CollapseConfig(intervals=3),
                               'steps': 24, 'learning_rate': 0.02})
    train(Crops(images, config), np.array([1, 1, 1, 1e-3], np.float32), config, made_of, tmp_path,
          lambda done, total: None, warn=told.append)
    assert 'ghost' in told[-1].text and told[-1].step >= 12
    assert f'step {told[-1].step}: class ghost' in (tmp_path / WARNINGS).read_text()
    assert rows_until(tmp_path, 24)[-1]['unpredicted'].split()[-1] == '3'
