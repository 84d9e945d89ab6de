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
Materials: how they look is in texture.py, how the LiDAR sees them is in the table here.

Reflectivities at 905 nm follow the order that real clouds show: retro-reflective signs and plates
far above paint, foliage and plaster above asphalt, glass and wet or dark surfaces lowest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

(ASPHALT, PAVING, KERB, GRASS, MARKING, FACADE, ROOF, FOLIAGE, BARK, CAR_PAINT, GLASS, RUBBER,
 METAL, PLASTIC, CLOTH, SKIN, SIGN, WALL, WOOD, STONE, TAIL_LIGHT, HEAD_LIGHT, LAMP_RED,
 LAMP_AMBER, LAMP_GREEN, STREET_LAMP, PLATE, COACH, EARTH) = range(29)

_NEAR_INFRARED = {
    ASPHALT: (0.12, 0.03), PAVING: (0.25, 0.02), KERB: (0.30, 0.02), GRASS: (0.38, 0.03),
    MARKING: (0.62, 0.01), FACADE: (0.40, 0.01), ROOF: (0.28, 0.02), FOLIAGE: (0.45, 0.06),
    BARK: (0.30, 0.02), CAR_PAINT: (0.30, 0.08), GLASS: (0.05, 0.55), RUBBER: (0.06, 0.12),
    METAL: (0.35, 0.03), PLASTIC: (0.15, 0.04), CLOTH: (0.40, 0.02), SKIN: (0.45, 0.02),
    SIGN: (1.00, 0.00), WALL: (0.35, 0.01), WOOD: (0.42, 0.02), STONE: (0.35, 0.01),
    TAIL_LIGHT: (0.80, 0.02), HEAD_LIGHT: (0.60, 0.10), LAMP_RED: (0.30, 0.05),
    LAMP_AMBER: (0.30, 0.05), LAMP_GREEN: (0.30, 0.05), STREET_LAMP: (0.20, 0.05),
    PLATE: (0.95, 0.00), COACH: (0.35, 0.05), EARTH: (0.25, 0.02)}

NEAR_INFRARED: NDArray[np.float32] = np.array(
    [_NEAR_INFRARED[m] for m in range(len(_NEAR_INFRARED))], np.float32)
"""(29, 2): diffuse reflectivity at 905 nm, share of pulses that never return."""

(FLOOR_M, WINDOW_WIDTH_M, WINDOW_HEIGHT_M, SPACING_M, SILL_M, WALL_KIND, SHOP, TRIM_R, TRIM_G,
 TRIM_B, HASH, LENGTH_M, HEIGHT_M, LIT_SHARE, SHUTTERS, STYLE_COLUMNS) = range(16)
"""Columns of a facade's row in the table of styles."""

PLASTER, BRICK, PANEL = range(3)
SIGN_KIND = 0
"""Column of a sign's row in the table of styles."""
(SPEED_LIMIT, WARNING, PRIORITY, PARKING, STOP, KEEP_RIGHT, NO_ENTRY, SIGN_BACK) = range(8)
