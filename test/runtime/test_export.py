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

"""The exported graph does what torch does, for every kind of network, size and precision."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
from dseg_ros.cli.app import main
from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.runtime import EngineConfig, ExportConfig
from dseg_ros.config.schema import as_mapping, ConfigError
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import CheckpointError
from dseg_ros.models.networks import build
from dseg_ros.models.normalisation import per_image
from dseg_ros.runtime.engine import EngineError
from dseg_ros.runtime.export import Agreement, export, ExportError, write_model
from dseg_ros.runtime.export.exporting import agreement_of
from dseg_ros.runtime.export.graph import traced
from dseg_ros.runtime.export.surroundings import Surroundings
from dseg_ros.runtime.loading import load_engine
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
from lively_networks import CLASSES, info_of, KINDS, lively, PIXELS, saved_run, smooth_picture
import numpy as np
import onnx
import onnxruntime
import pytest
import torch

SIZES = [(128, 192), (192, 128), (131, 187), (60, 400), (64, 96), (37, 41)]
"""Twice the network's 64 x 96, upright, odd, very wide, its own size, smaller."""


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Export every kind of network in both precisions, for any size of image."""
    folder = tmp_path_factory.mktemp('models')
    return {(config.kind, precision): write_model(
        lively(config), info_of(config, precision=precision), 2,
        folder / f'{config.kind}_{precision}.onnx')
        for config in KINDS for precision in ('fp32', 'fp16')}


@pytest.mark.parametrize('size', SIZES, ids=lambda s: f'{s[1]}x{s[0]}')
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_every_network_is_what_it_is_in_torch(
        written: dict[tuple[str, str], Path], config: ModelConfig, precision: str,
        size: tuple[int, int]) -> None:
    """Traced once, it runs at other sizes: the same labels, the same confidence."""
    image = smooth_picture(*size)
    model = written[config.kind, precision]
    assert len(np.unique(load_engine(model, EngineConfig()).infer(image).ids)) > 1
    found = agreement_of(model, lively(config), [image], 2)
    assert found.as_likely > 0.999 and found.confidence_error < 0.004, found
    assert found.same > (0.99 if precision == 'fp32' else 0.985), found


@pytest.mark.parametrize('size', [(64, 64), (32, 208), (160, 48), (16, 400)])
def test_the_position_embedding_follows_the_size(size: tuple[int, int]) -> None:
    """The traced network interpolates it as timm does, larger, smaller and both at once."""
    network = lively(KINDS[2])
    model, stride = traced(network, Surroundings(18, 'imagenet', PIXELS, 16))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    pixels = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(5))
    coarse = torch.from_numpy(session.run(None, {'pixels': pixels.numpy()})[0])
    with torch.inference_mode():
        expected = network(pixels)
    enlarged = torch.nn.functional.interpolate(coarse, scale_factor=stride, mode='bilinear')
    assert torch.allclose(enlarged, expected, atol=1e-4)


@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
@settings(max_examples=6, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(height=st.integers(20, 300), width=st.integers(20, 300))
def test_any_size_agrees(written: dict[tuple[str, str], Path], config: ModelConfig, height: int,
                         width: int) -> None:
    """Whatever the aspect ratio."""
    found = agreement_of(written[config.kind, 'fp32'], lively(config),
                         [smooth_picture(height, width)], 2)
    assert found.as_likely > 0.998 and found.confidence_error < 0.005, found


@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_half_precision_gives_the_same_mask(written: dict[tuple[str, str], Path],
                                            config: ModelConfig) -> None:
    """On a smooth picture, at least 99.5 % of the pixels; weights take half the space."""
    image = smooth_picture(128, 192)
    full, half = (load_engine(written[config.kind, p], EngineConfig()).infer(image)
                  for p in ('fp32', 'fp16'))
    assert (full.ids == half.ids).mean() >= 0.995
    sizes = [sum(len(onnx.numpy_helper.to_array(t).tobytes()) for t in onnx.load(
        written[config.kind, p]).graph.initializer) for p in ('fp32', 'fp16')]
    assert sizes[1] < 0.6 * sizes[0]


@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_half_precision_is_written_into_the_graph(written: dict[tuple[str, str], Path],
                                                  config: ModelConfig) -> None:
    """Types are explicit: convolutions in float16, softmax and statistics in float32."""
    path = written[config.kind, 'fp16']
    assert load_engine(path, EngineConfig()).info.precision == 'fp16'
    model = onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=True)
    kinds = {v.name: v.type.tensor_type.elem_type for v in model.graph.value_info}
    kinds |= {t.name: t.data_type for t in model.graph.initializer}
    computed = {}
    for node in model.graph.node:
        computed.setdefault(node.op_type, set()).add(kinds.get(node.output[0]))
    assert computed['Conv'] == {onnx.TensorProto.FLOAT16}
    for name in ('Softmax', 'ReduceMean', 'LayerNormalization', 'ReduceL2'):
        assert computed.get(name, {onnx.TensorProto.FLOAT}) == {onnx.TensorProto.FLOAT}, name
    assert {v.type.tensor_type.elem_type for v in (*model.graph.input, *model.graph.output)
            } == {onnx.TensorProto.UINT8}


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_a_fixed_size_is_fixed(tmp_path: Path, config: ModelConfig, precision: str) -> None:
    """The model takes this size, says so, and refuses another; no size is left to compute."""
    info = info_of(config, precision=precision, input_height=90, input_width=160)
    path = write_model(lively(config), info, 2, tmp_path / 'm.onnx')
    found = agreement_of(path, lively(config), [smooth_picture(90, 160)], 2)
    assert found.as_likely > 0.999 and found.confidence_error < 0.004, found
    graph = onnx.load(path).graph
    assert [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == [90, 160, 3]
    assert all([d.dim_value for d in v.type.tensor_type.shape.dim] == [90, 160]
               for v in graph.output)
    assert not any(a.name == 'antialias' for n in graph.node for a in n.attribute)
    with pytest.raises(EngineError, match='160x120 px, the model takes 160x90 px only'):
        load_engine(path, EngineConfig()).infer(smooth_picture(120, 160))


@pytest.mark.parametrize('opset', [18, 19, 20])
@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_the_opset_can_be_chosen(tmp_path: Path, config: ModelConfig, opset: int) -> None:
    """The file is of the version that was asked for, and means the same."""
    path = write_model(lively(config), info_of(config), 1, tmp_path / 'm.onnx', opset)
    assert [o.version for o in onnx.load(path).opset_import] == [opset]
    found = agreement_of(path, lively(config), [smooth_picture(100, 140)], 1)
    assert found.as_likely > 0.999, found


def by_hand(network: torch.nn.Module, rgb: np.ndarray,
            size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Compute labels and confidence the long way round, at the network's size."""
    small = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_LINEAR)
    with torch.no_grad():
        logits = network(per_image(torch.from_numpy(small).permute(2, 0, 1)[None].float()))
        fine = torch.nn.functional.interpolate(logits, size=size, mode='bilinear',
                                               align_corners=False)
        probability, ids = fine.softmax(1).max(1)
    return ids[0].numpy(), probability[0].numpy() * 255


