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

"""Models in bfloat16: what is in the file, and what ONNX Runtime, which has none, makes of it."""

from __future__ import annotations

from collections.abc import Callable
import io
from pathlib import Path
import sys
import warnings

from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.runtime import EngineConfig, ExportConfig
from dseg_ros.runtime.engine import EngineError
from dseg_ros.runtime.export import Agreement, export, write_model
from dseg_ros.runtime.export.bfloat16 import to_bfloat16
from dseg_ros.runtime.loading import load_engine
from dseg_ros.runtime.widening import is_bfloat16, widened
from lively_networks import info_of, KINDS, lively, PIXELS, saved_run, smooth_picture
import numpy as np
import onnx
from onnx import numpy_helper, TensorProto
import onnxruntime
import pytest
import torch
from torch import nn


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Export every kind of network."""
    folder = tmp_path_factory.mktemp('models')
    return {config.kind: write_model(lively(config), info_of(config, precision='bf16'), 2,
                                     folder / f'{config.kind}.onnx') for config in KINDS}


@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_the_export_is_checked_against_torch(tmp_path: Path, config: ModelConfig) -> None:
    """With bfloat16's own rounding: the labels nearly stay, and not all of them."""
    told: list[Agreement] = []
    run = saved_run(tmp_path / 'run', config, lively(config))
    path = export(run, tmp_path / 'm.onnx', ExportConfig(
        network_pixels=PIXELS, precision='bf16', agreement=0.97), '', told.append)
    assert 0.97 < told[0].same < 1 and told[0].as_likely > 0.98, told
    engine = load_engine(path, EngineConfig())
    assert engine.info.precision == 'bf16' and 'rounded to bfloat16' in engine.runs_on
    assert engine.infer(smooth_picture(131, 187)).ids.shape == (131, 187)


@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_types_are_written_into_the_graph(written: dict[str, Path], config: ModelConfig) -> None:
    """Convolutions in bfloat16, sums over many values in float32, uint8 at the borders."""
    model = onnx.load(written[config.kind])
    onnx.checker.check_model(model, full_check=True)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    kinds = {v.name: v.type.tensor_type.elem_type for v in model.graph.value_info}
    kinds |= {t.name: t.data_type for t in model.graph.initializer}
    computed: dict[str, set[int]] = {}
    for node in model.graph.node:
        computed.setdefault(node.op_type, set()).add(kinds.get(node.output[0], 0))
    assert computed['Conv'] == {TensorProto.BFLOAT16}
    for name in ('Softmax', 'ReduceMean', 'LayerNormalization', 'ReduceL2'):
        assert computed.get(name, {TensorProto.FLOAT}) == {TensorProto.FLOAT}, name
    assert TensorProto.FLOAT16 not in kinds.values()


class Layers(nn.Module):
    """Two convolutions, a product, and weights that float16 could not hold."""

    def __init__(self) -> None:
        """Draw weights."""
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, stride=2)
            self.last = nn.Linear(8, 4)
        self.first.weight.data *= 1e6
        self.second.weight.data *= 1e-9

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Run them."""
        x = self.second(torch.relu(self.first(pixels)))
        y: torch.Tensor = self.last(x.flatten(2).transpose(1, 2))
        return y


def test_widened_is_what_bfloat16_gives() -> None:
    """Torch has kernels for it: the same but for the last bit, where float32 is further away."""
    network, buffer = Layers(), io.BytesIO()
    pixels = torch.randn(1, 3, 40, 60, generator=torch.Generator().manual_seed(2))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(network, (pixels,), buffer, dynamo=False,  # type: ignore[arg-type]
                          opset_version=18, input_names=['pixels'], output_names=['y'])
    model = to_bfloat16(onnx.load_from_string(buffer.getvalue()))
    session = onnxruntime.InferenceSession(widened(model.SerializeToString(), 'm'))
    (found,) = session.run(None, {'pixels': pixels.numpy()})
    with torch.inference_mode():
        exact = network(pixels).numpy()
        rounded = network.bfloat16()(pixels.bfloat16()).float().numpy()
    off = np.abs(found - rounded) / np.abs(rounded).max()
    assert np.array_equal(found, torch.from_numpy(found).bfloat16().float())
    assert off.max() < 2 ** -7 and (off == 0).mean() > 0.8
    assert (found == exact).mean() < 0.1


def test_weights_keep_their_range() -> None:
    """None was float16 in between, and each is the nearest that bfloat16 has."""
    values = np.array([1e6, -3e-9, 1 / 3, 70_000], np.float32)
    graph = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 18]> '
        'g (float[4] x) => (float[4] y) <float[4] w = {1, 1, 1, 1}> { y = Mul(x, w) }')
    graph.graph.initializer[0].CopyFrom(numpy_helper.from_array(values, 'w'))
    (weights,) = to_bfloat16(graph).graph.initializer
    assert weights.data_type == TensorProto.BFLOAT16
    found = numpy_helper.to_array(weights).astype(np.float32)
    assert np.array_equal(found, torch.from_numpy(values).bfloat16().float())


def test_without_the_package_onnx_it_says_so(written: dict[str, Path],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """Other precisions need none."""
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(EngineError, match='tiny.onnx: a model in bf16 needs the package onnx'):
        load_engine(written['tiny'], EngineConfig())


@pytest.mark.parametrize('damage', [lambda b: b[:-1], lambda b: b'\xff' * 200 + b[200:]])
def test_a_damaged_model_is_named(written: dict[str, Path], tmp_path: Path,
                                  damage: Callable[[bytes], bytes]) -> None:
    """As one of another precision is."""
    path = tmp_path / 'm.onnx'
    path.write_bytes(damage(written['tiny'].read_bytes()))
    with pytest.raises(EngineError, match='m.onnx: ONNX Runtime cannot load it'):
        load_engine(path, EngineConfig())


def test_other_models_are_not_rewritten(tmp_path: Path) -> None:
    """Also those whose text names bf16 elsewhere."""
    info = info_of(KINDS[0], precision='fp16', recipe='{"precision": "bf16"}')
    path = write_model(lively(KINDS[0]), info, 2, tmp_path / 'm.onnx')
    assert not is_bfloat16(path.read_bytes())
    assert 'bfloat16' not in load_engine(path, EngineConfig()).runs_on
