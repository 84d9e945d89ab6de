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

"""
The ablations: what is changed against the base, by dotted option names of StudyConfig.

Those of the chain are the names that `dseg distill drive-and-segment --set` takes. Add one here,
or on the command line with --variant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dseg_ros.config.image_features import CLS_CROP, GEOMETRY, PATCH_POOL

ROWS = ('camera', 'pseudo', 'teacher', 'student', 'ema')
"""What is scored, each made of the one before it (but the first, which is the baseline)."""

Overrides = Mapping[str, Any]


@dataclass(frozen=True)
class Ablation:
    """
    Variants of the base.

    :param text: what is asked, for people.
    :param variants: name to changed options; each differs from the base in these alone.
    :param last: the last of ROWS that is trained and scored.
    """

    text: str
    variants: Mapping[str, Overrides]
    last: str = 'student'


def _refine(**options: Any) -> Overrides:
    """Change how dense labels are made, for the student and for EMA rounds."""
    return {f'{part}.refine.{name}': value for part in ('student', 'ema')
            for name, value in options.items()}


ABLATIONS: Mapping[str, Ablation] = {
    'clusters': Ablation('How many clusters of what is not ground?', {
        f'{n} objects': {'cluster.objects': n} for n in (6, 8, 16, 24)}),
    'grounds': Ablation('How many clusters of the ground?', {
        f'{n} grounds': {'cluster.grounds': n} for n in (1, 2, 5)}),
    'lidar': Ablation('How dense must the LiDAR be?', {
        f'every {word} ring': {'every_ring': n} for n, word in ((2, '2nd'), (4, '4th'))}),
    'merge': Ablation('Should alike pseudo-classes become one?', {
        f'merged to {n}': {'student.merge.classes': n} for n in (13, 11, 9)}),
    'sky': Ablation('What is an explicit class for the sky worth? Without, no label grows.', {
        'no sky, no growth': {'cluster.sky': False}}),
    'growth': Ablation('What does it bring that labels grow above the beams?', {
        'no growth': {'cluster.grow': False}}),
    'proposals': Ablation('What does it bring that a proposal takes one class?', {
        'no proposals': _refine(proposals=False)}),
    'superpixels': Ablation('What do superpixels bring?', {
        'no superpixels': _refine(superpixels=0)}),
    'lidar_mix': Ablation("What does it bring to mix the LiDAR's label into the teacher's?", {
        'LiDAR label at 0.4': _refine(lidar_share=0.4)}),
    'scales': Ablation('How often must the teacher look?', {
        'one scale, no mirror': _refine(scales=[1.0], flip=False)}),
    'start': Ablation("What does it bring to start from the teacher's weights?", {
        'student from scratch': {'student.start': 'scratch'}}),
    'class_weights': Ablation('Should rare classes weigh more?', {
        'in the student, too': {'student.training.class_weight_power': 0.35},
        'not in the teacher either': {'teacher.class_weight_power': 0.0}}),
    'longer': Ablation('Is the student but a teacher that was trained for longer?', {
        'teacher of 1400 steps': {'teacher.steps': 1400}}, last='teacher'),
    'momentum': Ablation('How fast must the average follow?', {
        'momentum 0.999': {'ema.momentum': 0.999}}, last='ema'),
    'refinement': Ablation('What does all of the refinement bring?', {
        "the teacher's argmax": _refine(proposals=False, superpixels=0, threshold=0.0, flip=False,
                                        scales=[1.0])}),
    'soft_targets': Ablation('What do soft targets bring to an EMA round?', {
        'no soft targets': {'ema.soft_weight': 0.0}}, last='ema'),
    'descriptors': Ablation('Which descriptors do pseudo-classes need?', {
        'no shape': {'cluster.weights.shape': 0.0},
        'no colour': {'cluster.weights.colour': 0.0, 'cluster.weights.ground_colour': 0.0,
                      'cluster.weights.texture': 0.0},
        'no intensity': {'cluster.weights.intensity': 0.0},
        'no component extents': {'cluster.weights.component': 0.0}}, last='teacher'),
    'features': Ablation('Which feature mode? The others need cluster.images.backbone.weights.', {
        PATCH_POOL: {'cluster.feature_modes': [PATCH_POOL]},
        CLS_CROP: {'cluster.feature_modes': [CLS_CROP]},
        f'{GEOMETRY} + {CLS_CROP}': {'cluster.feature_modes': [GEOMETRY, CLS_CROP]}}),
}
"""By the name that users give."""
