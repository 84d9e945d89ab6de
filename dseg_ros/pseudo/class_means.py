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

"""What the members of a pseudo-class are like, in units that people know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dseg_ros.pseudo.geometry_features import Elements, GROUND_FEATURES, NONE
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray


Text = tuple[str, str, Callable[[float], float]]
"""Column of a description, how to say its mean, and how to make that a unit again."""


def _length_m(x: float) -> float:
    return float(np.sign(x) * np.expm1(abs(x)))


_OBJECT_TEXT: tuple[Text, ...] = (
    ('height', 'height {:.1f} m', _length_m), ('top', 'component up to {:.1f} m', _length_m),
    ('long', 'long {:.1f} m', _length_m), ('short', 'wide {:.1f} m', _length_m),
    ('planarity', 'planarity {:.2f}', float), ('linearity', 'linearity {:.2f}', float),
    ('intensity', 'intensity rank {:.2f}', float))
_GROUND_TEXT: tuple[Text, ...] = (
    ('roughness', 'log roughness {:+.2f}', float),
    ('step', 'over the lower ground {:.2f} m', lambda x: max(0.0, float(np.exp(x)) - 0.02)),
    ('intensity', 'intensity rank {:.2f}', float), ('lightness', 'lightness {:+.2f}', float))


class ClassMeans:
    """
    Adds up, sample by sample, how many points a class has and what they are like.

    :param names: of the classes.
    :param columns: meaning of the voxels' features; those of a network say nothing to people.
    """

    def __init__(self, names: Sequence[str], columns: Sequence[tuple[str, str]]) -> None:
        """Begin at nothing."""
        self._names = tuple(names)
        self._points = np.zeros(256, np.int64)
        self._parts = (_Part(GROUND_FEATURES, _GROUND_TEXT), _Part(columns, _OBJECT_TEXT))

    def add(self, labels: NDArray[np.uint8], voxels: Elements, cells: Elements) -> None:
        """
        Count a sample.

        :param labels: (N,) uint8 class of each point.
        :param voxels: what is not ground.
        :param cells: the ground.
        """
        self._points += np.bincount(labels, minlength=256)
        for part, elements in zip(self._parts, (cells, voxels)):
            part.add(labels, elements)

    def caption(self, label: int) -> tuple[str, str]:
        """Say a class's name, its share of all labelled points, and its mean features."""
        name = self._names[label]
        labelled = max(1, int(self._points[:UNLABELLED].sum()))
        return (f'{name}: {100 * self._points[label] / labelled:.1f} % of the labelled points',
                self._parts[0 if name.startswith('ground') else 1].text(label))


class _Part:
    """Sums of the features that can be told, per class; ground or objects."""

    def __init__(self, columns: Sequence[tuple[str, str]], texts: Sequence[Text]) -> None:
        names = [name for name, _ in columns]
        self._texts = [(names.index(name), text, unit) for name, text, unit in texts
                       if name in names]
        self._total = np.zeros((256, len(self._texts)))
        self._number = np.zeros((256, len(self._texts)))

    def add(self, labels: NDArray[np.uint8], elements: Elements) -> None:
        described = elements.of_point != NONE
        of_element = np.full(len(elements.points), UNLABELLED, np.uint8)
        of_element[elements.of_point[described]] = labels[described]
        for i, (column, _, _) in enumerate(self._texts):
            values = elements.features[:, column]
            known = np.isfinite(values)
            for sums, what in ((self._total, np.nan_to_num(values)), (self._number, 1.0)):
                sums[:, i] += np.bincount(of_element, what * elements.points * known, 256)

    def text(self, label: int) -> str:
        means = self._total[label] / np.maximum(self._number[label], 1)
        return ', '.join(text.format(unit(float(mean))) for (_, text, unit), mean, number in zip(
            self._texts, means, self._number[label]) if number)
