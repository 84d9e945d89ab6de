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

"""Files that are there as a whole or not at all, whenever the process is killed."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np


def replace_file(path: Path, content: bytes) -> None:
    """Write a file."""
    part = path.with_name(path.name + '.part')
    part.write_bytes(content)
    os.replace(part, path)


def npz(arrays: dict[str, Any]) -> bytes:
    """Compress arrays into a file of numpy's."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
