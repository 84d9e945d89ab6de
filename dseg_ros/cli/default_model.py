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

"""The shipped model, from nothing: `dseg train default`."""

from __future__ import annotations

from pathlib import Path

from dseg_ros.cli.export import software_revision
from dseg_ros.cli.progress import ProgressBar
from dseg_ros.config.dataset import HarvestConfig
from dseg_ros.config.default_model import DefaultModelConfig
from dseg_ros.config.sim import SimConfig


def build(out: Path, config: DefaultModelConfig) -> Path:
    """
    Simulate, harvest, cluster, train and export; finished steps are skipped.

    :param out: folder for everything.
    :param config: the recipe.
    :returns: the model.
    """
    from dseg_ros.dataset.harvest import harvest
    from dseg_ros.distill.clustering import cluster
    from dseg_ros.distill.teacher import train_teacher
    from dseg_ros.runtime.export import export
    drives = [_drive(out, seed, weather, config)
              for seed, weather in zip(config.seeds, config.weathers)]
    with ProgressBar('harvesting', 'clouds') as progress:
        data = harvest(HarvestConfig(bags=tuple(map(str, drives)), out=str(out / 'dataset')),
                       progress)
    with ProgressBar('clustering', 'samples') as progress:
        classes = cluster(data, out / 'classes', config.cluster, progress)
    with ProgressBar('reading', 'samples') as loading, ProgressBar('training',
                                                                   'steps') as training:
        train_teacher(data, classes, out / 'teacher', config.training, loading, training)
    return export(out / 'teacher', out / 'dseg_tiny.onnx', config.export, software_revision())


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
