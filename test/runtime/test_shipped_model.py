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

"""The model that the package ships: small, fast, traceable, and it has learned something."""

import json
from pathlib import Path
import time

from dseg_ros.config.runtime import EngineConfig
from dseg_ros.evaluation.metrics import evaluate
from dseg_ros.evaluation.simulated import score_drive
from dseg_ros.runtime.engine import Engine
from dseg_ros.runtime.loading import load_engine
import numpy as np
import pytest

MODEL = Path(__file__).resolve().parents[2] / 'resource' / 'models' / 'dseg_tiny.onnx'


@pytest.fixture(scope='module')
def engine() -> Engine:
    """Load it on one thread."""
    return load_engine(MODEL, EngineConfig(threads=1))


def test_it_is_small_and_says_where_it_comes_from(engine: Engine) -> None:
    """Made by its recipe, from streets that no test uses, and without one name of a class."""
    assert MODEL.stat().st_size < 4_000_000
    info = engine.info
    assert info.class_names[0] == 'ground_0' and info.class_names[-1] == 'sky'
    assert all(name == 'sky' or name.startswith(('ground_', 'object_'))
               for name in info.class_names)
    assert len(info.data_sha256) == 64 and info.version.startswith('dseg_ros ')
    assert json.loads(info.recipe)['network_pixels'] == info.network_pixels


def test_it_takes_some_ten_milliseconds_of_one_core(engine: Engine) -> None:
    """12 ms of a quiet core for 960x540; time of this thread, so that others do not matter."""
    image = np.random.default_rng(0).integers(0, 255, (540, 960, 3), dtype=np.uint8)
    engine.infer(image)
    cpu_ms = []
    for _ in range(7):
        begin = time.thread_time()
        engine.infer(image)
        cpu_ms.append((time.thread_time() - begin) * 1e3)
    assert np.median(cpu_ms) < 60, cpu_ms


def test_it_knows_an_unseen_street(engine: Engine, sim_bag: Path) -> None:
    """One class for everything would have a strict mIoU near 3 % and half of the pixels."""
    counts = score_drive(sim_bag, engine.infer, len(engine.info.class_names), 2,
                         lambda done, total: None)
    scores = evaluate(counts)
    assert scores.strict.miou > 0.14 and scores.many_to_one.accuracy > 0.65, scores.summary()
