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
A training run on disk: weights and optimiser as safetensors, configuration, metrics.

RUN/config.json, RUN/metrics.csv, RUN/last.safetensors (resume from here), RUN/model.safetensors
(finished: the weights alone). Every file is replaced atomically, so a kill leaves the old one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
from typing import Any

from safetensors import safe_open, SafetensorError
from safetensors.torch import save_file
import torch
from torch import Tensor

FINISHED, LAST, CONFIG, METRICS = ('model.safetensors', 'last.safetensors', 'config.json',
                                   'metrics.csv')


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used; the message names the file."""


@dataclass(frozen=True)
class Provenance:
    """
    What a model was made of; follows it into the exported file.

    :param class_names: name per class id.
    :param palette: RGB per class id.
    :param recipe: resolved training configuration.
    :param data_sha256: hash of the training data.
    """

    class_names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    recipe: dict[str, Any]
    data_sha256: str


def write_atomically(path: Path, text: str) -> None:
    """Replace a text file as a whole."""
    part = path.with_name(path.name + '.part')
    part.write_text(text)
    os.replace(part, path)


def save(path: Path, tensors: dict[str, Tensor], provenance: Provenance, step: int) -> None:
    """Write tensors and what they are, atomically."""
    part = path.with_name(path.name + '.part')
    save_file({k: t.detach().contiguous() for k, t in tensors.items()}, part,
              {'step': str(step), 'provenance': json.dumps(asdict(provenance))})
    os.replace(part, path)


def load(path: Path) -> tuple[dict[str, Tensor], Provenance, int]:
    """
    Read what `save` wrote.

    :returns: tensors, what they are, the step they are of.
    :raises CheckpointError: for a missing or damaged file.
    """
    if not path.is_file():
        raise CheckpointError(f'{path}: no such checkpoint')
    try:
        with safe_open(path, 'pt') as f:
            meta = f.metadata()
            tensors = {k: f.get_tensor(k) for k in f.keys()}
        p = json.loads(meta['provenance'])
        provenance = Provenance(tuple(p['class_names']),
                                tuple((c[0], c[1], c[2]) for c in p['palette']),
                                p['recipe'], p['data_sha256'])
        return tensors, provenance, int(meta['step'])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f'{path}: damaged checkpoint: {error}') from error


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Flatten an optimiser's state into named tensors."""
    return {f'optimiser/{i}/{k}': torch.as_tensor(v)
            for i, state in optimiser.state_dict()['state'].items() for k, v in state.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` took out; other tensors are left alone."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        head, *rest = name.split('/')
        if head == 'optimiser':
            state.setdefault(int(rest[0]), {})[rest[1]] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), 'state': state})
