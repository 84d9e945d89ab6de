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

"""The pictures of a chain's page: an image, its labels and what each network says of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import cv2
from dseg_ros.evaluation.chain import Chain
from dseg_ros.evaluation.chain_examples import Example, Ids
from dseg_ros.evaluation.page import figure, heading, legend, note, panel, percent
from dseg_ros.evaluation.pca import fit_colours, Projection
from dseg_ros.painting import coloured, full_palette, overlay
from dseg_ros.pseudo.pseudo_classes import palette
from dseg_ros.types import UNLABELLED
import numpy as np
from numpy.typing import NDArray

_WIDTH_PX, _MANY_WIDTH_PX, _MANY = 640, 480, 24
"""Pictures are smaller where there are many, or the page would be too large to send."""
_OPACITY = 0.55

Rgb = NDArray[np.uint8]


def example_pictures(chain: Chain, shown: Sequence[Example]) -> str:
    """Show all examples under their drives and cameras."""
    colours = fit_colours([e.features for e in shown])
    found, last = chain.found.names, chain.last
    keys = heading('Classes') + legend(zip(found, palette(found).tolist()))
    if last.made_of.class_names != found:
        keys += heading(f'Classes after the merge ({last.name})') + legend(
            zip(last.made_of.class_names, last.palette().tolist()))
    width = _MANY_WIDTH_PX if len(shown) > _MANY else _WIDTH_PX
    parts = [panel(heading(f'{drive}, {camera}') + ''.join(_row(chain, e, colours, width)
                                                           for e in some))
             for (drive, camera), some in groupby(shown, lambda e: (e.drive, e.camera))]
    explained = ', '.join(f'{percent(share)} %' for share in colours.explained)
    return note('Partial labels: what LiDAR and sky rule say, before any training. Dense labels: '
                'what the student learned from. Black: unlabelled. PCA: the first three '
                f'principal components of the features of the last network ({last.name}), over '
                f'all images shown together ({explained} of the variance), as red, green and '
                'blue. A picture grows while it is pressed.') + panel(keys) + ''.join(parts)


def predicted_shares(masks: Sequence[Ids], classes: int) -> NDArray[np.float64]:
    """Share of each class among the labelled pixels of masks, (C,)."""
    counts = np.zeros(256, np.int64)
    for mask in masks:
        counts += np.bincount(mask.ravel(), minlength=256)
    counts[UNLABELLED] = 0
    return np.asarray(counts[:classes] / max(counts.sum(), 1))


def _row(chain: Chain, example: Example, colours: Projection, width: int) -> str:
    rgb, found = _small(example.rgb, width), full_palette(palette(chain.found.names))
    last, student = chain.last, chain.training('student')
    own = {t.name: full_palette(t.palette()) for t in chain.trainings}
    final = _small(example.predicted[last.name], width)
    pictures = [
        figure(rgb, '.jpg', 'image'),
        figure(overlay(rgb, _small(example.partial, width), found, _OPACITY), '.jpg',
               'partial labels')]
    if example.dense is not None and student is not None:
        pictures.append(figure(coloured(_small(example.dense, width), own[student.name]), '.png',
                               'dense labels'))
    pictures += [figure(coloured(_small(ids, width), own[name]), '.png', name)
                 for name, ids in example.predicted.items()]
    pca = cv2.resize(colours.picture(example.features), (rgb.shape[1], rgb.shape[0]),
                     interpolation=cv2.INTER_LINEAR)
    pictures += [figure(overlay(rgb, final, own[last.name], _OPACITY), '.jpg',
                        f'{last.name} over the image'),
                 figure(np.asarray(pca, np.uint8), '.jpg', f'features of {last.name}, PCA')]
    return f'<div class="shots four">{"".join(pictures)}<p>{example.key}</p></div>'


def _small(pixels: Rgb, to: int) -> Rgb:
    """Shrink an image or a mask to the width of a picture [px]."""
    height, width = pixels.shape[:2]
    to = min(to, width)
    how = cv2.INTER_AREA if pixels.ndim == 3 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(pixels, (to, max(1, round(to * height / width))),
                                 interpolation=how), np.uint8)