def test_parity_without_our_own_comparison(small_model: Path, network: torch.nn.Module) -> None:
    """Resize, normalisation, network, decision and enlargement agree with torch and OpenCV."""
    image = smooth_picture(128, 192)     # twice the network's 64 x 96
    result = load_engine(small_model, EngineConfig()).infer(image)
    ids, confidence = by_hand(network, image, (64, 96))
    assert len(np.unique(ids)) > 1, 'the picture is too plain to prove anything'
    assert (result.ids == ids.repeat(2, 0).repeat(2, 1)).mean() > 0.995
    difference = result.confidence - confidence.repeat(2, 0).repeat(2, 1)
    assert np.abs(difference).mean() < 2


def test_odd_sizes_do_not_shift_the_mask(small_model: Path, network: torch.nn.Module) -> None:
    """Aspect ratios that do not divide are resampled about the pixel centres."""
    image = smooth_picture(131, 187)
    result = load_engine(small_model, EngineConfig()).infer(image)
    ids, _ = by_hand(network, image, (64, 96))
    expected = cv2.resize(ids.astype(np.uint8), (187, 131), interpolation=cv2.INTER_NEAREST_EXACT)
    assert (result.ids == expected).mean() > 0.98


@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_a_run_is_exported_with_its_history(tmp_path: Path, config: ModelConfig) -> None:
    """Names, colours, recipe and hash of a checkpoint are in the model; it was compared."""
    run = saved_run(tmp_path / 'run', config, lively(config))
    told: list[Agreement] = []
    path = export(run, tmp_path / 'deep' / 'm.onnx',
                  ExportConfig(network_pixels=PIXELS, precision='fp16'), 'dseg_ros 9', told.append)
    info = load_engine(path, EngineConfig()).info
    assert info.class_names == tuple('abcde') and info.palette.tolist() == [[9, 8, 7]] * CLASSES
    assert json.loads(info.recipe) == {'model': as_mapping(config), 'steps': 2}
    assert (info.version, info.data_sha256) == ('dseg_ros 9', 'c0ffee')
    assert (info.network, info.precision, info.network_pixels) == (config.kind, 'fp16', PIXELS)
    assert [p.name for p in path.parent.iterdir()] == ['m.onnx']
    assert len(told) == 1 and told[0].images == 4 and told[0].as_likely > 0.99


