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

"""Options of the engines and of the export."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, ConfigError, option, section


@dataclass(frozen=True)
class TensorRtConfig(Config):
    """How TensorRT engines are built, kept and run."""

    cache: str = option(
        '', 'Folder of built engines; empty = dseg_ros in $XDG_CACHE_HOME, else in ~/.cache.')
    least: tuple[int, ...] = option(
        (180, 320), 'Smallest image that is taken: height, width [px]; a model exported for one '
        'size takes that one, whatever stands here.', low=1)
    likely: tuple[int, ...] = option(
        (1080, 1920), 'Image that the engine is tuned for: height, width [px].', low=1)
    most: tuple[int, ...] = option(
        (2160, 3840), 'Largest image that is taken: height, width [px]; three times the same '
        'builds an engine for one size.', low=1)
    batch: int = option(
        1, 'Most images that are segmented at once; more than 1 needs a model exported with a '
        'batch.', low=1, high=64)
    compute_capabilities: tuple[int, ...] = option(
        (), 'What TensorRT-RTX builds for, e.g. 86 89 120; none = whatever it runs on.', low=10)
    workspace_mb: int = option(
        0, 'Most GPU memory for the work space of a layer [MB]; 0 = as the library decides.',
        low=0)
    cuda_graph: bool = option(
        True, 'Copies and network of an image size are launched as one CUDA graph.')
    agreement: float = option(
        0.99, 'Least share of pixels that must get the label that ONNX Runtime gives them; with '
        'less, the engine is not used.', low=0.0, high=1.0)

    def check(self) -> None:
        """Shapes have two sides, and come in order."""
        shapes = {name: getattr(self, name) for name in ('least', 'likely', 'most')}
        for name, shape in shapes.items():
            if len(shape) != 2:
                raise ConfigError(f'{name}: {list(shape)} is not height, width')
        for small, large in (('least', 'likely'), ('likely', 'most')):
            if any(a > b for a, b in zip(shapes[small], shapes[large])):
                raise ConfigError(f'{small}, {large}: {list(shapes[small])} is not within '
                                  f'{list(shapes[large])}')


@dataclass(frozen=True)
class EngineConfig(Config):
    """How a model is run on the vehicle."""

    model: str = option('', 'Model file (.onnx); empty = the one that the package ships.')
    backend: str = option(
        'auto', 'Who runs it; auto: TensorRT, then TensorRT-RTX, where it is installed and there '
        'is a GPU that it knows, else ONNX Runtime.',
        choices=('auto', 'tensorrt', 'tensorrt_rtx', 'onnxruntime'))
    threads: int = option(1, 'CPU threads of one inference in ONNX Runtime.', low=1, high=64)
    cpus: tuple[int, ...] = option(
        (), 'CPUs, counted from 0, that the threads of ONNX Runtime are bound to: one for each '
        "thread but the first, which is the caller's own; none = not bound.", low=0, high=4095)
    tensorrt: TensorRtConfig = section(TensorRtConfig)

    def check(self) -> None:
        """Want a CPU for each thread but the first, or none."""
        if self.cpus and len(self.cpus) != self.threads - 1:
            raise ConfigError(f'cpus: {list(self.cpus)} names {len(self.cpus)}; of '
                              f'{self.threads} threads {self.threads - 1} can be bound')


BF16, INT8 = 'bf16', 'int8'


@dataclass(frozen=True)
class ExportConfig(Config):
    """What is built into an exported model."""

    network_pixels: int = option(
        0, 'Pixels that the network sees, the aspect ratio stays that of the image; 0 = as many '
        'as the run was trained with.', low=0)
    output_stride: int = option(
        2, 'Labels are decided at the network resolution divided by this, then repeated to the '
        'size of the image.', choices=(1, 2, 4))
    precision: str = option(
        'fp32', 'What the network computes in; resize, normalisation and the decision are fp32 '
        'always. bf16 and int8 are for TensorRT: on a CPU they are slower than fp32, and bf16 '
        'needs the package onnx there.',
        choices=('fp32', 'fp16', BF16, INT8))
    calibrate: str = option(
        '', 'Data set whose images tell what values are usual; for int8 alone, which needs it.')
    calibration_images: int = option(64, 'Of that data set, spread over it.', low=1)
    height: int = option(0, 'Only height of an image that the model takes [px]; 0 = any.', low=0)
    width: int = option(0, 'Only width of an image that the model takes [px]; 0 = any.', low=0)
    batched: bool = option(
        False, 'The model takes several images of one size at once, (N, H, W, 3): for several '
        'cameras on one GPU.')
    opset: int = option(18, 'Version of the ONNX operators.', low=18, high=20)
    verify: bool = option(
        True, 'Compare the model with torch on some images; where they disagree no file is left.')
    verify_data: str = option(
        '', 'Data set whose images are compared; empty = pictures that are made up, for int8 '
        'some images of `calibrate` that do not calibrate, if it has more than four.')
    agreement: float = option(
        0.99, 'Least share of pixels whose label torch finds as likely as its own.', low=0, high=1)

    def check(self) -> None:
        """One side alone is no size, and a few pixels are no image."""
        if 0 < self.network_pixels < 32 * 32:
            raise ConfigError(f'network_pixels: {self.network_pixels} is less than {32 * 32}')
        if (self.precision == INT8) != bool(self.calibrate):
            raise ConfigError(f'precision: {self.precision} with calibrate: {self.calibrate!r}; '
                              'int8 needs a data set to be calibrated on, nothing else takes one')
        if (self.height == 0) != (self.width == 0):
            raise ConfigError(f'height, width: {self.height}, {self.width}; a fixed size has '
                              'both, any size has neither')
