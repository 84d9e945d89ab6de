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

"""The shipped model, from simulated streets and recordings: `dseg train default`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dseg_ros.cli.distill import drive_and_segment
from dseg_ros.cli.progress import ProgressBar
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.default_model import DefaultModelConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.config.sim import SimConfig
from dseg_ros.config.vehicle import harvest_options
from dseg_ros.config.workers import WorkersConfig


def build(out: Path, config: DefaultModelConfig) -> Path:
    """
    Simulate, harvest and run the chain; finished steps are skipped.

    :param out: folder for everything: drives/, dataset/ and what the chain writes.
    :param config: the recipe.
    :returns: the model.
    """
    data = out / 'dataset'
    for recording in list(_recorded(data, config)):  # first, since a file may be wrong
        _harvest(recording)
    if config.seeds:
        _harvest(HarvestConfig(out=str(data), bags=tuple(
            str(_drive(out, seed, weather, config))
            for seed, weather in zip(config.seeds, config.weathers))))
    return drive_and_segment(data, out, config.chain, WorkersConfig())


def _harvest(config: HarvestConfig) -> None:
    from dseg_ros.dataset.harvest import harvest
    with ProgressBar('harvesting', 'clouds') as progress:
        harvest(config, progress)


def _recorded(data: Path, config: DefaultModelConfig) -> Iterator[HarvestConfig]:
    """Say how each recording is harvested: as its vehicle's recorder_node would do it."""
    for bag, vehicle in zip(config.bags, config.vehicles or ('',) * len(config.bags)):
        options = harvest_options(Path(vehicle)) if vehicle else {}
        yield from_mapping(HarvestConfig, {**options, 'bags': [bag], 'out': str(data)}, vehicle)


def _drive(out: Path, seed: int, weather: str, config: DefaultModelConfig) -> Path:
    """Simulate one drive; a half-written one is never left under its name."""
    from dseg_ros.sim.bag import simulate
    path = out / 'drives' / f'street_{seed}_{weather}'
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with ProgressBar(f'simulating street {seed}', 'frames') as progress:
        return simulate(SimConfig(seconds=config.seconds, every=config.every, seed=seed,
                                  weather=weather), path, progress)