def test_a_model_that_disagrees_leaves_no_file(tmp_path: Path) -> None:
    """A file of before stays as it was; without the comparison the model is written."""
    run = saved_run(tmp_path / 'run', KINDS[0], lively(KINDS[0]))
    weights = checkpoint.load(run / checkpoint.FINISHED)[0]
    weights['at2.1.running_mean'] += torch.nan     # neither labels nor confidence mean anything
    broken = lively(KINDS[0])
    broken.load_state_dict(weights)
    saved_run(run, KINDS[0], broken)
    out = tmp_path / 'out' / 'm.onnx'
    out.parent.mkdir()
    out.write_bytes(b'of before')
    with pytest.raises(ExportError, match=r'm.onnx: not written, .* wanted 99.00%'):
        export(run, out, ExportConfig(network_pixels=PIXELS), '')
    assert out.read_bytes() == b'of before' and list(out.parent.iterdir()) == [out]
    export(run, out, ExportConfig(network_pixels=PIXELS, verify=False), '')
    assert load_engine(out, EngineConfig()).info.network == 'tiny'


def test_a_graph_that_is_another_network_is_told_apart(written: dict[tuple[str, str], Path]
                                                       ) -> None:
    """The comparison sees other weights, though labels are all there."""
    other = build(KINDS[0], CLASSES, seed=9).eval()
    found = agreement_of(written['tiny', 'fp32'], other, [smooth_picture(128, 192)], 2)
    assert found.as_likely < 0.9


def test_the_command_says_how_far_model_and_torch_agree(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options reach the file; what does not fit together is one line."""
    run = saved_run(tmp_path / 'run', KINDS[0], lively(KINDS[0]))
    out = tmp_path / 'm.onnx'
    command = ['export', str(run), '--out', str(out), '--network-pixels', str(PIXELS)]
    assert main([*command, '--precision', 'fp16', '--height', '54', '--width', '96', '--opset',
                 '19']) == 0
    assert 'of the labels are those of torch' in capsys.readouterr().out
    info = load_engine(out, EngineConfig()).info
    assert (info.input_height, info.input_width, info.precision) == (54, 96, 'fp16')
    for wrong, named in ((['--height', '54'], 'height, width: 54, 0'),
                         (['--opset', '17'], 'opset: 17 is below 18'),
                         (['--precision', 'int4'], "precision: 'int4'"),
                         (['--verify-data', str(tmp_path)], 'no data set')):
        assert main([*command, *wrong]) == 2
        assert named in capsys.readouterr().err
    assert not list(tmp_path.glob('*.part'))


def test_recorded_images_are_compared_where_given(tmp_path: Path, sim_bag: Path) -> None:
    """The images of a data set, brought to the only size that the model takes."""
    assert main(['harvest', str(sim_bag), '--out', str(tmp_path / 'data'), '--workers', '1',
                 '--set', 'selection.every=5']) == 0
    told: list[Agreement] = []
    run = saved_run(tmp_path / 'run', KINDS[1], lively(KINDS[1]))
    for height, width in ((0, 0), (40, 60)):
        export(run, tmp_path / 'm.onnx', ExportConfig(
            network_pixels=PIXELS, verify_data=str(tmp_path / 'data'), height=height,
            width=width), '', told.append)
    assert [t.images for t in told] == [2, 2] and min(t.same for t in told) > 0.99


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    """A recipe that says residual over weights of a tiny one."""
    run = saved_run(tmp_path / 'run', KINDS[1], lively(KINDS[0]))
    with pytest.raises(ExportError, match='model.safetensors: not the weights of a residual'):
        export(run, tmp_path / 'm.onnx', ExportConfig(), '')
    assert not (tmp_path / 'm.onnx').exists()


def test_a_run_without_checkpoint_is_named(tmp_path: Path) -> None:
    """There is nothing to export yet."""
    with pytest.raises(CheckpointError, match='last.safetensors: no such checkpoint'):
        export(tmp_path, tmp_path / 'm.onnx', ExportConfig(), '')


def test_one_side_is_no_size() -> None:
    """A width alone cannot be meant."""
    with pytest.raises(ConfigError, match='0, 960'):
        ExportConfig(width=960)


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
@pytest.mark.parametrize('fixed', [False, True], ids=['any size', 'one size'])
@pytest.mark.parametrize('config', KINDS, ids=lambda c: c.kind)
def test_several_images_at_once(tmp_path: Path, config: ModelConfig, fixed: bool,
                                precision: str) -> None:
    """A batched model gives each image the mask that it gets alone, and that torch gives it."""
    size = (90, 160) if fixed else (0, 0)
    info = info_of(config, batched=True, precision=precision, input_height=size[0],
                   input_width=size[1])
    path = write_model(lively(config), info, 2, tmp_path / 'm.onnx')
    shapes = [d.dim_value for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
    assert shapes == [0, *size, 3]
    engine = load_engine(path, EngineConfig())
    assert engine.info.batched
    images = [smooth_picture(*(size if fixed else (90 + 10 * (n % 2), 160)), n) for n in range(5)]
    together = engine.infer_many(images)
    for rgb, found in zip(images, together):
        alone = engine.infer(rgb)
        assert found.ids.shape == rgb.shape[:2]
        assert (found.ids == alone.ids).mean() > 0.999
    found = agreement_of(path, lively(config), images[:1], 2)
    assert found.as_likely > 0.999 and found.confidence_error < 0.004, found
    assert engine.infer_many([]) == []
