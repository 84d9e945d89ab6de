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

"""Which frames become samples."""

from __future__ import annotations

from dseg_ros.config.dataset import SelectionConfig
import numpy as np
from numpy.typing import NDArray

NOT_NTH = 'not the n-th frame'
TOO_SOON = 'too soon after the last sample'
TOO_NEAR = 'too near to the last sample'
NO_POSITION = 'position unknown'


class Selector:
    """Decide frame by frame, in their order; distances are between places of samples."""

    def __init__(self, config: SelectionConfig) -> None:
        """Start anew: the first frame that has what is needed is taken."""
        self._config = config
        self._seen = 0
        self._stamp_ns: int | None = None
        self._position_m: NDArray[np.float64] | None = None

    def __call__(self, stamp_ns: int, position_m: NDArray[np.float64] | None = None
                 ) -> str | None:
        """
        Judge one frame.

        :param stamp_ns: stamp of its cloud [ns].
        :param position_m: (3,) where the vehicle was, in a frame that stands still [m], or None
            if that is not known.
        :returns: why it is left out, or None if it is taken.
        """
        self._seen += 1
        if (self._seen - 1) % self._config.every:
            return NOT_NTH
        if self._stamp_ns is not None:
            if 0 <= stamp_ns - self._stamp_ns < self._config.min_interval_s * 1e9:
                return TOO_SOON
        if self._config.min_distance_m > 0:
            if position_m is None:
                return NO_POSITION
            if self._position_m is not None and float(np.linalg.norm(
                    position_m - self._position_m)) < self._config.min_distance_m:
                return TOO_NEAR
        self._stamp_ns, self._position_m = stamp_ns, position_m
        return None
