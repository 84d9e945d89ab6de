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

"""Bag reading by the library that ours stands on."""

from __future__ import annotations

from pathlib import Path


def rosbags_reader(path: Path) -> int:
    """Read the raw messages of a rosbag2 and count their bytes."""
    from rosbags.rosbag2 import Reader
    with Reader(path) as reader:
        return sum(len(data) for _, _, data in reader.messages())
