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

"""Scoring on a benchmark, its report, and the command."""

from collections.abc import Callable
import json
from pathlib import Path

from dseg_ros.classes import distinct_palette
from dseg_ros.cli import main
from dseg_ros.evaluation.benchmarks import Benchmark, BenchmarkError
from dseg_ros.evaluation.layouts import BENCHMARKS
from dseg_ros.evaluation.report import write_report
from dseg_ros.evaluation.score_sections import matched_palette, UNMATCHED_RGB
from dseg_ros.evaluation.scoring import Evaluation, run_benchmark, ScoringError
from dseg_ros.models.tiny import build
from dseg_ros.runtime.engine import ModelInfo
from dseg_ros.runtime.export import write_model
from dseg_ros.types import LabelMap
import numpy as np
from pages import Page
import pytest
from tiny_benchmarks import FILES, HEIGHT, VALUES, WIDTH, write, write_benchmark

CLUSTERS = tuple(f'cluster <{i}>' for i in range(9))


def by_colour(rgb: np.ndarray) -> LabelMap:
    """Give every stripe of the tiny images a cluster of its own, the first one two."""
    ids = (rgb[..., 0] // 20 - 1).astype(np.uint8)
    ids[:HEIGHT // 4][ids[:HEIGHT // 4] == 0] = 8
    return LabelMap(ids, ids)


def scored(root: Path, name: str, predict: Callable[[np.ndarray], LabelMap] = by_colour,
           ) -> Evaluation:
    """Score on a tiny benchmark."""
    return run_benchmark(Benchmark(name, root), predict, CLUSTERS, {'model': '<b>mine</b>'},
                         lambda done, total: None, shown=2)


def test_a_split_class_is_scored_in_three_ways(tmp_path: Path) -> None:
    """A quarter of the road has another cluster: an error strictly, none when many to one."""
    evaluation = scored(write_benchmark(tmp_path, 'cityscapes19', 3), 'cityscapes19')
    summary = evaluation.summary()
    labelled = sum(label is not None for _, label in VALUES['cityscapes19'])
    assert evaluation.counts.sum() == labelled * WIDTH // 8 * HEIGHT * 3
    assert summary['strict']['iou']['road'] == 75.0
    assert summary['strict']['miou'] == pytest.approx(100 * (labelled - 0.25) / labelled)
    assert summary['dropped']['miou'] == summary['many_to_one']['miou'] == 100.0
    assert summary['iou']['many_to_one']['road'] == 100.0
    assert summary['iou']['strict']['train'] is None
    assert summary['matching']['cluster <3>'] == 'car'
    assert 'cluster <8>' not in summary['matching']
    assert summary['many_to_one_matching']['cluster <8>'] == 'road'
    assert np.array(summary['confusion']['pixels']).shape == (10, 19)


def test_the_protocol_is_stated(tmp_path: Path) -> None:
    """Resolution, class list, matching, split and what the caller adds."""
    protocol = scored(write_benchmark(tmp_path, 'acdc_fog'), 'acdc_fog').protocol
    assert f'{WIDTH}x{HEIGHT}' in protocol['resolution']
    assert '19 classes; 7 of them occur' in protocol['classes']
    assert protocol['benchmark'] == 'acdc_fog: val, fog'
    assert protocol['model'] == '<b>mine</b>'


def test_progress_and_pictures(tmp_path: Path) -> None:
    """Every image is told; the first and the last are kept."""
    told: list[tuple[int, int]] = []
    benchmark = Benchmark('camvid', write_benchmark(tmp_path, 'camvid', 5))
    evaluation = run_benchmark(benchmark, by_colour, CLUSTERS, {},
                               lambda done, total: told.append((done, total)), shown=2)
    assert told == [(i, 5) for i in range(1, 6)]
    assert [s.name for s in evaluation.shown] == ['0016E5_00000.png', '0016E5_00004.png']


def test_what_cannot_be_scored_is_named(tmp_path: Path) -> None:
    """Ground truth of another size, damaged images, nothing labelled."""
    name = 'kitti_semantics'
    write_benchmark(tmp_path, name, 1)
    image, truth = (tmp_path / file.format(0) for file in FILES[name])
    write(truth, np.zeros((HEIGHT, WIDTH), np.uint8))
    with pytest.raises(ScoringError, match='1 images without one labelled pixel'):
        scored(tmp_path, name)
    write(truth, np.full((6, 7), 7, np.uint8))
    with pytest.raises(BenchmarkError, match='32x24 px, but its ground truth .*_10.png 7x6 px'):
        scored(tmp_path, name)
    image.write_bytes(b'')
    with pytest.raises(BenchmarkError, match='image_2/000000_10.png: not a readable picture'):
        scored(tmp_path, name)


def test_the_report_is_one_file(tmp_path: Path) -> None:
    """Pictures are inside, nothing is loaded, names are escaped, tags close, figures are there."""
    evaluation = scored(write_benchmark(tmp_path / 'data', 'cityscapes27'), 'cityscapes27')
    text = write_report(evaluation, tmp_path / 'new' / 'out').read_text()
    page = Page(text)
    assert page.pictures == 6
    assert '<b>mine' not in text and '<b>mine</b>' in page.said and 'cluster <3>' in page.said
    summary = json.loads((tmp_path / 'new/out/scores.json').read_text())
    assert f'{summary["strict"]["miou"]:.1f}' in page.said
    assert summary == evaluation.summary()
    for value in evaluation.protocol.values():
        assert value in page.said


def test_predictions_wear_the_colour_of_their_class(tmp_path: Path) -> None:
    """Matched clusters look like their class, unmatched ones like none."""
    evaluation = scored(write_benchmark(tmp_path, 'kitti_semantics'), 'kitti_semantics')
    palette = matched_palette(evaluation)
    assert palette.shape == (256, 3)
    assert tuple(palette[3]) == (0, 0, 142)
    assert tuple(palette[8]) == UNMATCHED_RGB


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a small untrained model."""
    info = ModelInfo(tuple('abcde'), distinct_palette(5), network_pixels=32 * 32,
                     version='test 1', data_sha256='abc')
    return write_model(build(5, 6, seed=3).eval(), info, 1,
                       tmp_path_factory.mktemp('model') / 'small.onnx')


def test_the_command_prints_and_writes(tmp_path: Path, model: Path,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    """Scores on stdout, with their protocol; the whole of it in the folder."""
    root = write_benchmark(tmp_path / 'data', 'camvid_segnet')
    assert main(['evaluate', str(model), '--benchmark', 'camvid_segnet', '--root', str(root),
                 '--out', str(tmp_path / 'out')]) == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / 'out/scores.json').read_text())
    assert written.pop('confusion')['rows'] == [*'abcde', 'no prediction']
    assert printed == written
    assert 'small.onnx' in printed['protocol']['model']
    assert '1,024 pixels' in printed['protocol']['post-processing']
    assert 'small.onnx' in (tmp_path / 'out/report.html').read_text()


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--benchmark', 'nuscenes', '--root', '.'), "unknown benchmark 'nuscenes', known are city"),
    (('--benchmark', 'camvid', '--root', 'nowhere'), 'nowhere: no such folder'),
    (('--benchmark', 'camvid', '--root', '.', '--every', '0'), 'every 0th'),
])
def test_the_command_names_what_is_wrong(arguments: tuple[str, ...], message: str, model: Path,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    """One line, status 2."""
    assert main(['evaluate', str(model), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith('dseg: error: ') and message in error and error.count('\n') == 1


def test_benchmarks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Every name, with its folders; no model is needed to ask."""
    with pytest.raises(SystemExit) as stopped:
        main(['evaluate', '--benchmarks'])
    assert not stopped.value.code
    said = capsys.readouterr().out
    for name, layout in BENCHMARKS.items():
        assert f'{name}: ' in said and layout.truths in said


@pytest.mark.parametrize('arguments', [
    (), ('--benchmark', 'camvid'), ('--bag', 'x', '--root', 'y'),
    ('--bag', 'x', '--benchmark', 'camvid', '--root', 'y')])
def test_options_that_belong_together(arguments: tuple[str, ...], model: Path) -> None:
    """A benchmark has a root, drives have none, and it is either of them."""
    with pytest.raises(SystemExit) as stopped:
        main(['evaluate', str(model), *arguments])
    assert stopped.value.code == 2
