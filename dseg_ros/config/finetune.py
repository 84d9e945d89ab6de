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

"""Options of supervised fine-tuning on a share of the labels."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.distill import TrainingConfig
from dseg_ros.config.schema import Config, ConfigError, option, section

PRETRAINED, SCRATCH = 'pretrained', 'scratch'


@dataclass(frozen=True)
class FinetuneConfig(Config):
    """A network that gets human (or simulated) labels, of some images only."""

    shares: tuple[float, ...] = option((0.1,), 'Shares of the images whose labels are used; '
                                       'several make a table.', low=1e-6, high=1)
    seeds: tuple[int, ...] = option((1,), 'Seeds of the choice of images, of a new head and of '
                                    'crops; several make a table.', low=0)
    starts: tuple[str, ...] = option(
        (PRETRAINED,), 'pretrained: the weights of RUN but its head; scratch: random ones; both '
        'make a table.', choices=(PRETRAINED, SCRATCH))
    hold_out: float = option(0.3, 'Where no drives for the test are given: the last images, by '
                             'name, that are tested on and never trained on.', low=0, high=0.95)
    training: TrainingConfig = section(
        TrainingConfig, "The training; what is not given is as in RUN. Its seed is the study's, "
        'its network always that of RUN.')

    def check(self) -> None:
        """Reject lists that hold nothing, or something twice."""
        for name in ('shares', 'seeds', 'starts'):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ConfigError(f'{name}: {list(values)} is not one or several different ones')
