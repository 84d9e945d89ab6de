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

"""What rewriters of ONNX graphs share; the package onnx is not on every vehicle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dseg_ros.runtime.engine import EngineError


def import_onnx(where: str, who: str) -> Any:
    """
    Import the package onnx.

    :param where: the model's file, for the error.
    :param who: needs it, for the error.
    :raises EngineError: if it is missing.
    """
    try:
        import onnx
    except ImportError as error:
        raise EngineError(f'{where}: {who} needs the package onnx: {error}') from error
    return onnx


def replace_nodes(graph: Any, nodes: Iterable[Any]) -> None:
    """Give a graph other nodes, some of which may be its own: protobuf needs copies of those."""
    kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)
