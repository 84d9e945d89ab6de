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

"""Real engines, built without a GPU; the graph that TensorRT gets is the model still."""

from __future__ import annotations

from pathlib import Path
import time

from dseg_ros.cli.app import main
from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.runtime import TensorRtConfig
from dseg_ros.config.segmenter import SegmenterConfig
from dseg_ros.models.networks import build as build_network
from dseg_ros.runtime.engine import EngineError, INPUT, ModelInfo
from dseg_ros.runtime.export import write_model
from dseg_ros.runtime.pictures import blobs
from dseg_ros.runtime.tensorrt.building import build, saying
from dseg_ros.runtime.tensorrt.library import find, Library, NotHere
from dseg_ros.runtime.tensorrt.preparing import prepared
from dseg_ros.runtime.tensorrt.shapes import Shapes
import numpy as np
import onnx
import onnxruntime
import pytest

SHIPPED = next((Path(__file__).resolve().parents[3] / 'resource/models').glob('*.onnx'), None)
KINDS = [ModelConfig('tiny', 6), ModelConfig('residual', 6), ModelConfig(
    'segmenter', segmenter=SegmenterConfig(width=24, depth=1, heads=2, image_px=64))]
SHAPES = Shapes((60, 80), (90, 160), (180, 320))


@pytest.fixture(scope='module')
def library() -> Library:
    """Give TensorRT-RTX, which builds without a GPU."""
    try:
        return find('tensorrt_rtx')
    except NotHere as error:
        pytest.skip(f'engines cannot be built here: {error}')


def model(config: ModelConfig, folder: Path, precision: str, fixed: bool = False,
          batched: bool = False) -> Path:
    """Export an untrained network."""
    size = (90, 160) if fixed else (0, 0)
    info = ModelInfo(tuple('abcd'), np.zeros((4, 3), np.uint8), *size, 64 * 96,
                     network=config.kind, precision=precision, batched=batched)
    network = build_network(config, 4, seed=1)
    usual = [blobs(90, 160, seed) for seed in range(3)]
    return write_model(network, info, 2, folder / f'{config.kind}.onnx', usual=usual)


@pytest.mark.parametrize('fixed', [False, True], ids=['any size', 'one size'])
@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'bf16', 'int8'])
@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_every_network_is_built(tmp_path: Path, library: Library, config: ModelConfig,
                                precision: str, fixed: bool) -> None:
    """Image in and mask out are parts of the engine, in all precisions."""
    path = model(config, tmp_path, precision, fixed)
    shapes = Shapes((90, 160), (90, 160), (90, 160)) if fixed else SHAPES
    plan = build(library, path.read_bytes(), shapes, TensorRtConfig(), str(path), print)
    assert len(plan) > 10_000 and not library.errors


@pytest.mark.parametrize('fixed', [False, True], ids=['any size', 'one size'])
@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_batches_are_built(tmp_path: Path, library: Library, config: ModelConfig, fixed: bool
                           ) -> None:
    """Several images at once, of any number up to the largest."""
    path = model(config, tmp_path, 'fp16', fixed, batched=True)
    sizes = [(90, 160)] * 3 if fixed else [(60, 80), (90, 160), (180, 320)]
    plan = build(library, path.read_bytes(), Shapes(*sizes, 6), TensorRtConfig(), 'm', print)
    assert len(plan) > 10_000 and not library.errors


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_the_rewritten_model_means_the_same(tmp_path: Path, config: ModelConfig,
                                            precision: str) -> None:
    """ONNX Runtime runs both: the same labels, the same confidence but for rounding."""
    given = model(config, tmp_path, precision).read_bytes()
    before, after = (onnxruntime.InferenceSession(m) for m in (given, prepared(given, 'm')))
    assert [(v.name, v.type) for v in (*before.get_inputs(), *before.get_outputs())] == [
        (v.name, v.type) for v in (*after.get_inputs(), *after.get_outputs())]
    image = {INPUT: blobs(131, 187, 3)}
    (ids, confidence), (new_ids, new_confidence) = (s.run(None, image) for s in (before, after))
    assert (ids == new_ids).mean() > 0.995
    assert np.abs(confidence.astype(int) - new_confidence).mean() < 1


