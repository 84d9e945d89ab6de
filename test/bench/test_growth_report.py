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

"""How cost grows: exponents, explanations, the page."""

from __future__ import annotations

from pathlib import Path

from dseg_ros.bench.growth import Curve, listing, POINTS, WHY
from dseg_ros.bench.growth_page import growth_page
from dseg_ros.bench.harvest import harvested
from dseg_ros.bench.rows import BenchError
from dseg_ros.bench.setting import Setting
from dseg_ros.config.bench import BenchConfig
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.sync import SyncConfig
from dseg_ros.sync import NearestMatcher
from pages import Page
import pytest


def curve(name: str, exponent: float) -> Curve:
    """Make a curve that grows with an exponent."""
    return Curve(name, 'points', tuple((float(n), 2e-5 * n ** exponent) for n in POINTS))


@pytest.mark.parametrize('exponent', [0.0, 0.5, 1.0, 1.4, 2.0])
def test_the_exponent_is_fitted(exponent: float) -> None:
    """Exactly, where the points lie on a power."""
    assert curve('proposals', exponent).exponent == pytest.approx(exponent, abs=1e-6)


def test_only_what_is_above_linear_is_explained() -> None:
    """A step without a known cause says so."""
    assert curve('proposals', 1.05).explanation == ''
    assert curve('proposals', 1.2).explanation == WHY['proposals']
    assert curve('something', 1.2).explanation == 'super-linear, and no cause is known'
    text = listing([curve('proposals', 1.0), curve('decoding', 1.3)])
    assert text.count('above linear') == 1 and '1.30' in text


def test_decisions_are_as_many_as_the_explanation_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of matching, per sweep and camera, with one camera and with six."""
    tried: list[str] = []
    decide = NearestMatcher._decide
    monkeypatch.setattr(NearestMatcher, '_decide', lambda self, name, *rest: (
        tried.append(name), decide(self, name, *rest))[1])
    for cameras in (1, 6):
        tried.clear()
        names = [f'camera_{i}' for i in range(cameras)]
        matcher = NearestMatcher(SyncConfig(), names)
        for sweep in range(30):
            matcher.push_cloud(sweep * 100_000_000, sweep)
            for i, name in enumerate(names):
                matcher.push_image(name, sweep * 100_000_000 + i * 1_000_000, sweep)
        assert f'{len(tried) / 30 / cameras:.1f}' in WHY['matching 30 sweeps']


def test_the_page_shows_every_curve() -> None:
    """One file, which loads nothing."""
    page = growth_page([curve('proposals', 1.0), curve('decoding', 1.3)],
                       {'machine': 'two <cores>'})
    said = Page(page).said
    assert all(text in said for text in ('proposals', 'decoding', '1.30', 'two <cores>'))
    assert page.count('<svg') == 2


def test_bags_that_are_counted_are_harvested(sim_bag: Path, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are recordings of their own; the same one twice is no measurement of two."""
    setting = Setting(BenchConfig(short=True), tmp_path)
    monkeypatch.setattr(Setting, 'drive', sim_bag)
    out = str(tmp_path / 'set')

    def samples(*bags: Path) -> int:
        return harvested(HarvestConfig(bags=tuple(map(str, bags)), out=out, workers=1))[2]

    once, twice = samples(sim_bag), samples(*setting.copies(2))
    assert twice == 2 * once > 0
    with pytest.raises(BenchError, match='2 recordings were harvested as 1'):
        samples(sim_bag, sim_bag)
