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

"""Models in int8: ranges from recorded images, pairs that TensorRT takes, labels that stay."""

from __future__ import annotations

from pathlib import Path

from dseg_ros.cli.app import main
from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.runtime import EngineConfig, ExportConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.runtime.export import Agreement, export, ExportError, write_model
from dseg_ros.runtime.export.exporting import agreement_of
from dseg_ros.runtime.export.images import _spread, to_calibrate, to_compare
from dseg_ros.runtime.loading import load_engine
from lively_networks import info_of, KINDS, lively, PIXELS, saved_run, smooth_picture
import numpy as np
import onnx
import pytest

USUAL = [smooth_picture(90, 160, seed) for seed in range(4)]


@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_labels_nearly_stay(tmp_path: Path, config: ModelConfig) -> None:
    """Untrained weights are spread as no trained ones are; still nine labels of ten stay."""
    info = info_of(config, precision='int8')
    path = write_model(lively(config), info, 2, tmp_path / 'm.onnx', usual=USUAL)
    assert load_engine(path, EngineConfig()).info.precision == 'int8'
    found = agreement_of(path, lively(config), [smooth_picture(128, 192)], 2)
    assert found.same > 0.9, found


def test_every_convolution_computes_in_int8(tmp_path: Path) -> None:
    """Its inputs come from symmetric pairs, its weights by channel: what TensorRT asks for."""
    path = write_model(lively(KINDS[0]), info_of(KINDS[0], precision='int8'), 2,
                       tmp_path / 'm.onnx', usual=USUAL)
    graph = onnx.load(path).graph
    by_output = {name: node for node in graph.node for name in node.output}
    values = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == 'Conv']
    assert len(convolutions) > 5
    for node in convolutions:
        pixels, weights = (by_output[name] for name in node.input[:2])
        assert (pixels.op_type, weights.op_type) == ('DequantizeLinear',) * 2
        assert not values[pixels.input[2]].any() and not values[weights.input[2]].any()
        kernel, scales = (values[name] for name in weights.input[:2])
        assert kernel.dtype == np.int8 and len(scales) == len(kernel)
        assert np.abs(kernel.astype(int)).max() >= 126  # ranges are used, not wasted


def test_ranges_are_those_of_a_data_set(tmp_path: Path, sim_bag: Path) -> None:
    """Other images give other ranges; the agreement is told, and is that of other images yet."""
    data = tmp_path / 'data'
    assert main(['harvest', str(sim_bag), '--out', str(data), '--workers', '1']) == 0
    info = info_of(KINDS[0], precision='int8', input_height=40, input_width=60)
    compared = [rgb.tobytes() for rgb in to_compare(info, data)]
    usual = [rgb.tobytes() for rgb in to_calibrate(info, data, 100)]
    assert len(compared) == 4 and len(usual) == 6 and not set(compared) & set(usual)
    assert {len(rgb) for rgb in usual} == {40 * 60 * 3}

    told: list[Agreement] = []
    run = saved_run(tmp_path / 'run', KINDS[0], lively(KINDS[0]))
    graphs = [onnx.load(export(run, tmp_path / 'm.onnx', ExportConfig(
        network_pixels=PIXELS, precision='int8', calibrate=str(data), calibration_images=count,
        agreement=0.5), '', told.append)).graph for count in (1, 6)]
    scales = [{t.name: onnx.numpy_helper.to_array(t).tolist() for t in graph.initializer
               if 'scale' in t.name} for graph in graphs]
    assert scales[0].keys() == scales[1].keys() and scales[0] != scales[1]
    assert [t.images for t in told] == [4, 4]


@pytest.mark.parametrize('keys, count', [(100, 64), (127, 64), (7, 4), (3, 4), (0, 4)])
def test_images_are_of_the_whole_data_set(keys: int, count: int) -> None:
    """Keys are sorted by drive and time: the last stretch has its images, too."""
    chosen = [int(key) for key in _spread([str(i) for i in range(keys)], count)]
    assert len(chosen) == min(keys, count) and chosen == sorted(set(chosen))
    assert all(step <= -(-keys // len(chosen)) for step in np.diff([*chosen, keys]))


def test_int8_and_a_data_set_go_together(tmp_path: Path) -> None:
    """One without the other is a mistake, and so is a data set without an image."""
    with pytest.raises(ConfigError, match="precision: int8 with calibrate: ''"):
        ExportConfig(precision='int8')
    with pytest.raises(ConfigError, match='precision: fp16 with calibrate: .drives'):
        ExportConfig(precision='fp16', calibrate='drives')
    with pytest.raises(ExportError, match='no image to calibrate'):
        write_model(lively(KINDS[0]), info_of(KINDS[0], precision='int8'), 2, tmp_path / 'm.onnx')
    assert not list(tmp_path.iterdir())
