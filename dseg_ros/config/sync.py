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

"""Configuration of pairing: which image belongs to which cloud, and the motion between them."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.config.schema import Config, option


@dataclass(frozen=True)
class SyncConfig(Config):
    """How images are matched with clouds by their stamps."""

    tolerance_ms: tuple[float, ...] = option(
        (100.0,), 'Largest distance between an image and its cloud [ms]; one value for all '
        'cameras, or one per camera.', low=0.0)
    offset_ms: tuple[float, ...] = option(
        (0.0,), 'What a perfectly matching image is later than its cloud [ms]; negative if it is '
        'earlier; one value for all cameras, or one per camera.')
    wait_ms: float = option(
        300.0, 'How far any sensor may go on after a cloud came before that stops waiting for a '
        'nearer image [ms].', low=0.0)
    min_images: int = option(
        1, 'Cameras that must have an image for a cloud to be used.', low=0)
    queue: int = option(
        32, 'Images per camera, and clouds, that are kept waiting.', low=1)
    jump_back_ms: float = option(
        150.0, 'A stamp this much before its predecessor means that the clock was set back, as '
        'when a recording starts again; less is a message out of order [ms].', low=0.0)


@dataclass(frozen=True)
class MotionConfig(Config):
    """What is known of the moment of a cloud and of the motion between cloud and image."""

    fixed: str = option(
        'odom', 'Frame that stands still while the vehicle drives; empty = no motion '
        'compensation.')
    lidar_stamp: str = option(
        'middle', 'What the stamp of a cloud without per-point times marks of its sweep.',
        choices=('start', 'middle', 'end'))
    sweep_ms: float = option(
        100.0, 'Duration of a sweep, where per-point times do not tell [ms].', low=0.0)
    deskew: bool = option(
        True, 'Move each point to where it is at the stamp of its cloud, by per-point time and '
        'ego motion; false if the driver has done so.')
    extrapolate_ms: float = option(
        100.0, 'How far beyond the last known pose constant velocity is believed [ms].', low=0.0)
    max_wait_s: float = option(
        0.3, 'A pair waits at most this long for its transforms [s].', low=0.0)
