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
bfloat16 where no library has it.

ONNX Runtime has no bfloat16 convolution on a CPU. It computes such a model in float32, and each
result is rounded to bfloat16 and back: that is what a GPU does, whose sums are float32, too.
"""

from __future__ import annotations

from typing import Any

from dseg_ros.runtime.onnx_graph import import_onnx, replace_nodes

_SAYS_SO = b'\x0a\x0edseg.precision\x12\x04bf16'
"""An entry of a model's metadata (ModelInfo.precision), as protobuf writes it."""

EXACT = frozenset({
    'Concat', 'Constant', 'Expand', 'Flatten', 'Gather', 'Identity', 'MaxPool', 'Relu', 'Reshape',
    'Slice', 'Split', 'Squeeze', 'Transpose', 'Unsqueeze'})
"""Operators that give values that they got: rounding them again changes nothing."""


def is_bfloat16(model: bytes) -> bool:
    """Tell whether an exported model computes in bfloat16; needs no package to read it."""
    return _SAYS_SO in model


def widened(model: bytes, where: str) -> bytes:
    """
    Rewrite a model in bfloat16 to one in float32 with bfloat16's rounding.

    :param model: an exported model of precision bf16.
    :param where: its file, for the error.
    :returns: a model with the same inputs, outputs and metadata.
    :raises EngineError: if the package onnx is missing.
    """
    onnx = import_onnx(where, 'a model in bf16')
    graph_of = onnx.shape_inference.infer_shapes(onnx.load_from_string(model), strict_mode=True)
    graph = graph_of.graph
    rough = {value.name for value in graph.value_info
             if value.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16}
    nodes = []
    for node in graph.node:
        _widen_constants(node, onnx)
        nodes.append(node)
        if node.op_type not in EXACT:
            nodes += _rounding(node, rough, onnx)
    replace_nodes(graph, nodes)
    del graph.value_info[:]
    for tensor in graph.initializer:
        _widen(tensor, onnx)
    rewritten: bytes = graph_of.SerializeToString()
    return rewritten


def _rounding(node: Any, rough: set[str], onnx: Any) -> list[Any]:
    """Let a node give its outputs under other names, and round them to those of before."""
    casts = []
    for index, name in enumerate(node.output):
        if name in rough:
            node.output[index] = f'{name}/exact'
            casts += [onnx.helper.make_node('Cast', [a], [b], to=kind) for a, b, kind in (
                (f'{name}/exact', f'{name}/rounded', onnx.TensorProto.BFLOAT16),
                (f'{name}/rounded', name, onnx.TensorProto.FLOAT))]
    return casts


def _widen_constants(node: Any, onnx: Any) -> None:
    for attribute in node.attribute:
        if attribute.name == 'to' and attribute.i == onnx.TensorProto.BFLOAT16:
            attribute.i = onnx.TensorProto.FLOAT
        elif attribute.HasField('t'):
            _widen(attribute.t, onnx)


def _widen(tensor: Any, onnx: Any) -> None:
    if tensor.data_type == onnx.TensorProto.BFLOAT16:
        values = onnx.numpy_helper.to_array(tensor).astype('float32')
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
