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

"""Curves: TensorBoard shows what metrics.csv says, each point once, however often killed."""

from collections.abc import Sequence
from pathlib import Path

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.schema import as_mapping
from dseg_ros.distill.augment import Batch, Crops, draw_batch, TrainingImage
from dseg_ros.distill.curves import COLUMNS, CURVES, rows_until
from dseg_ros.distill.loop import train
from dseg_ros.models.checkpoint import METRICS, Provenance
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Drives = list[list[TrainingImage]]


def test_a_resumed_run_has_every_point_once(images: Drives, tiny: TrainingConfig,
                                            tmp_path: Path) -> None:
    """Three log rows, three points, although two processes drew them."""
    made_of = Provenance(('a', 'b', 'c'), ((0, 0, 0),) * 3, as_mapping(tiny), 'd')

    def stopping(step: int, numbers: Sequence[int]) -> Batch:
        if step == 9:
            raise KeyboardInterrupt
        return draw_batch(images, step, tiny, numbers)
    for draw in (stopping, stopping, Crops(images, tiny)):
        try:
            train(draw, np.ones(3, np.float32), tiny, made_of, tmp_path,
                  lambda done, total: None)
        except KeyboardInterrupt:
            pass
    events = EventAccumulator(str(tmp_path / CURVES))
    events.Reload()
    rows = rows_until(tmp_path, 12)
    for name in ('loss', 'accuracy', 'learning_rate', 'top_share'):
        points = events.Scalars(f'training/{name}')
        assert [p.step for p in points] == [4, 8, 12]
        assert [p.value for p in points] == pytest.approx([float(r[name]) for r in rows])


def test_a_log_of_an_earlier_version_is_gone_on_with(tmp_path: Path) -> None:
    """What it lacks is empty."""
    (tmp_path / METRICS).write_text('step,loss,accuracy,learning_rate,crops_per_s\n'
                                    '4,1.0,0.5,0.1,9\n8,1.0,0.5,0.1,9\n')
    assert rows_until(tmp_path, 4) == [{
        **dict.fromkeys(COLUMNS, ''), 'step': '4', 'loss': '1.0', 'accuracy': '0.5',
        'learning_rate': '0.1', 'crops_per_s': '9', 'top_share': '0'}]
