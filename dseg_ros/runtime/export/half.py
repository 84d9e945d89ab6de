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
"""The same network in float16."""

from __future__ import annotations

from dseg_ros.runtime.export.patches import position_nodes
from dseg_ros.runtime.onnx_graph import replace_nodes
import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16, DEFAULT_OP_BLOCK_LIST
from onnxruntime.transformers.onnx_model import OnnxModel

SENSITIVE = ('Softmax', 'LayerNormalization', 'ReduceMean', 'ReduceL2', 'GlobalAveragePool')
"""Operators that sum over many values: they stay in float32, between casts."""


def to_half(network: onnx.ModelProto) -> onnx.ModelProto:
    """
    Convert weights and computations to float16; every change of type is a Cast in the graph.

    :param network: float32 in, float32 out, which stays so.
    """
    half = OnnxModel(convert_float_to_float16(
        network, keep_io_types=True, node_block_list=position_nodes(network),
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, *SENSITIVE]))
    _keep_exact(half.model.graph)
    half.topological_sort()  # casts were put at the end
    converted: onnx.ModelProto = half.model
    return converted


def _keep_exact(graph: onnx.GraphProto) -> None:
    """
    Join neighbours that both stay in float32.

    Each has got casts of its own: between two of them a value would go through float16, once for
    each reader and under the same name.
    """
    rounded = {node.output[0]: node.input[0] for node in graph.node
               if node.name.endswith('_cast_to_fp16_node')}
    exact, nodes = {}, {}
    for node in graph.node:
        if node.name.endswith('_cast_to_fp32_node') and node.input[0] in rounded:
            exact[node.output[0]] = rounded[node.input[0]]
        else:
            nodes[tuple(node.output)] = node
    for node in nodes.values():
        node.input[:] = [exact.get(name, name) for name in node.input]
    replace_nodes(graph, nodes.values())
