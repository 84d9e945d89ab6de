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

"""From a training run to one ONNX file that holds everything: the only torch in runtime/."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
import warnings

from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.runtime import ExportConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.models import checkpoint, tiny
from dseg_ros.runtime.engine import ModelInfo
from dseg_ros.runtime.onnx_graph import after, before, IR_VERSION, OPSET
import numpy as np
import onnx
from onnx import compose, parser
import torch
from torch import nn


def export(run: Path, out: Path, config: ExportConfig, version: str) -> Path:
    """
    Export a finished (or unfinished: its last) training run.

    :param run: directory of the run.
    :param out: the .onnx file to write.
    :param config: what is built in.
    :param version: version of the package, with git revision if known.
    :raises CheckpointError: if the run holds no usable checkpoint.
    """
    finished = run / checkpoint.FINISHED
    tensors, made_of, _ = checkpoint.load(
        finished if finished.exists() else run / checkpoint.LAST)
    options = from_mapping(ModelConfig, made_of.recipe.get('model', {}), str(run))
    network = tiny.TinySegmenter(len(made_of.class_names), options.width)
    network.load_state_dict({k: t for k, t in tensors.items() if '/' not in k})
    info = ModelInfo(
        class_names=made_of.class_names, palette=np.asarray(made_of.palette, np.uint8),
        network_pixels=config.network_pixels, version=version, data_sha256=made_of.data_sha256,
        recipe=json.dumps(made_of.recipe, sort_keys=True))
    return write_model(network, info, config.output_stride, out)


def write_model(network: nn.Module, info: ModelInfo, output_stride: int, out: Path) -> Path:
    """
    Write a network with its surroundings and metadata.

    :param network: pixels (1, 3, h, w) -> logits at 1 / tiny.OUTPUT_STRIDE.
    :param info: its metadata; info.network_pixels is built in.
    :param output_stride: labels are decided at the network's resolution divided by this.
    :param out: the .onnx file; replaced atomically.
    """
    model = _assemble(
        parser.parse_model(before(info.network_pixels, tiny.STRIDE)), _network_graph(network),
        parser.parse_model(after(len(info.class_names), tiny.OUTPUT_STRIDE / output_stride)))
    onnx.helper.set_model_props(model, info.to_metadata())
    model.producer_name = 'dseg_ros'
    model.producer_version = info.version
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + '.part')
    part.write_bytes(model.SerializeToString())
    os.replace(part, out)
    return out


def _network_graph(network: nn.Module) -> onnx.ModelProto:
    """Trace the network with free height and width."""
    example = torch.zeros(1, 3, 4 * tiny.STRIDE, 6 * tiny.STRIDE)
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # torch announces the end of this exporter; it is pinned
        warnings.simplefilter('ignore')
        torch.onnx.export(
            network.eval(), (example,), buffer,  # type: ignore[arg-type]
            dynamo=False, opset_version=OPSET, input_names=['pixels'],
            output_names=['logits'],
            dynamic_axes={'pixels': {2: 'h', 3: 'w'}, 'logits': {2: 'lh', 3: 'lw'}})
    return onnx.load_from_string(buffer.getvalue())


def _assemble(first: onnx.ModelProto, network: onnx.ModelProto,
              last: onnx.ModelProto) -> onnx.ModelProto:
    """Join the three parts; the network's names are free to be anything."""
    network.ir_version = IR_VERSION
    network = compose.add_prefix(network, 'network/')
    last = compose.add_prefix(last, 'after/', rename_outputs=False)
    pixels, logits = network.graph.input[0].name, network.graph.output[0].name
    joined = compose.merge_models(first, network, io_map=[('pixels', pixels)],
                                  outputs=['image_size', logits])
    joined = compose.merge_models(joined, last, io_map=[(logits, 'after/logits'),
                                                        ('image_size', 'after/size')])
    onnx.checker.check_model(joined, full_check=True)
    return joined
