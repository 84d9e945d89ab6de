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

"""The best assignment of images to clouds among those that are known."""

from __future__ import annotations

from collections.abc import Sequence

NEVER = 1 << 62


def nearest(targets_ns: Sequence[int], stamps_ns: Sequence[int], tolerance_ns: int
            ) -> list[int | None]:
    """
    Assign images to clouds: order kept, each used once, sum of |dt| or else tolerance minimal.

    :param targets_ns: rising, where the image of each cloud is expected.
    :param stamps_ns: rising, of the images.
    :param tolerance_ns: largest |dt|, and the price of a cloud without image.
    :returns: for each target the index of its image, or None.
    """
    rows, columns = len(targets_ns), len(stamps_ns)
    cost = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        cost[i][columns] = cost[i + 1][columns] + tolerance_ns
        for j in range(columns - 1, -1, -1):
            dt = abs(targets_ns[i] - stamps_ns[j])
            pair = dt + cost[i + 1][j + 1] if dt <= tolerance_ns else NEVER
            cost[i][j] = min(pair, cost[i][j + 1], cost[i + 1][j] + tolerance_ns)
    result: list[int | None] = []
    j = 0
    for i in range(rows):
        while j < columns and cost[i][j] == cost[i][j + 1]:
            j += 1
        if cost[i][j] == cost[i + 1][j] + tolerance_ns:
            result.append(None)
        else:
            result.append(j)
            j += 1
    return result
