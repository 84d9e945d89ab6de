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

"""k-means over descriptions, per iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dseg_ros.bench.anchors.clustering import faiss, Floats, KMeans, numpy_lloyd, scikit_learn
from dseg_ros.bench.registry import Benchmark
from dseg_ros.bench.rows import Limit, Row, Spec
from dseg_ros.bench.setting import Setting
from dseg_ros.bench.timer import prepare, timed
import numpy as np

OURS = 'k-means as we call it'
SKLEARN, NUMPY, FAISS = 'scikit-learn, bare', 'NumPy by hand', 'faiss'
SPECS = (
    Spec('k-means', OURS, SKLEARN, (Limit('ours_ms', most=400.0),)),
    Spec('k-means / NumPy', OURS, NUMPY),
    Spec('k-means / faiss', OURS, FAISS),
)
FEATURES, CLUSTERS, ITERATIONS = 384, 30, 8
MILLION = 1_000_000


def as_we_do() -> KMeans:
    """Make the k-means of the pseudo-classes: weighted, with as many starts as asked for."""
    from dseg_ros.pseudo.clusters import means_of

    def fit(x: Floats, clusters: int, seed: int) -> int:
        return int(means_of(x, np.ones(len(x), np.float32), clusters, 1, seed).n_iter_)
    return fit


def descriptions(rows: int) -> Floats:
    """Make directions around as many centres as there are clusters."""
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((CLUSTERS, FEATURES), np.float32)
    x = centres[rng.integers(0, CLUSTERS, rows)]
    x += 2.5 * rng.standard_normal(x.shape, np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x, np.float32)


def run(setting: Setting) -> Iterator[Row]:
    """Fit in turns, one thread each; starting up counts, shared out among the iterations."""
    from threadpoolctl import threadpool_limits
    rows, rounds = setting.pick(200_000, 10_000), setting.pick(2, 1)
    makers: dict[str, Callable[[], KMeans]] = {
        OURS: as_we_do, SKLEARN: scikit_learn, NUMPY: lambda: numpy_lloyd(ITERATIONS),
        FAISS: lambda: faiss(ITERATIONS)}
    fits, missing = prepare(makers)
    if OURS in missing:
        raise ImportError(missing[OURS])
    x = descriptions(rows)
    taken: dict[str, list[float]] = {name: [] for name in fits}
    with threadpool_limits(1):
        for number in range(rounds):
            for name, fit in fits.items():
                taken[name].append(_per_iteration(fit, x, number))
    ms = {name: float(np.median(values)) for name, values in taken.items()}
    for spec in SPECS:
        yield Row(spec, ms[OURS], ms.get(spec.anchor), {'n': rounds, 'rows': rows},
                  missing.get(spec.anchor, ''))


def _per_iteration(fit: KMeans, x: Floats, seed: int) -> float:
    """Return CPU time of an iteration for a million rows [ms]."""
    iterations: list[int] = []
    cpu_s, _ = timed(lambda _: iterations.append(fit(x, CLUSTERS, seed)))
    return 1e3 * cpu_s / iterations[0] * MILLION / len(x)


BENCHMARK = Benchmark(f'an iteration of k-means, {CLUSTERS} clusters, per million rows of '
                      f'{FEATURES}', SPECS, run, 45)