def test_everything_that_the_parser_says_is_told(library: Library) -> None:
    """Operator and node are named."""
    graph = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 18, "other": 1]> '
        'g (uint8[H, W, 3] image) => (uint8[H, W] ids, uint8[H, W] confidence) '
        '{ ids = other.Magic(image) confidence = other.Magic(image) }')
    graph.graph.node[0].name = 'wand'
    with pytest.raises(EngineError, match='m.onnx: TensorRT-RTX .* cannot parse it: .*Magic'):
        build(library, graph.SerializeToString(), SHAPES, TensorRtConfig(), 'm.onnx', print)


def test_a_file_that_is_no_model_is_named() -> None:
    """Before TensorRT sees it."""
    with pytest.raises(EngineError, match='m.onnx: no ONNX model'):
        prepared(b'nonsense', 'm.onnx')


def test_targets_are_checked(tmp_path: Path, library: Library) -> None:
    """A GPU that it cannot build for is named with those that it can."""
    given = model(KINDS[0], tmp_path, 'fp32').read_bytes()
    assert build(library, given, SHAPES, TensorRtConfig(
        compute_capabilities=(86, 89), workspace_mb=64), 'm', print)
    with pytest.raises(EngineError, match='does not know 90, but 75, 80, 86, 89, 120'):
        build(library, given, SHAPES, TensorRtConfig(compute_capabilities=(90,)), 'm', print)


def test_building_is_told_again_and_again() -> None:
    """Every few seconds, until it is over."""
    told: list[str] = []
    with saying('m.onnx: building', told.append, 0.01):
        time.sleep(0.1)
    count = len(told)
    assert count > 1 and told[0] == 'm.onnx: building ... 0 s'
    time.sleep(0.05)
    assert len(told) == count


def test_the_command_builds_the_shipped_model_once(
        tmp_path: Path, library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    """What, for what, how long, how large, where; a second time it is there."""
    if SHIPPED is None:
        pytest.skip('the package ships no model')
    command = ['engine', 'build', str(SHIPPED), '--cache', str(tmp_path / 'cache'), '--backend',
               'tensorrt_rtx', '--tensorrt.least', '270', '480', '--tensorrt.most', '1080', '1920']
    assert main([*command, '--out', str(tmp_path / 'plan')]) == 0
    said = capsys.readouterr().out
    assert f'{library.name}, fp32, 480x270 to 1920x1080 px' in said and 'built in' in said
    (file,) = (tmp_path / 'cache').iterdir()
    assert file.read_bytes().endswith((tmp_path / 'plan').read_bytes())
    written = file.stat().st_mtime_ns
    assert main(command) == 0
    said = capsys.readouterr().out
    assert 'was there already' in said and str(file) in said
    assert file.stat().st_mtime_ns == written
    file.write_bytes(file.read_bytes()[:-1])
    assert main(command) == 0
    output = capsys.readouterr()
    assert 'built in' in output.out and f'{file}: damaged' in output.err


def test_wrong_calls_are_one_line(tmp_path: Path, library: Library,
                                  capsys: pytest.CaptureFixture[str]) -> None:
    """Each names its value."""
    path = str(model(KINDS[0], tmp_path, 'fp32'))
    for arguments, named in ((['none.onnx'], 'none.onnx: no such model file'),
                             ([path, '--tensorrt.batch', '2'], 'the model takes single images'),
                             ([path, '--tensorrt.likely', '9000', '9000'], 'likely, most')):
        assert main(['engine', 'build', *arguments, '--cache', str(tmp_path)]) == 2
        assert named in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(['engine', 'build', path, '--backend', 'onnxruntime'])
    assert 'it has no engines to build' in capsys.readouterr().err
