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

from dseg_ros.config.schema import Config, ConfigError, option


@dataclass(frozen=True)
class EngineConfig(Config):
    """How a model is run on the vehicle."""

    model: str = option('', 'Model file (.onnx); empty = the one that the package ships.')
    backend: str = option('auto', 'Who runs it; auto decides by the file.',
                          choices=('auto', 'onnxruntime', 'tensorrt'))
    threads: int = option(1, 'CPU threads of one inference.', low=1, high=64)


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
        'always.', choices=('fp32', 'fp16'))
    height: int = option(0, 'Only height of an image that the model takes [px]; 0 = any.', low=0)
    width: int = option(0, 'Only width of an image that the model takes [px]; 0 = any.', low=0)
    opset: int = option(18, 'Version of the ONNX operators.', low=18, high=20)
    verify: bool = option(
        True, 'Compare the model with torch on some images; where they disagree no file is left.')
    verify_data: str = option(
        '', 'Data set whose images are compared; empty = pictures that are made up.')
    agreement: float = option(
        0.99, 'Least share of pixels whose label torch finds as likely as its own.', low=0, high=1)

    def check(self) -> None:
        """One side alone is no size, and a few pixels are no image."""
        if 0 < self.network_pixels < 32 * 32:
            raise ConfigError(f'network_pixels: {self.network_pixels} is less than {32 * 32}')
        if (self.height == 0) != (self.width == 0):
            raise ConfigError(f'height, width: {self.height}, {self.width}; a fixed size has '
                              'both, any size has neither')
