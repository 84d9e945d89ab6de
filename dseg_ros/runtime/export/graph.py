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
"""A network and what surrounds it, joined into one ONNX model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
import io
import warnings

from dseg_ros.config.runtime import BF16, INT8
from dseg_ros.models.networks import Network
from dseg_ros.models.segmenter import Segmenter
from dseg_ros.runtime.engine import ModelInfo
from dseg_ros.runtime.export import bfloat16
from dseg_ros.runtime.export.bfloat16 import to_bfloat16
from dseg_ros.runtime.export.eight_bit import to_int8
from dseg_ros.runtime.export.half import to_half
from dseg_ros.runtime.export.parity import network_input
from dseg_ros.runtime.export.patches import Patches
from dseg_ros.runtime.export.surroundings import Surroundings
import numpy as np
from numpy.typing import NDArray
import onnx
from onnx import compose, parser
import torch


def assemble(network: Network, info: ModelInfo, output_stride: int, opset: int,
             usual: Iterable[NDArray[np.uint8]] = ()) -> onnx.ModelProto:
    """
    Build the whole model.

    :param network: in evaluation mode.
    :param info: its metadata; input size, network_pixels and precision are built in.
    :param output_stride: labels are decided at the network's resolution divided by this.
    :param opset: version of the operators; bf16 needs, and gets, a newer one.
    :param usual: images (H, W, 3) uint8 to calibrate int8 on.
    """
    around = Surroundings(opset, network.normalisation, info.network_pixels, network.stride,
                          info.input_height, info.input_width, info.batched)
    inner, stride = traced(network, around)
    if info.precision == 'fp16':
        inner = to_half(inner)
    elif info.precision == BF16:
        inner = to_bfloat16(inner)
        around = replace(around, opset=bfloat16.OPSET)
        inner.ir_version = around.ir_version
    elif info.precision == INT8:
        inner = to_int8(inner, (network_input(network, rgb, info.network_pixels).numpy()
                                for rgb in usual))
    model = _joined(
        parser.parse_model(around.before()), inner,
        parser.parse_model(around.after(len(info.class_names), stride / output_stride)))
    onnx.helper.set_model_props(model, info.to_metadata())
    model.producer_name = 'dseg_ros'
    model.producer_version = info.version
    return model


def traced(network: Network, around: Surroundings) -> tuple[onnx.ModelProto, int]:
    """
    Trace a network, with free height and width unless the surroundings fix them.

    :returns: pixels -> logits, and the stride at which the logits come.
    """
    size = around.network_size
    stride = network.output_stride
    module: torch.nn.Module = network
    if isinstance(network, Segmenter):
        # its last step only enlarges: the surroundings do that, to where labels are decided
        module, stride = Patches(network, size), network.stride
    many = {0: 'N'} if around.batched else {}
    axes = {'pixels': {**many, **({} if size else {2: 'h', 3: 'w'})},
            'logits': {**many, **({} if size else {2: 'lh', 3: 'lw'})}}
    example = torch.zeros(1, 3, *(size or (4 * network.stride, 6 * network.stride)))
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # torch announces the end of this exporter; it is pinned
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module.eval(), (example,), buffer,  # type: ignore[arg-type]
            dynamo=False, opset_version=around.opset, input_names=['pixels'],
            output_names=['logits'], dynamic_axes=axes)
    model = onnx.load_from_string(buffer.getvalue())
    model.ir_version = around.ir_version
    return model, stride


def _joined(first: onnx.ModelProto, network: onnx.ModelProto,
            last: onnx.ModelProto) -> onnx.ModelProto:
    """Join the three parts; the network's names are free to be anything."""
    network = compose.add_prefix(network, 'network/')
    last = compose.add_prefix(last, 'after/', rename_outputs=False)
    pixels, logits = network.graph.input[0].name, network.graph.output[0].name
    joined = compose.merge_models(first, network, io_map=[('pixels', pixels)],
                                  outputs=['image_size', logits])
    joined = compose.merge_models(joined, last, io_map=[(logits, 'after/logits'),
                                                        ('image_size', 'after/size')])
    del joined.opset_import[1:]  # each part brought its own, the same
    onnx.checker.check_model(joined, full_check=True)
    return joined
