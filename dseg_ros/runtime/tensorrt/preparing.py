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
A model as TensorRT takes it.

The exported graph is what ONNX Runtime runs fastest: it resizes, decides and repeats in uint8.
TensorRT has uint8 at its borders alone, to be cast at once. So the image is cast first and labels
and confidence last; the whole numbers between are int32. On a GPU that costs nothing. ONNX
Runtime's resize cuts to whole grey levels (0.2 to 0.4 of a level below the exact value, measured):
so does the rewritten graph.
"""

from __future__ import annotations

from typing import Any

from dseg_ros.runtime.engine import CONFIDENCE, EngineError, IDS, INPUT
from dseg_ros.runtime.onnx_graph import import_onnx

VERSION = 1
"""To be raised whenever `prepared` gives another graph: engines of before are then built anew."""

_PREFIX = 'tensorrt/'


def prepared(model: bytes, where: str) -> bytes:
    """
    Rewrite a model; what it computes stays.

    :param model: an exported model.
    :param where: its file, for the error.
    :returns: a model with the same inputs and outputs.
    :raises EngineError: if the package onnx is missing, or the model cannot be read.
    """
    onnx = import_onnx(where, 'building an engine')
    try:
        graph = onnx.load_from_string(model)
    except Exception as error:  # protobuf's errors have no public base
        raise EngineError(f'{where}: no ONNX model: {error}') from error
    _cast_input_first(graph.graph, onnx)
    _cast_outputs_last(graph.graph, onnx)
    del graph.graph.value_info[:]  # the types that it tells are those of before
    rewritten: bytes = graph.SerializeToString()
    return rewritten


def _cast_input_first(graph: Any, onnx: Any) -> None:
    image = _PREFIX + INPUT
    still_uint8 = {INPUT}
    for node in graph.node:
        if node.op_type == 'Shape' or not still_uint8.intersection(node.input):
            continue  # a shape needs no values
        node.input[:] = [image if name == INPUT else name for name in node.input]
        if node.op_type == 'Cast':  # where it became float before
            node.op_type = 'Floor'
            del node.attribute[:]
        else:
            still_uint8.update(node.output)
    cast = onnx.helper.make_node('Cast', [INPUT], [image], to=onnx.TensorProto.FLOAT)
    graph.node.insert(0, cast)


def _cast_outputs_last(graph: Any, onnx: Any) -> None:
    for node in graph.node:
        if node.op_type == 'Cast':
            for attribute in node.attribute:
                if attribute.i == onnx.TensorProto.UINT8:
                    attribute.i = onnx.TensorProto.INT32
        node.output[:] = [_PREFIX + name if name in (IDS, CONFIDENCE) else name
                          for name in node.output]
    graph.node.extend(onnx.helper.make_node('Cast', [_PREFIX + name], [name],
                                            to=onnx.TensorProto.UINT8)
                      for name in (IDS, CONFIDENCE))
