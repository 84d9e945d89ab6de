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

"""Weather: the light it makes, and how the camera develops it."""

from __future__ import annotations

import cv2
from dseg_ros.sim.light import Colour, Light
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
HEADLIGHT_RGB = (190.0, 181.0, 156.0)
STREET_LAMP_RGB = (30.0, 22.0, 12.5)
NO_SUN = (0.0, 0.0, 0.0)


def light_of(weather: str, rng: np.random.Generator) -> Light:
    """Choose the light of a drive: 'day', 'night', 'fog' or 'rain'."""
    azimuth, height = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(28.0, 58.0))
    sun: Colour = (float(np.cos(height) * np.cos(azimuth)),
                   float(np.cos(height) * np.sin(azimuth)), float(np.sin(height)))
    clouds = float(rng.uniform(0.22, 0.58))
    if weather == 'night':
        return Light(sun, NO_SUN, (0.010, 0.013, 0.026), (0.036, 0.034, 0.040), 0.0, 0.0008,
                     (0.02, 0.018, 0.016), 0.0, 1.0)
    if weather == 'fog':
        return Light(sun, NO_SUN, (0.62, 0.65, 0.68), (0.72, 0.74, 0.76), 0.0,
                     float(rng.uniform(0.018, 0.03)), (0.68, 0.70, 0.72), 0.25, 0.15)
    if weather == 'rain':
        return Light(sun, NO_SUN, (0.40, 0.43, 0.47), (0.50, 0.52, 0.55), 0.75, 0.0035,
                     (0.42, 0.44, 0.47), 1.0, 0.3)
    warm = float(rng.uniform(0.0, 1.0))
    return Light(sun, (2.25, 2.12 - 0.18 * warm, 1.86 - 0.4 * warm), (0.14, 0.33, 0.82),
                 (0.52, 0.70, 0.96), clouds, 0.0011, (0.62, 0.70, 0.80), 0.0, 0.0)


def lamps_of(light: Light, street_lamps: NDArray[np.float64],
             world_T_base: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Collect the lamps that shine now: the street's and the ego vehicle's headlights.

    :param street_lamps: (L, 3) places [m].
    :returns: (K, 11) for light.shade.
    """
    if light.night < 0.5:
        return np.zeros((0, 11))
    near = np.linalg.norm(street_lamps - world_T_base[:3, 3], axis=1) < 110.0
    count = int(near.sum())
    street = np.concatenate([street_lamps[near], np.tile(STREET_LAMP_RGB, (count, 1)),
                             np.tile([0.0, 0.0, -1.0, 0.1, 1.5], (count, 1))], axis=1)
    forward = world_T_base[:3, :3] @ [0.997, 0.0, -0.075]
    own = [[*(world_T_base @ [3.4, y, 0.75, 1.0])[:3], *HEADLIGHT_RGB, *forward, 0.78, 150.0]
           for y in (0.6, -0.6)]
    return np.concatenate([street, np.array(own)])


def develop(radiance: F32, weather: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """
    Turn radiance into an image: bloom, exposure, tone curve, rain, vignette, noise.

    :param radiance: (H, W, 3) float32 linear.
    :returns: (H, W, 3) uint8 RGB.
    """
    height, width = radiance.shape[:2]
    exposure = {'night': 1.9, 'fog': 0.95, 'rain': 1.35}.get(weather, 0.95)
    light = np.minimum(radiance, 30.0) * np.float32(exposure)
    light = _bloom(light, 0.10 if weather == 'night' else 0.025)
    if weather == 'rain':
        light = _streaks(light, rng)
    y, x = np.ogrid[-1.0:1.0:height * 1j, -1.0:1.0:width * 1j]
    light *= (1.0 - 0.13 * (x * x + y * y)).astype(np.float32)[..., None]
    # Filmic curve (Hable's shape in Narkowicz' rational form), then the display's gamma.
    toned = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)
    image = np.sqrt(np.clip(toned, 0.0, 1.0)) ** np.float32(0.92)
    noise = rng.standard_normal((height, width, 3), np.float32)
    strength = 0.020 if weather == 'night' else 0.008
    image += noise * (strength * (0.6 + 0.8 * np.sqrt(np.maximum(image, 0.0))))
    return np.asarray(np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _bloom(light: F32, share: float) -> F32:
    height, width = light.shape[:2]
    small = cv2.resize(np.maximum(light - 1.1, 0.0), (max(1, width // 4), max(1, height // 4)),
                       interpolation=cv2.INTER_AREA)
    near = cv2.GaussianBlur(small, (0, 0), max(0.5, width / 700))
    far = cv2.GaussianBlur(small, (0, 0), max(0.8, width / 140))
    glow = np.asarray(cv2.resize(4 * near + 3 * far, (width, height)), np.float32)
    return light + np.float32(share) * glow


def _streaks(light: F32, rng: np.random.Generator) -> F32:
    height, width = light.shape[:2]
    layer = np.zeros((height, width), np.float32)
    count = int(260 * width / 960)
    x, y = rng.uniform(0, width, count), rng.uniform(0, height, count)
    length = rng.uniform(0.02, 0.07, count) * height
    for i in range(count):
        cv2.line(layer, (int(x[i]), int(y[i])), (int(x[i] - 0.1 * length[i]),
                                                 int(y[i] + length[i])), (0.16,), 1, cv2.LINE_AA)
    soft = np.asarray(cv2.GaussianBlur(layer, (0, 0), 0.7), np.float32)
    return np.asarray(light + soft[..., None] * (0.25 + 0.5 * light.mean()), np.float32)
