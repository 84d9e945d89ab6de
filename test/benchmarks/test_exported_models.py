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

"""What an exported model weighs and takes: every network, both precisions, one thread."""

from __future__ import annotations

from pathlib import Path
import time

from dseg_ros.classes import distinct_palette
from dseg_ros.config.distill import ModelConfig, TrainingConfig
from dseg_ros.config.runtime import EngineConfig, ExportConfig
from dseg_ros.models.networks import build
from dseg_ros.models.pyramid import parameter_count
from dseg_ros.runtime.engine import ModelInfo
from dseg_ros.runtime.export import write_model
from dseg_ros.runtime.loading import load_engine
import numpy as np
import pytest

CLASSES, HEIGHT, WIDTH, ROUNDS = 16, 540, 960, 7


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
@pytest.mark.parametrize('kind', ['tiny', 'residual', 'segmenter'])
@pytest.mark.parametrize('fixed', [False, True], ids=['any size', 'one size'])
def test_exported_models(tmp_path: Path, kind: str, precision: str, fixed: bool) -> None:
    """Print size and CPU time of this thread for a 960x540 image; others do not matter to it."""
    config, options = ModelConfig(kind), ExportConfig()
    network = build(config, CLASSES, seed=1)
    info = ModelInfo(tuple(f'class {i}' for i in range(CLASSES)), distinct_palette(CLASSES),
                     *((HEIGHT, WIDTH) if fixed else (0, 0)), TrainingConfig.network_pixels,
                     network=kind, precision=precision)
    path = write_model(network, info, options.output_stride, tmp_path / 'model.onnx')
    engine = load_engine(path, EngineConfig(threads=1))
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    engine.infer(image)
    cpu_ms = []
    for _ in range(ROUNDS):
        begin = time.thread_time()
        engine.infer(image)
        cpu_ms.append((time.thread_time() - begin) * 1e3)
    parameters, megabytes = parameter_count(network) / 1e6, path.stat().st_size / 1e6
    print(f'\n{kind} {precision}, {"one size" if fixed else "any size"}: '
          f'{parameters:.2f} M parameters, {megabytes:.2f} MB, {np.median(cpu_ms):.1f} ms')
    assert megabytes < (4 if precision == 'fp32' else 2) * parameters + 1, 'weights twice'
