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

"""Every benchmark's layout and ground truth, on tiny folders; errors name the value."""

from pathlib import Path

from dseg_ros.classes import CITYSCAPES_19
from dseg_ros.evaluation.benchmarks import Benchmark, BenchmarkError
from dseg_ros.evaluation.label_sets import CITYSCAPES_27
from dseg_ros.evaluation.layouts import BENCHMARKS
from dseg_ros.types import UNLABELLED
import numpy as np
import pytest
from tiny_benchmarks import FILES, HEIGHT, VALUES, WIDTH, write, write_benchmark, write_truth


@pytest.mark.parametrize('name', BENCHMARKS)
def test_every_layout_is_read(tmp_path: Path, name: str) -> None:
    """Images come in order, each with the classes that its publisher's values stand for."""
    write_benchmark(tmp_path, name, 3)
    benchmark = Benchmark(name, tmp_path)
    names = [c.name for c in benchmark.classes]
    expected = [UNLABELLED if label is None else names.index(label) for _, label in VALUES[name]]
    pairs = list(benchmark)
    assert len(benchmark) == 3
    assert [path for path, _ in pairs] == [tmp_path / FILES[name][0].format(i) for i in range(3)]
    for _, truth in pairs:
        assert truth.shape == (HEIGHT, WIDTH) and truth.dtype == np.uint8
        assert truth[5, ::WIDTH // len(expected)].tolist() == expected


def test_lists_have_the_published_sizes() -> None:
    """Classes are as many as the protocols say, and no name is there twice."""
    sizes = {name: len(layout.labels.classes) for name, layout in BENCHMARKS.items()}
    assert sizes == {**dict.fromkeys(FILES, 19), 'cityscapes27': 27, 'camvid': 11,
                     'camvid_segnet': 11}
    for layout in BENCHMARKS.values():
        assert len({c.name for c in layout.labels.classes}) == len(layout.labels.classes)
    assert {c.name for c in CITYSCAPES_19} < {c.name for c in CITYSCAPES_27}
    assert len(BENCHMARKS['camvid'].labels.values) == 32


def test_the_folder_of_the_archive_may_be_the_root(tmp_path: Path) -> None:
    """Both the folder that the archive unpacks into and its parent are roots."""
    write_benchmark(tmp_path, 'nighttime_driving')
    inside = tmp_path / 'NighttimeDrivingTest'
    assert Benchmark('nighttime_driving', inside).files == Benchmark(
        'nighttime_driving', tmp_path).files


def test_every_nth_image_is_taken(tmp_path: Path) -> None:
    """A third of the images, evenly."""
    write_benchmark(tmp_path, 'kitti_semantics', 5)
    assert [p.name for p, _ in Benchmark('kitti_semantics', tmp_path, 3)] == [
        '000000_10.png', '000003_10.png']
    with pytest.raises(BenchmarkError, match='every 0th'):
        Benchmark('kitti_semantics', tmp_path, 0)


def test_reading_is_lazy(tmp_path: Path) -> None:
    """A damaged file is told when it is its turn, not before."""
    write_benchmark(tmp_path, 'kitti_semantics', 2)
    damaged = tmp_path / FILES['kitti_semantics'][1].format(1)
    damaged.write_bytes(b'no picture')
    pairs = iter(Benchmark('kitti_semantics', tmp_path))
    next(pairs)
    with pytest.raises(BenchmarkError, match='000001_10.png: not a readable picture'):
        next(pairs)


def test_unknown_values_are_named(tmp_path: Path) -> None:
    """An id or colour without meaning is no class, and never silently ignored."""
    for name, pixels, message in (
            ('kitti_semantics', np.full((4, 5), 34, np.uint8), 'unknown id 34 in 20 pixels'),
            ('acdc_fog', np.full((4, 5), 19, np.uint8), 'unknown id 19'),
            ('camvid_segnet', np.full((4, 5), 12, np.uint8), 'unknown id 12'),
            ('camvid', np.full((4, 5, 3), (1, 2, 3), np.uint8), 'unknown colour #010203'),
            ('dark_zurich', np.zeros((4, 5, 3), np.uint8), r'\(4, 5, 3\) uint8'),
            ('cityscapes19', np.zeros((4, 5), np.uint16), r'\(4, 5\) uint16')):
        write_benchmark(tmp_path / name, name, 1)
        truth = write(tmp_path / name / FILES[name][1].format(0), pixels)
        with pytest.raises(BenchmarkError, match=message) as error:
            list(Benchmark(name, tmp_path / name))
        assert truth.name in str(error.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Benchmark, root, folder, images, one ground truth."""
    with pytest.raises(BenchmarkError, match="'cityscape', known are cityscapes19"):
        Benchmark('cityscape', tmp_path)
    with pytest.raises(BenchmarkError, match='nowhere: no such folder'):
        Benchmark('cityscapes19', tmp_path / 'nowhere')
    with pytest.raises(BenchmarkError, match='leftImg8bit/val: no such folder'):
        Benchmark('cityscapes19', tmp_path)
    (tmp_path / 'leftImg8bit/val').mkdir(parents=True)
    with pytest.raises(BenchmarkError, match='gtFine/val: no such folder'):
        Benchmark('cityscapes19', tmp_path)
    (tmp_path / 'gtFine/val').mkdir(parents=True)
    with pytest.raises(BenchmarkError, match=r'val: no images \*_leftImg8bit.png'):
        Benchmark('cityscapes19', tmp_path)
    write_benchmark(tmp_path, 'cityscapes19')
    write_truth(tmp_path, 'cityscapes19', 1).unlink()
    with pytest.raises(BenchmarkError, match='000001_000019_gtFine_labelIds.png: no ground truth'):
        Benchmark('cityscapes19', tmp_path)
