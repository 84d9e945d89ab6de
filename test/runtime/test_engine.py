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

"""The engine: right outputs for any image, clear words for any wrong file."""

import os
from pathlib import Path

from dseg_ros.config.runtime import EngineConfig
from dseg_ros.config.schema import ConfigError
from dseg_ros.runtime.engine import EngineError, ModelInfo
from dseg_ros.runtime.loading import load_engine
import numpy as np
import onnx
import onnxruntime
import pytest


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Draw something with edges and noise."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[0:height, 0:width]
    base = np.stack([u * 255 / width, v * 255 / height, (u + v) % 97], axis=-1)
    return np.clip(base + rng.normal(0, 8, base.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize('size', [(540, 960), (375, 1242), (1, 1), (3, 700), (17, 33)])
def test_masks_have_the_size_of_the_image(small_model: Path, size: tuple[int, int]) -> None:
    """Any image size goes, without telling the engine before."""
    engine = load_engine(small_model, EngineConfig())
    result = engine.infer(picture(*size))
    for array in (result.ids, result.confidence):
        assert array.shape == size and array.dtype == np.uint8
    assert result.ids.max() < len(engine.info.class_names)


def test_a_mask_stays_as_it_is(small_model: Path) -> None:
    """The next image does not change the mask of the last; the same image gives the same."""
    engine = load_engine(small_model, EngineConfig(threads=2))
    first = engine.infer(picture(60, 90, 1))
    kept = first.ids.copy(), first.confidence.copy()
    engine.infer(picture(60, 90, 2))
    again = engine.infer(np.asfortranarray(picture(60, 90, 1)))
    assert np.array_equal(first.ids, kept[0]) and np.array_equal(first.confidence, kept[1])
    assert np.array_equal(again.ids, kept[0])


def test_flipped_rows_are_copied_not_misread(small_model: Path) -> None:
    """A view with negative strides is read as what it shows."""
    engine = load_engine(small_model, EngineConfig())
    image = picture(48, 64)
    assert np.array_equal(engine.infer(image[::-1]).ids,
                          engine.infer(image[::-1].copy()).ids)


def test_metadata_survives(small_model: Path) -> None:
    """All that the exporter wrote is read back."""
    info = load_engine(small_model, EngineConfig()).info
    assert info.class_names == tuple(f'class {i}' for i in range(5))
    assert info.palette.shape == (5, 3) and info.palette.dtype == np.uint8
    assert (info.network_pixels, info.version, info.data_sha256) == (64 * 96, 'test 1', 'abc')
    assert (info.input_height, info.input_width) == (0, 0)
    assert (info.network, info.precision) == ('', 'fp32')


def test_models_of_before_are_read() -> None:
    """The first models of this format say neither kind of network nor precision."""
    metadata = ModelInfo(('a',), np.zeros((1, 3), np.uint8), network='tiny', precision='fp16'
                         ).to_metadata()
    info = ModelInfo.from_metadata(metadata, 'm.onnx')
    assert (info.network, info.precision) == ('tiny', 'fp16')
    del metadata['dseg.network'], metadata['dseg.precision']
    info = ModelInfo.from_metadata(metadata, 'm.onnx')
    assert (info.network, info.precision) == ('', 'fp32')


@pytest.mark.parametrize('bad', [
    np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32),
    np.zeros((0, 4, 3), np.uint8)])
def test_wrong_images_are_refused(small_model: Path, bad: np.ndarray) -> None:
    """Shape and type are named; the engine goes on working."""
    engine = load_engine(small_model, EngineConfig())
    with pytest.raises(EngineError, match=str(bad.dtype)):
        engine.infer(bad)
    engine.infer(picture(8, 8))


def test_missing_and_foreign_files(tmp_path: Path, small_model: Path) -> None:
    """Each wrong file is named, with what is wrong with it."""
    with pytest.raises(EngineError, match='none.onnx: no such model file'):
        load_engine(tmp_path / 'none.onnx', EngineConfig())
    broken = tmp_path / 'broken.onnx'
    broken.write_bytes(small_model.read_bytes()[:1000])
    with pytest.raises(EngineError, match='broken.onnx: ONNX Runtime cannot load it'):
        load_engine(broken, EngineConfig())
    other = tmp_path / 'weights.pth'
    other.write_bytes(b'x')
    with pytest.raises(EngineError, match=r"weights.pth: no engine runs '.pth' files"):
        load_engine(other, EngineConfig())
    plan = tmp_path / 'model.plan'
    plan.write_bytes(b'x')
    with pytest.raises(EngineError, match='TensorRT'):
        load_engine(plan, EngineConfig())


def test_another_networks_model_is_refused(tmp_path: Path) -> None:
    """A valid ONNX file without our metadata, or with our metadata over other outputs."""
    body = 'g (uint8[H, W, 3] image) => (uint8[H, W, 3] same) { same = Identity(image) }'
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 18]> {body}')
    path = tmp_path / 'other.onnx'
    onnx.save(model, path)
    with pytest.raises(EngineError, match='other.onnx: not a model of this package'):
        load_engine(path, EngineConfig())
    onnx.helper.set_model_props(model, ModelInfo(('a',), np.zeros((1, 3), np.uint8),
                                                 ).to_metadata())
    onnx.save(model, path)
    with pytest.raises(EngineError, match=r'other.onnx: has .*same.*expected .*ids'):
        load_engine(path, EngineConfig())


