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

"""Probes: clear features score well, poor ones badly, and too few labels are told."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
import json
from pathlib import Path

from dseg_ros.classes import SemanticClass
from dseg_ros.cli import main
from dseg_ros.config.probe import ProbeConfig
from dseg_ros.evaluation.benchmarks import Benchmark, BenchmarkError
from dseg_ros.evaluation.features import FeatureError
from dseg_ros.evaluation.labelled import LabelledImage
from dseg_ros.evaluation.probes import Linear, Neighbours, PROBES
from dseg_ros.evaluation.probing import at_centres, probe
from dseg_ros.types import UNLABELLED
import numpy as np
import pytest
from safetensors.torch import save_file
import timm
from tiny_benchmarks import write_benchmark
from tiny_runs import write_run

SMALL = ProbeConfig(neighbours=3, cells_per_image=40)
CLASSES = tuple(SemanticClass(n, (i, i, i)) for i, n in enumerate(('road', 'car', 'sky')))


class Stripes:
    """Images of stripes whose colour tells their class."""

    title, label_set = 'stripes', 'three classes'

    def __init__(self, images: int, ids: Sequence[int],
                 classes: tuple[SemanticClass, ...] = CLASSES) -> None:
        """Give as many images with the same stripes, one per id."""
        self.count, self.ids, self.classes = images, ids, classes

    def facts(self) -> dict[str, str]:
        """Say nothing more."""
        return {}

    def __len__(self) -> int:
        """Count them."""
        return self.count

    def images(self) -> Iterator[LabelledImage]:
        """Draw them."""
        truth = np.repeat(np.array(self.ids, np.uint8), 8)[None].repeat(24, axis=0)
        for i in range(self.count):
            rgb = np.stack([np.where(truth == k, 200, 20) for k in range(3)], -1)
            yield LabelledImage(str(i), rgb.astype(np.uint8), truth)


class Colours:
    """The mean colour of cells of 8 x 8 pixels as features."""

    name = 'colours'

    def facts(self) -> dict[str, str]:
        """Say what it is."""
        return {'network': 'none'}

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Describe an image."""
        h, w = rgb.shape[:2]
        return rgb.reshape(h // 8, 8, w // 8, 8, 3).mean((1, 3)).astype(np.float32)


def quiet(done: int, total: int) -> None:
    """Tell nobody."""


@pytest.mark.parametrize('kind', PROBES.values())
def test_clear_features_are_told_apart(kind: type[Neighbours] | type[Linear]) -> None:
    """By their neighbours and by a plane; a class that was never seen has no share."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.array([0, 2], np.uint8), 30)
    centres = np.array([[9, 0], [0, 0], [0, 9]])
    features = (centres[labels] + rng.normal(size=(60, 2))).astype(np.float32)
    one = kind(features, labels, 3, SMALL)
    shares = one(features)
    assert shares.shape == (60, 3) and np.allclose(shares.sum(1), 1, atol=1e-5)
    assert (shares.argmax(1) == labels).all() and not shares[:, 1].any()
    assert 'k = 3' in one.fact() or 'converged after' in one.fact()


def test_near_neighbours_weigh_more() -> None:
    """One that is the same outvotes two that are not, if the temperature is low."""
    known = np.array([[1, 0], [0.8, 0.6], [0.8, -0.6]], np.float32)
    labels = np.array([1, 0, 0], np.uint8)
    asked = np.array([[5, 0]], np.float32)
    sharp, blunt = (Neighbours(known, labels, 2, replace(SMALL, temperature=t))(asked)
                    for t in (0.07, 10.0))
    assert sharp[0, 1] > 0.8 > 0.4 > blunt[0, 1]


def test_probes_score_every_pixel_of_the_test() -> None:
    """Clear stripes: every centre is right; the protocol says what was done."""
    told: list[tuple[int, int]] = []
    found = probe(Stripes(2, (0, 1, 2, 0)), Stripes(3, (2, 1, 0)), Colours(), SMALL,
                  lambda done, total: told.append((done, total)))
    assert told == [(i, 5) for i in range(1, 6)]
    summary = found.summary()
    for name in ('knn', 'linear'):
        assert np.sum(summary[name]['confusion']) == 3 * 24 * 24
        assert summary[name]['pixel_accuracy'] == 100.0 == summary[name]['miou']
    assert summary['protocol']['trained on'].startswith('stripes; 24 cells')
    assert '3x3 cells of 3 channels' in summary['protocol']['features']


def test_a_class_that_was_not_learned_counts_as_zero() -> None:
    """And is named."""
    found = probe(Stripes(2, (0, 2, 0)), Stripes(1, (0, 1, 2)), Colours(), SMALL, quiet)
    assert found.summary()['knn']['iou']['car'] == 0.0
    assert found.protocol['classes'].endswith('without training label: car')


@pytest.mark.parametrize(('train', 'test', 'config', 'message'), [
    (Stripes(1, (0, 1)), Stripes(1, (0,)), replace(SMALL, neighbours=20),
     '6 labelled cells, fewer than the 20 neighbours'),
    (Stripes(1, (1,)), Stripes(1, (0,)), SMALL, '3 labelled cells of 1 class'),
    (Stripes(1, (UNLABELLED,)), Stripes(1, (0,)), SMALL, '1 images without one labelled cell'),
    (Stripes(0, ()), Stripes(1, (0,)), SMALL, '0 images without one labelled cell'),
    (Stripes(1, (0, 1)), Stripes(2, (UNLABELLED,)), SMALL, '2 images without one labelled pixel'),
    (Stripes(1, (0, 1)), Stripes(1, (0,), CLASSES[:2]), SMALL, 'have different classes'),
])
def test_too_little_is_named(train: Stripes, test: Stripes, config: ProbeConfig,
                             message: str) -> None:
    """Nothing is scored with what cannot be learned from."""
    with pytest.raises(FeatureError, match=message):
        probe(train, test, Colours(), config, quiet)


def test_cells_take_the_class_of_their_centre() -> None:
    """Also where the grid does not divide the image."""
    truth = np.arange(7, dtype=np.uint8)[None].repeat(4, axis=0)
    assert at_centres(truth, (2, 3)).tolist() == [[1, 3, 5]] * 2


def test_a_benchmark_is_split_by_name(tmp_path: Path) -> None:
    """The first part trains, the rest tests; both parts say which they are."""
    whole = Benchmark('camvid', write_benchmark(tmp_path, 'camvid', 5))
    train, test = whole.split(0.6)
    assert [p.name[:-4] for p, _ in train] == [f'0016E5_0000{i}' for i in range(3)]
    assert len(test) == 2 and test.title.endswith('last 2 by name')
    assert len(whole) == 5
    with pytest.raises(BenchmarkError, match='5 images cannot be split at 0.01'):
        whole.split(0.01)


def test_the_command_compares_networks(tmp_path: Path,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs, random weights and a backbone; the file holds the confusion, too."""
    root = write_benchmark(tmp_path / 'data', 'cityscapes19', 4)
    runs = [str(write_run(tmp_path / name, seed=i)) for i, name in enumerate('ab')]
    weights = tmp_path / 'vit.safetensors'
    save_file(timm.create_model('test_vit', num_classes=0).state_dict(), weights)
    assert main(['probe', *runs, '--untrained', '--with-backbone', '--benchmark', 'cityscapes19',
                 '--root', str(root), '--out', str(tmp_path / 'out/probes.json'),
                 '--neighbours', '5', '--image-pixels', '6144',
                 '--set', 'backbone.name=test_vit', '--set', f'backbone.weights={weights}',
                 '--set', 'backbone.device=cpu']) == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / 'out/probes.json').read_text())
    assert [one['network'].rpartition('/')[2] for one in written['probes']] == [
        'a', 'b', 'a with random weights', 'test_vit']
    for one, short in zip(written['probes'], printed['probes']):
        assert 0 <= one['linear']['miou'] <= 100 and 'cityscapes19' in one['protocol']['tested on']
        assert np.sum(one['knn'].pop('confusion')) == np.sum(one['linear'].pop('confusion')) > 0
        assert one == short
    assert 'torch' in printed['machine']


@pytest.mark.parametrize('arguments', [
    (), ('run',), ('--train', 'a', '--test', 'b'), ('run', '--train', 'a'),
    ('run', '--benchmark', 'camvid'), ('--untrained', '--with-backbone', '--train', 'a', '--test',
                                       'b'),
    ('run', '--train', 'a', '--test', 'b', '--benchmark', 'camvid', '--root', '.')])
def test_options_that_belong_together(arguments: tuple[str, ...]) -> None:
    """Drives or a benchmark, and something to probe."""
    with pytest.raises(SystemExit) as stopped:
        main(['probe', *arguments])
    assert stopped.value.code == 2
