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
"""The same network in bfloat16: float32's range in half its size, for GPUs from SM 80 on."""

from __future__ import annotations

from dseg_ros.runtime.export.half import to_half
import numpy as np
from numpy.typing import NDArray
import onnx
from onnx import numpy_helper, TensorProto

OPSET = 22
"""The first version of the operators whose convolutions know bfloat16."""


def to_bfloat16(network: onnx.ModelProto) -> onnx.ModelProto:
    """
    Convert weights and computations to bfloat16; what stays in float32 is what `to_half` leaves.

    :param network: float32 in, float32 out, which stays so.
    :returns: a model of `OPSET`; ONNX Runtime has no bfloat16 on a CPU, see runtime.widening.
    """
    exact = _values(network.graph)  # float16 would round and clip them first
    model = to_half(network)
    for tensor in model.graph.initializer:
        _retype(tensor, exact.get(tensor.name))
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == 'to' and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.BFLOAT16
            elif attribute.HasField('t'):
                _retype(attribute.t, exact.get(node.output[0]))
    del model.graph.value_info[:]
    model.opset_import[0].version = OPSET
    return model


def _values(graph: onnx.GraphProto) -> dict[str, NDArray[np.float32]]:
    """Give the constants of a graph by the names under which they are read."""
    tensors = [(tensor.name, tensor) for tensor in graph.initializer]
    tensors += [(node.output[0], attribute.t) for node in graph.node
                for attribute in node.attribute if attribute.HasField('t')]
    return {name: numpy_helper.to_array(tensor) for name, tensor in tensors
            if tensor.data_type == TensorProto.FLOAT}


def _retype(tensor: onnx.TensorProto, exact: NDArray[np.float32] | None) -> None:
    if tensor.data_type != TensorProto.FLOAT16:
        return
    values = numpy_helper.to_array(tensor).astype(np.float32) if exact is None else exact
    tensor.CopyFrom(onnx.helper.make_tensor(tensor.name, TensorProto.BFLOAT16, values.shape,
                                            values.ravel()))
