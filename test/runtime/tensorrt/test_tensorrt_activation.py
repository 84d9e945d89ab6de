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

"""From a model file to an engine that may be used: kept, rebuilt, compared, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from dseg_ros.cli.app import main
from dseg_ros.config.runtime import EngineConfig, TensorRtConfig
from dseg_ros.runtime import loading
from dseg_ros.runtime.engine import EngineError
from dseg_ros.runtime.loading import load_engine, load_or_fall_back
from dseg_ros.runtime.onnxruntime import OnnxRuntimeEngine
from dseg_ros.runtime.tensorrt import activating, device, library, opening
from dseg_ros.runtime.tensorrt.activating import Disagreement
from dseg_ros.runtime.tensorrt.device import Cuda
from dseg_ros.runtime.tensorrt.library import Library, NotHere
from dseg_ros.runtime.tensorrt.shapes import Shapes
from dseg_ros.types import LabelMap
from fakes import fake_module, GraphCuda
import numpy as np
import pytest

TENSORRT = EngineConfig(backend='tensorrt')


class Pretended:
    """ONNX Runtime under TensorRT's name; `change` is done to its labels."""

    shapes = Shapes((1, 1), (90, 160), (4000, 4000))
    typical_size = (90, 160)
    runs_on = 'TensorRT 99'

    def __init__(self, reference: OnnxRuntimeEngine,
                 change: Callable[[np.ndarray, int], np.ndarray]) -> None:
        """Stand before the reference."""
        self.info, self._reference, self._change, self._run = reference.info, reference, change, 0

    def infer(self, rgb: np.ndarray) -> LabelMap:
        """Run it and spoil it."""
        found = self._reference.infer(rgb)
        self._run += 1
        return LabelMap(self._change(found.ids, self._run), found.confidence)

    def save_kernels(self) -> None:
        """Have nothing to save."""


def pretend(monkeypatch: pytest.MonkeyPatch, path: Path,
            change: Callable[[np.ndarray, int], np.ndarray]) -> None:
    """Let such an engine be what TensorRT opens."""
    reference = OnnxRuntimeEngine(path, 1)
    monkeypatch.setattr(activating, 'open_engine', lambda *_: Pretended(reference, change))


def some_wrong(ids: np.ndarray, run: int) -> np.ndarray:
    """Give every tenth row other labels."""
    wrong = ids.copy()
    wrong[::10] = (wrong[::10] + 1) % 5
    return wrong