@pytest.mark.parametrize(('key', 'value'), [
    ('dseg.palette', '[[1, 2, 300]]'), ('dseg.class_names', '['), ('dseg.input_size', '[1]'),
    ('dseg.network_pixels', 'many'), ('dseg.format', '9')])
def test_damaged_metadata_is_named(key: str, value: str) -> None:
    """Metadata that cannot be is an error, not a strange mask later."""
    metadata = ModelInfo(('a',), np.zeros((1, 3), np.uint8)).to_metadata()
    with pytest.raises(EngineError, match='m.onnx'):
        ModelInfo.from_metadata({**metadata, key: value}, 'm.onnx')
    del metadata[key]
    with pytest.raises(EngineError, match=key):
        ModelInfo.from_metadata(metadata, 'm.onnx')


@pytest.mark.skipif(not hasattr(os, 'sched_getaffinity'), reason='only Linux binds threads')
def test_threads_can_be_bound(small_model: Path) -> None:
    """Those of the library, to the CPU that was given; the caller's stays where it was."""
    def bound() -> dict[str, str]:
        found = {}
        for status in Path('/proc/self/task').glob('*/status'):
            text = status.read_text()
            found[status.parent.name] = text.split('Cpus_allowed_list:')[1].split()[0]
        return found

    mine, before = sorted(os.sched_getaffinity(0)), bound()
    engine = load_engine(small_model, EngineConfig(threads=2, cpus=(mine[-1],)))
    new = {task: cpus for task, cpus in bound().items() if task not in before}
    assert str(mine[-1]) in new.values()
    assert sorted(os.sched_getaffinity(0)) == mine
    assert f'2 threads on CPU {mine[-1]}' in engine.runs_on
    engine.infer(picture(60, 90))
    with pytest.raises(ConfigError, match=r'cpus: \[0, 1\] names 2; of 2 threads 1 can be bound'):
        EngineConfig(threads=2, cpus=(0, 1))


def test_cuda_is_used_where_onnxruntime_has_it(small_model: Path, monkeypatch: pytest.MonkeyPatch
                                               ) -> None:
    """And the engine says who runs it."""
    asked: list[list[str]] = []
    session = onnxruntime.InferenceSession

    def make(path: str, options: onnxruntime.SessionOptions, providers: list[str]) -> object:
        asked.append(providers)
        return session(path, options, providers=['CPUExecutionProvider'])

    monkeypatch.setattr(onnxruntime, 'InferenceSession', make)
    engine = load_engine(small_model, EngineConfig(backend='onnxruntime'))
    assert engine.runs_on == f'ONNX Runtime {onnxruntime.__version__}, CPUExecutionProvider, ' \
                             '1 thread'
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: [
        'TensorrtExecutionProvider', 'CUDAExecutionProvider', 'CPUExecutionProvider'])
    load_engine(small_model, EngineConfig(backend='onnxruntime'))
    assert asked == [['CPUExecutionProvider'], ['CUDAExecutionProvider', 'CPUExecutionProvider']]


def test_several_images_of_any_size(small_model: Path) -> None:
    """A model that takes single images runs them one by one, in their order."""
    engine = load_engine(small_model, EngineConfig())
    images = [picture(40 + n, 60, n) for n in range(3)]
    for rgb, found in zip(images, engine.infer_many(images)):
        assert np.array_equal(found.ids, engine.infer(rgb).ids)
    assert engine.typical_size == (360, 640)
