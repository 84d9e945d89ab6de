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
"""The recipe training run -> model file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
import json
import os
from pathlib import Path

from dseg_ros.config.distill import ModelConfig
from dseg_ros.config.runtime import ExportConfig
from dseg_ros.config.schema import from_mapping
from dseg_ros.models import checkpoint
from dseg_ros.models.networks import build, Network
from dseg_ros.runtime.engine import ModelInfo
from dseg_ros.runtime.export.graph import assemble
from dseg_ros.runtime.export.images import to_calibrate, to_compare
from dseg_ros.runtime.export.parity import Agreement, compare, demand, ExportError
from dseg_ros.runtime.onnxruntime import OnnxRuntimeEngine
import numpy as np
from numpy.typing import NDArray


def export(run: Path, out: Path, config: ExportConfig, version: str,
           told: Callable[[Agreement], None] | None = None) -> Path:
    """
    Export a finished (or unfinished: its last) training run.

    :param run: directory of the run.
    :param out: the .onnx file to write.
    :param config: what is built in, and how it is verified.
    :param version: version of the package, with git revision if known.
    :param told: gets the agreement with torch, if that is verified.
    :raises CheckpointError: if the run holds no usable checkpoint.
    :raises ExportError: if the weights are not the recipe's, or the model does not do what torch
        does; then no file is left.
    """
    finished = run / checkpoint.FINISHED
    weights = finished if finished.exists() else run / checkpoint.LAST
    tensors, made_of, _ = checkpoint.load(weights)
    model = from_mapping(ModelConfig, made_of.recipe.get('model', {}), str(run))
    network = build(model, len(made_of.class_names), 0)
    try:
        network.load_state_dict({k: t for k, t in tensors.items() if '/' not in k})
    except RuntimeError as error:
        raise ExportError(f'{weights}: not the weights of a {model.kind} network for '
                          f'{len(made_of.class_names)} classes: {error}') from error
    info = ModelInfo(
        class_names=made_of.class_names, palette=np.asarray(made_of.palette, np.uint8),
        input_height=config.height, input_width=config.width,
        network_pixels=config.network_pixels or int(made_of.recipe['network_pixels']),
        version=version, data_sha256=made_of.data_sha256,
        recipe=json.dumps(made_of.recipe, sort_keys=True), network=model.kind,
        precision=config.precision, batched=config.batched)

    def verify(part: Path) -> None:
        data = config.verify_data or config.calibrate
        images = to_compare(info, Path(data) if data else None)
        agreement = agreement_of(part, network, images, config.output_stride)
        demand(agreement, config.agreement, str(out))
        if told:
            told(agreement)
    usual = to_calibrate(info, Path(config.calibrate), config.calibration_images
                         ) if config.calibrate else ()
    return write_model(network, info, config.output_stride, out, config.opset,
                       verify if config.verify else None, usual)


def write_model(network: Network, info: ModelInfo, output_stride: int, out: Path,
                opset: int = ExportConfig.opset,
                verify: Callable[[Path], None] | None = None,
                usual: Iterable[NDArray[np.uint8]] = ()) -> Path:
    """
    Write a network with its surroundings and metadata.

    :param network: normalised pixels (1, 3, h, w) -> logits; left in evaluation mode.
    :param info: its metadata; input size, network_pixels, precision and batch are built in.
    :param output_stride: labels are decided at the network's resolution divided by this.
    :param out: the .onnx file; replaced atomically.
    :param opset: version of the operators.
    :param verify: called with the file before it gets its name; an exception leaves none.
    :param usual: images (H, W, 3) uint8 to calibrate int8 on.
    :raises ExportError: if there are none, for int8.
    """
    model = assemble(network.eval(), info, output_stride, opset, usual)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + '.part')
    try:
        part.write_bytes(model.SerializeToString())
        if verify:
            verify(part)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return out


def agreement_of(model: Path, network: Network, images: list[NDArray[np.uint8]],
                 output_stride: int) -> Agreement:
    """Run a written model and its network over the same images."""
    return compare(OnnxRuntimeEngine(model, 1), network, images, output_stride)
