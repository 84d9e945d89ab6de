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

"""Options of the networks and of their training."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.execution import CollapseConfig, ExecutionConfig, WindowConfig
from dseg_ros.config.schema import Config, ConfigError, option, section
from dseg_ros.config.segmenter import SegmenterConfig


@dataclass(frozen=True)
class ModelConfig(Config):
    """Which network."""

    kind: str = option('tiny', 'Architecture: tiny (depthwise, fast on any CPU), residual (dense '
                       'convolutions, sees more), segmenter (of the paper).',
                       choices=('tiny', 'residual', 'segmenter'))
    width: int = option(24, 'Channels of the first layer; 24 makes 0.2 M parameters of a tiny, '
                        '2.5 M of a residual network; of no meaning for segmenter.', low=6,
                        high=256)
    segmenter: SegmenterConfig = section(SegmenterConfig, 'Sizes of segmenter.')


@dataclass(frozen=True)
class AugmentConfig(Config):
    """How a training crop differs from what the camera saw."""

    scale_low: float = option(0.7, 'Least magnification relative to inference.', low=0.1)
    scale_high: float = option(1.9, 'Greatest magnification relative to inference.', low=0.1)
    flip: float = option(0.5, 'Probability of a left-right flip.', low=0, high=1)
    rotation_deg: float = option(3.0, 'Greatest roll to either side [deg].', low=0, high=45)
    gamma: float = option(0.35, 'Spread of log gamma.', low=0, high=2)
    contrast: float = option(0.3, 'Greatest change of contrast, relative.', low=0, high=0.9)
    saturation: float = option(0.6, 'Greatest change of saturation, relative.', low=0, high=1)
    colour: float = option(0.12, 'Greatest gain of one colour against the others, relative.',
                           low=0, high=0.9)
    blur: float = option(0.3, 'Probability of a blur.', low=0, high=1)
    noise: float = option(6.0, 'Greatest standard deviation of pixel noise [0..255].',
                          low=0, high=64)

    def check(self) -> None:
        """Magnifications must make an interval."""
        if self.scale_high < self.scale_low:
            raise ConfigError(f'scale_high: {self.scale_high} is below scale_low '
                              f'{self.scale_low}')


@dataclass(frozen=True)
class TrainingConfig(Config):
    """One training run of a teacher on partial labels."""

    seed: int = option(1, 'Seed of weights, sampling and augmentation.', low=0)
    steps: int = option(1200, 'Optimiser steps.', low=1)
    batch: int = option(8, 'Crops per step.', low=1)
    crop_height: int = option(224, 'Crop height [px at inference scale], multiple of 16.',
                              low=32)
    crop_width: int = option(384, 'Crop width [px at inference scale], multiple of 16.', low=32)
    network_pixels: int = option(288 * 512, 'Pixels that the network is made to see of a whole '
                                 'image; inference takes the same.', low=32 * 32)
    stored_magnification: float = option(
        1.4, 'Images are kept for training at this scale relative to inference.', low=0.5, high=4)
    optimiser: str = option('adamw', 'adamw with a one-cycle schedule, or sgd with a falling '
                            "one, Segmenter's own.", choices=('adamw', 'sgd'))
    learning_rate: float = option(4e-3, 'Highest of the schedule.', low=1e-7, high=1)
    weight_decay: float = option(0.02, 'Weight decay, decoupled for adamw.', low=0, high=1)
    momentum: float = option(0.9, 'Momentum of sgd.', low=0, high=1)
    poly_power: float = option(0.9, 'Power of what is left of the steps, which the learning rate '
                               'of sgd follows.', low=0, high=10)
    clip: float = option(5.0, 'Longest gradient over all weights; 0 = any.', low=0)
    precision: str = option('fp32', 'bf16: bfloat16 where it is enough (autocast); weights stay '
                            'float32.', choices=('fp32', 'bf16'))
    accumulate: int = option(1, 'Parts in which a device takes its share of a batch, to save '
                             'memory; batch normalisation sees parts.', low=1, high=1024)
    label_smoothing: float = option(0.05, 'Share of the target spread over all classes.',
                                    low=0, high=0.9)
    class_weight_power: float = option(
        0.35, 'A class weighs its frequency to the minus this power.', low=0, high=1)
    checkpoint_every: int = option(50, 'Steps between checkpoints and log rows.', low=1)
    threads: int = option(2, 'CPU threads of torch.', low=1, high=64)
    model: ModelConfig = section(ModelConfig)
    augment: AugmentConfig = section(AugmentConfig)
    window: WindowConfig = section(WindowConfig)
    collapse: CollapseConfig = section(CollapseConfig)
    execution: ExecutionConfig = section(ExecutionConfig)

    def check(self) -> None:
        """Crops and windows must fit the network's stride, parts of a batch hold a crop."""
        sides = {'crop_height': self.crop_height, 'crop_width': self.crop_width,
                 'window.side_px': self.window.side_px}
        for name, side in sides.items():
            if side % 16:
                raise ConfigError(f'{name}: {side} is no multiple of 16')
        if self.window.side_px and self.window.step_px > self.window.side_px:
            raise ConfigError(f'window.step_px: {self.window.step_px} is more than side_px '
                              f'{self.window.side_px}')
        if self.accumulate > self.batch:
            raise ConfigError(f'accumulate: {self.accumulate} parts of a batch of {self.batch}')
