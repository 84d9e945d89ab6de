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

"""Finished runs of untrained networks, made in no time."""

from pathlib import Path

from dseg_ros.classes import distinct_palette
from dseg_ros.models import checkpoint
from dseg_ros.models.checkpoint import Provenance
from dseg_ros.models.tiny import build


def write_run(folder: Path, classes: int = 5, seed: int = 3, pixels: int = 48 * 64) -> Path:
    """Write what a finished training leaves: weights and what they are made of."""
    folder.mkdir(parents=True)
    colours = tuple((int(r), int(g), int(b)) for r, g, b in distinct_palette(classes))
    made_of = Provenance(tuple(f'object_{i}' for i in range(classes)), colours,
                         {'model': {'width': 6}, 'network_pixels': pixels, 'seed': seed},
                         'ab' * 32)
    checkpoint.save(folder / checkpoint.FINISHED, build(classes, 6, seed).state_dict(), made_of, 7)
    return folder