def test_an_engine_that_agrees_is_used(small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its agreement is told."""
    pretend(monkeypatch, small_model, lambda ids, run: ids)
    told: list[str] = []
    loaded = load_or_fall_back(small_model, TENSORRT, told.append)
    assert loaded.engine.runs_on == 'TensorRT 99' and loaded.trouble is None and not loaded.why
    assert '100.000% of the labels of 2 pictures are those of ONNX Runtime' in told[0]


@pytest.mark.parametrize('change', [
    some_wrong, lambda ids, run: some_wrong(ids, run) if run % 4 == 0 else ids],
    ids=['always', 'with the second graph only'])
def test_an_engine_that_disagrees_is_not_used(
        small_model: Path, monkeypatch: pytest.MonkeyPatch,
        change: Callable[[np.ndarray, int], np.ndarray]) -> None:
    """ONNX Runtime takes over, with the reason; who wants TensorRT alone gets an error."""
    pretend(monkeypatch, small_model, change)
    loaded = load_or_fall_back(small_model, TENSORRT)
    assert loaded.engine.runs_on.startswith('ONNX Runtime')
    assert isinstance(loaded.trouble, Disagreement)
    assert 'TensorRT 99: only 90.00% of the labels' in str(loaded.trouble)
    with pytest.raises(Disagreement, match='wanted 99.00%'):
        load_engine(small_model, TENSORRT)
    enough = EngineConfig(backend='tensorrt', tensorrt=TensorRtConfig(agreement=0.89))
    assert load_engine(small_model, enough).runs_on == 'TensorRT 99'


@pytest.mark.parametrize('error', [EngineError('m.onnx: cannot be parsed'), TypeError('changed')])
def test_whatever_fails_is_told_and_onnxruntime_runs(
        small_model: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Also what a binding of another version raises."""
    def fail(*_: object) -> None:
        raise error
    monkeypatch.setattr(activating, 'open_engine', fail)
    for backend in ('auto', 'tensorrt_rtx'):
        loaded = load_or_fall_back(small_model, EngineConfig(backend=backend))
        assert loaded.engine.runs_on.startswith('ONNX Runtime')
        assert str(error) in str(loaded.trouble)


def test_what_is_not_there_is_no_trouble_unless_asked_for(
        small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` goes on and says why; a backend by name is an error."""
    def none(cuda: Cuda) -> None:
        raise NotHere('there is no GPU')
    monkeypatch.setattr(device.Cuda, 'gpu', none)
    loaded = load_or_fall_back(small_model, EngineConfig())
    assert loaded.trouble is None and loaded.why == 'no TensorRT: there is no GPU'
    for backend in ('tensorrt', 'tensorrt_rtx'):
        with pytest.raises(EngineError, match=f'backend {backend}: there is no GPU'):
            load_or_fall_back(small_model, EngineConfig(backend=backend))
    assert load_or_fall_back(small_model, EngineConfig(backend='onnxruntime')).why == ''


def test_the_command_checks_on_a_gpu_only(small_model: Path, monkeypatch: pytest.MonkeyPatch,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 without one, 1 where labels differ."""
    pretend(monkeypatch, small_model, some_wrong)
    assert main(['engine', 'check', str(small_model)]) == 1
    assert 'only 90.00% of the labels' in capsys.readouterr().out
    monkeypatch.undo()
    monkeypatch.setattr(device.Cuda, 'gpu', lambda cuda: _raise(NotHere('there is no GPU')))
    assert main(['engine', 'check', str(small_model)]) == 2
    assert 'there is no GPU' in capsys.readouterr().err


def _raise(error: Exception) -> None:
    raise error


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give a made-up GPU with its TensorRT; what is to be built comes from this list."""
    api = GraphCuda()
    errors: list[str] = []
    found = Library('tensorrt', fake_module(api), errors, errors)
    plans: list[bytes] = []
    monkeypatch.setattr(device.Cuda, 'load', classmethod(lambda cls: Cuda(api)))
    monkeypatch.setattr(opening, 'find', lambda name: found)
    monkeypatch.setattr(opening, 'build', lambda *_: plans.pop(0))
    return plans


def opened(path: Path, cache: Path, told: Callable[[str], None] = lambda text: None) -> object:
    """Open a model on the made-up GPU."""
    return opening.open_engine(path, OnnxRuntimeEngine(path, 1).info, 'tensorrt',
                               TensorRtConfig(cache=str(cache)), told)


def test_an_engine_is_built_once(small_model: Path, tmp_path: Path, pretended_gpu: list[bytes]
                                 ) -> None:
    """The second start finds it."""
    pretended_gpu += [b'new']
    for _ in range(2):
        engine = opened(small_model, tmp_path)
        assert engine.infer(np.full((200, 400, 3), 3, np.uint8)).ids.max() == 3
    assert not pretended_gpu and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('damage', [lambda b: b[:-1], lambda b: b'', None],
                         ids=['cut', 'empty', 'of another version'])
def test_a_file_that_cannot_be_read_is_built_anew_once(
        small_model: Path, tmp_path: Path, pretended_gpu: list[bytes],
        damage: Callable[[bytes], bytes] | None) -> None:
    """And that is told; if what was built then cannot be read either, it is an error."""
    pretended_gpu += [b'new']
    opened(small_model, tmp_path)
    (file,) = tmp_path.iterdir()
    told: list[str] = []
    if damage is None:  # whole, but TensorRT does not like it
        recipe = opening.Recipe('', '', '', (), '', Shapes((1, 1), (1, 1), (1, 1)))
        opening.keep(file, b'old engine', recipe)
    else:
        file.write_bytes(damage(file.read_bytes()))
    pretended_gpu += [b'newer']
    opened(small_model, tmp_path, told.append)
    assert len(told) == 1 and str(file) in told[0] and 'built anew' in told[0]
    assert opening.kept(file) == b'newer'
    file.unlink()
    pretended_gpu += [b'old again']
    with pytest.raises(EngineError, match='cannot read the engine that it built: pretended: '
                                          'wrong version tag'):
        opened(small_model, tmp_path)
    assert not pretended_gpu


def test_a_cache_that_cannot_be_written_costs_time_only(
        small_model: Path, tmp_path: Path, pretended_gpu: list[bytes]) -> None:
    """It is told, and the engine runs."""
    pretended_gpu += [b'new']
    (tmp_path / 'file').write_text('')
    told: list[str] = []
    opened(small_model, tmp_path / 'file' / 'cache', told.append)
    assert 'the engine is not kept' in told[-1]


def test_only_a_gpu_that_the_library_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """All reasons are named."""
    known = SimpleNamespace(SM75=0, SM120=0)
    rtx = Library('tensorrt_rtx', SimpleNamespace(__version__='1.7', ComputeCapability=known), [],
                  [])

    def find(name: str) -> Library:
        if name == 'tensorrt':
            raise NotHere('TensorRT is not installed')
        return rtx
    monkeypatch.setattr(opening, 'find', find)
    gpu = device.Gpu('H100', 90)
    with pytest.raises(NotHere, match='TensorRT is not installed; TensorRT-RTX 1.7 does not know '
                                      'H100, SM 90, but SM 75, 120'):
        opening._for_gpu('auto', gpu)
    assert opening._for_gpu('auto', device.Gpu('RTX', 120)) is rtx


def test_what_is_no_tensorrt_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of that name, and a version that has no strong types."""
    (tmp_path / 'tensorrt').mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(library, '_import', lambda name: SimpleNamespace(__path__='a folder'))
    with pytest.raises(NotHere, match='a folder is something else'):
        library.find.__wrapped__('tensorrt')
    monkeypatch.setattr(library, '_import', lambda name: SimpleNamespace(
        Builder=None, __version__='8.6.1'))
    with pytest.raises(NotHere, match='8.6.1 is older than 10'):
        library.find.__wrapped__('tensorrt')


def test_engine_files_are_not_models(tmp_path: Path) -> None:
    """The .onnx stays what is given."""
    for suffix in ('.plan', '.engine'):
        file = tmp_path / f'm{suffix}'
        file.write_bytes(b'x')
        with pytest.raises(EngineError, match='give the .onnx model'):
            loading.load_engine(file, EngineConfig())
