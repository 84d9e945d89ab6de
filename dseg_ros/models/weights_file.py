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

"""Weights of somebody else's network in a local file: read, fitted key by key, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import pickle
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
import torch
from torch import nn, Tensor

_WRAPPERS = ('state_dict', 'model', 'teacher', 'student')
"""Entries under which training codes keep the weights; DINO's own has teacher and student."""

_PREFIXES = ('module.', 'backbone.', 'encoder.')
_SHOWN = 3


class BackboneError(RuntimeError):
    """Weights that cannot be used; the message names the file and why."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """
    Read the tensors of a weights file, without what training code wraps around their names.

    :param path: .safetensors, or .pth, .pt, .bin, of which tensors alone are unpickled.
    :raises BackboneError: for a missing, damaged or unknown file, or one without tensors.
    """
    if not path.is_file():
        raise BackboneError(f'{path}: no such weights file')
    try:
        if path.suffix == '.safetensors':
            content: Any = load_file(path)
        elif path.suffix in ('.pth', '.pt', '.bin'):
            content = torch.load(path, map_location='cpu', weights_only=True)
        else:
            raise BackboneError(f'{path}: unknown kind of file {path.suffix!r}; known are '
                                '.safetensors, .pth, .pt, .bin and, for a backbone, .onnx')
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        if isinstance(error, BackboneError):
            raise
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackboneError(f'{path}: cannot be read as weights: {first}') from error
    tensors = _unwrapped(content)
    if not tensors:
        raise BackboneError(f'{path}: holds no tensors by name')
    return tensors


def _unwrapped(content: Any) -> dict[str, Tensor]:
    while isinstance(content, Mapping) and (found := [
            content[w] for w in _WRAPPERS if isinstance(content.get(w), Mapping)]):
        content = found[0]
    if not isinstance(content, Mapping):
        return {}
    tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
    while prefix := next((p for p in _PREFIXES if any(k.startswith(p) for k in tensors)), ''):
        tensors = {k.removeprefix(prefix): v for k, v in tensors.items()
                   if k.startswith(prefix)}
    return tensors


def mismatches(model: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """
    List what of a network a file lacks or has in another shape, in the network's order.

    Tensors that the network lacks are no mismatch where they belong to a head, of no use here,
    or to what self-supervised training alone needs.
    """
    wanted = {k: v.shape for k, v in model.state_dict().items()}
    found = []
    for key, shape in wanted.items():
        if key not in tensors:
            found.append(f'{key} {_text(shape)} is not in the file')
        elif tensors[key].shape != shape:
            found.append(f'{key} is {_text(tensors[key].shape)} in the file, {_text(shape)} '
                         'in the network')
    found += [f'{key} {_text(tensors[key].shape)} is not in the network'
              for key in tensors if key not in wanted and not _is_extra(key)]
    return found


def _is_extra(key: str) -> bool:
    head = key.partition('.')[0]
    return head in ('head', 'head_dist', 'fc_norm', 'mask_token') or head.endswith('_head')


def _text(shape: torch.Size) -> str:
    return 'x'.join(map(str, shape)) or 'scalar'


def fit(model: nn.Module, tensors: Mapping[str, Tensor], path: Path, name: str) -> None:
    """
    Put a file's tensors into a network.

    :param model: the network.
    :param tensors: of the file, position embedding already of the network's size.
    :param path: the file, for the error.
    :param name: the network's name, for the error.
    :raises BackboneError: for a wrong file, naming the first keys and shapes that do not fit.
    """
    wrong = mismatches(model, tensors)
    if wrong:
        more = f' and {len(wrong) - _SHOWN} more' if len(wrong) > _SHOWN else ''
        raise BackboneError(f'{path}: not the weights of {name}: '
                            f'{"; ".join(wrong[:_SHOWN])}{more}')
    model.load_state_dict({k: tensors[k] for k in model.state_dict()})
