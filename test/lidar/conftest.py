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

"""The street of boxes, looked at once per session."""

from __future__ import annotations

import numpy as np
import pytest
from street_of_boxes import CARS, look, Scene


@pytest.fixture(scope='session')
def scene() -> Scene:
    """Give the level street."""
    return look(np.array(CARS, float), 1200, 3)


@pytest.fixture(scope='session')
def hill() -> Scene:
    """Give the street on a slope of 6 percent."""
    return look(np.array(CARS, float), 1200, 4, slope=0.06)
